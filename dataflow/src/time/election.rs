//! Which replica of a pair is listened to: two Prometheus servers scrape the same targets, and one of them counts.
//!
//! # Semantics (as Cortex and Mimir have it)
//! Both send with a label of the cluster that they have in common and one of their own. The first that is heard of is elected, and
//! stays so while it delivers. Once it has been silent for the fail-over time, the next replica that delivers takes its
//! place, and keeps it when the other one comes back. An epoch has one elected replica a cluster, whatever arrived in it.
//!
//! # Time
//! That of bindings, never that of stamps: an epoch's samples came when the epoch was bound. So replicas whose clocks differ do not
//! compete, and who is elected is a function of what the log holds: for each epoch its wall clock, and which replicas its rows are of.
//! A silence of everybody, ours included, elects nobody: whoever comes first behind it counts, because it sends again what we missed.
//!
//! # State
//! A choice a cluster, for an hour after its last sample. It goes into the bindings ([`Pairs`]), so a restart has it again.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A choice is forgotten when its replica has been silent for so long, ms, and for the fail-over.
const FORGOTTEN_MS: i64 = 3_600_000;

/// The replica that is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elected {
    /// A hash of its name.
    pub replica: u64,
    /// When it delivered last, ms.
    pub heard_ms: i64,
}

/// What a binding says of pairs: how an epoch's samples are taken apart, and whose count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// The label that the replicas of a cluster have in common.
    pub cluster_label: String,
    /// The label that says which replica it is, and is no part of a series' identity.
    pub replica_label: String,
    /// The choice for each cluster, by a hash of its name, of which something came in this epoch; by hash.
    pub elected: Vec<(u64, Elected)>,
}

/// Elects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    failover_ms: i64,
    choices: BTreeMap<u64, Elected>,
}

impl Election {
    /// One in which nobody is elected yet; the elected replica may be silent for less than `failover_ms`.
    pub fn new(failover_ms: i64) -> Self {
        Self { failover_ms, choices: BTreeMap::new() }
    }

    /// Takes over choices that are durable already, the newest last.
    pub fn resume(&mut self, choices: impl IntoIterator<Item = (u64, Elected)>) {
        self.choices.extend(choices);
    }

    /// Choices in force, by cluster.
    pub fn choices(&self) -> impl Iterator<Item = (u64, Elected)> + '_ {
        self.choices.iter().map(|(cluster, elected)| (*cluster, *elected))
    }

    /// Elects for an epoch that is bound at `wall_ms`. `delivered`: cluster and replica of whatever came, in log order, as often as
    /// it may be. Gives the choice for each cluster of which something came.
    pub fn elect(&mut self, wall_ms: i64, delivered: impl IntoIterator<Item = (u64, u64)>) -> Vec<(u64, Elected)> {
        let silent_ms = |elected: &Elected| wall_ms.saturating_sub(elected.heard_ms);
        let kept_ms = FORGOTTEN_MS.max(self.failover_ms);
        self.choices.retain(|_, elected| silent_ms(elected) < kept_ms);
        // By cluster: who came first, and whether it was the elected one that came at all.
        let mut came: BTreeMap<u64, (u64, bool)> = BTreeMap::new();
        for (cluster, replica) in delivered {
            let (_, elected_came) = came.entry(cluster).or_insert((replica, false));
            *elected_came |= self.choices.get(&cluster).is_some_and(|elected| elected.replica == replica);
        }
        let elected = came.into_iter().map(|(cluster, (first, elected_came))| {
            let elected = match self.choices.entry(cluster) {
                Entry::Vacant(vacant) => *vacant.insert(Elected { replica: first, heard_ms: wall_ms }),
                Entry::Occupied(mut known) => {
                    let elected = known.get_mut();
                    if elected_came {
                        elected.heard_ms = wall_ms;
                    } else if silent_ms(elected) >= self.failover_ms {
                        *elected = Elected { replica: first, heard_ms: wall_ms };
                    }
                    *elected
                }
            };
            (cluster, elected)
        });
        elected.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAILOVER_MS: i64 = 30_000;

    fn of(elected: &[(u64, Elected)]) -> Vec<(u64, u64)> {
        elected.iter().map(|(cluster, elected)| (*cluster, elected.replica)).collect()
    }

    #[test]
    fn the_elected_replica_stays_until_it_has_been_silent() {
        let mut election = Election::new(FAILOVER_MS);
        assert_eq!(of(&election.elect(0, [(7, 1), (7, 2), (8, 2)])), [(7, 1), (8, 2)]);
        assert_eq!(of(&election.elect(29_999, [(7, 2)])), [(7, 1)]);
        // Within one epoch it does not matter who was first.
        assert_eq!(of(&election.elect(30_000, [(7, 2), (7, 1), (7, 2)])), [(7, 1)]);
        assert_eq!(of(&election.elect(59_999, [(7, 2)])), [(7, 1)]);
        assert_eq!(of(&election.elect(60_000, [(7, 3), (7, 2)])), [(7, 3)]);
        // Who comes back is not elected again.
        assert_eq!(of(&election.elect(61_000, [(7, 1)])), [(7, 3)]);
        assert_eq!(of(&election.elect(62_000, [(7, 1), (7, 3)])), [(7, 3)]);
        assert_eq!(election.elect(63_000, []), []);
    }

    #[test]
    fn when_all_were_silent_whoever_comes_first_counts() {
        let mut election = Election::new(FAILOVER_MS);
        election.elect(0, [(7, 1)]);
        assert_eq!(of(&election.elect(FAILOVER_MS, [(7, 2), (7, 1)])), [(7, 1)]);
        assert_eq!(of(&election.elect(3 * FAILOVER_MS, [(7, 2)])), [(7, 2)]);
        election.elect(3 * FAILOVER_MS + FORGOTTEN_MS, [(9, 1)]);
        assert_eq!(election.choices().map(|(cluster, _)| cluster).collect::<Vec<_>>(), [9]);
    }

    /// What an epoch of the schedule brings: the time since the one before, and who delivers in which order.
    fn epochs() -> impl Strategy<Value = Vec<(i64, Vec<(u64, u64)>)>> {
        let gap = prop_oneof![8 => 0i64..12_000, 2 => 12_000i64..70_000, 1 => 3_500_000i64..3_700_000];
        prop::collection::vec((gap, prop::collection::vec((0u64..3, 0u64..3), 0..5)), 1..60)
    }

    proptest! {
        #[test]
        fn choices_are_those_of_the_definition_and_a_restart_makes_the_same(all in epochs(), cut in any::<prop::sample::Index>()) {
            let (mut election, mut restarted) = (Election::new(FAILOVER_MS), Election::new(FAILOVER_MS));
            let (mut wall_ms, mut bindings, mut manifest) = (0, Vec::new(), Vec::new());
            let cut = cut.index(all.len());
            for (i, (gap_ms, delivered)) in all.iter().enumerate() {
                wall_ms += gap_ms;
                let elected = election.elect(wall_ms, delivered.iter().copied());
                // One choice for each cluster that came, of a replica that is known to it.
                let mut clusters: Vec<u64> = delivered.iter().map(|d| d.0).collect();
                clusters.sort_unstable();
                clusters.dedup();
                prop_assert_eq!(elected.iter().map(|e| e.0).collect::<Vec<_>>(), clusters);
                for (cluster, now) in &elected {
                    let came: Vec<u64> = delivered.iter().filter(|d| d.0 == *cluster).map(|d| d.1).collect();
                    let before: Option<&Elected> =
                        bindings.iter().flatten().rev().find(|(c, _): &&(u64, Elected)| c == cluster).map(|(_, e)| e);
                    let before = before.filter(|e| wall_ms - e.heard_ms < FORGOTTEN_MS);
                    let expected = match before {
                        Some(e) if came.contains(&e.replica) => Elected { heard_ms: wall_ms, ..*e },
                        Some(e) if wall_ms - e.heard_ms < FAILOVER_MS => *e,
                        _ => Elected { replica: came[0], heard_ms: wall_ms },
                    };
                    prop_assert_eq!(*now, expected);
                }
                bindings.push(elected);
                if i == cut / 2 {
                    manifest = election.choices().collect();
                }
            }
            // A restart behind the epoch `cut`: from the checkpoint at half of it and the bindings behind.
            restarted.resume(manifest.iter().copied());
            bindings[cut / 2 + 1..=cut].iter().for_each(|b| restarted.resume(b.iter().copied()));
            let mut wall_ms = all[..=cut].iter().map(|e| e.0).sum::<i64>();
            for (i, (gap_ms, delivered)) in all.iter().enumerate().skip(cut + 1) {
                wall_ms += gap_ms;
                prop_assert_eq!(&restarted.elect(wall_ms, delivered.iter().copied()), &bindings[i]);
            }
        }
    }
}
