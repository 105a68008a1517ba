//! HA pairs: two senders of the same samples, of which one counts.
//!
//! # Position
//! requests → log, with the samples of all replicas as they came → **[`Referee`]** elects, in the binding → **[`Admission`]** takes
//! apart → the dataflow, queries, warm starts, the archive
//!
//! # Semantics (Mimir's HA tracker; [`Election`] says who is elected)
//! A series that carries both labels is one of a pair. Behind the log it is the series without the replica label if its replica
//! is elected in the epoch that its sample is bound to, else the sample is dropped and counted. Series with one of the labels or none
//! stay as they are. A stale marker of a replica that is not elected ends nothing; of two replicas' samples with one stamp the
//! first in log order counts, as of any two.
//!
//! # Why behind the log
//! Whether a sample counts is known with the binding that covers it, which may come later than the fsync that acknowledges it. So
//! the log has what came, the series file label sets as they came, and the binding both labels' names and the choice for each cluster that its
//! rows are of. Everything that reads the log takes it apart by the binding that covers a row and needs nothing else: not
//! the configuration of today, nor a binding before. A restart mints on with the choices of its checkpoint and of the bindings
//! behind it. The archive has what counted, under the labels that it counted as; so its bindings' choices find nothing to take apart in it,
//! and a replay of the archive and of the log behind it is fed what the live run was.
//!
//! # State
//! 12 bytes a series, and a line for each replica: bounded by the series known. A pair's series are three in the dictionary.
//!
//! # Limits
//! What the other replica delivered while the elected one was silent is not taken up behind a fail-over: samples may lack for as long as
//! that takes, which windows and lookback have to bear. An epoch's time is its binding's: what had to wait for a start of ours
//! counts as heard then.

use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_dataflow::time::{Bound, Elected, Election, Pairs};
use bellwether_model::{Labels, hash64};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How pairs are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairSpec {
    /// The label that the replicas of a cluster have in common.
    pub cluster_label: String,
    /// The label that says which replica it is.
    pub replica_label: String,
    /// How long the elected replica may be silent, ms.
    pub failover_ms: i64,
}

impl Default for PairSpec {
    /// The labels and the time that Mimir and Cortex have.
    fn default() -> Self {
        Self { cluster_label: "cluster".to_owned(), replica_label: "__replica__".to_owned(), failover_ms: 30_000 }
    }
}

impl PairSpec {
    /// Whether a series is one of a pair as it came.
    pub fn is_of_pair(&self, labels: &Labels) -> bool {
        !labels.get(&self.replica_label).is_empty() && !labels.get(&self.cluster_label).is_empty()
    }
}

/// A replica as metrics show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStats {
    /// The cluster.
    pub cluster: String,
    /// The replica.
    pub replica: String,
    /// Whether it is the one that counts.
    pub is_elected: bool,
    /// How often it was elected in place of another one.
    pub failovers: u64,
    /// When it delivered last, ms; `None` where it has not since the start.
    pub heard_ms: Option<i64>,
    /// Its samples that did not count.
    pub dropped: u64,
}

/// What is known of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Unseen,
    /// Nobody else sends it.
    Single,
    /// Of a replica, by its place; and the number of the series without the replica label.
    OfPair(u32, u32),
}

/// A replica by the hashes of its names.
type Key = (u64, u64);

/// Takes rows apart as their binding says.
pub(super) struct Admission {
    dictionary: Arc<Dictionary>,
    /// The labels by which the rest was made.
    labels: (String, String),
    known: Vec<Known>,
    replicas: Vec<(Key, ReplicaStats)>,
    places: HashMap<Key, u32>,
}

impl Admission {
    pub fn new(dictionary: &Arc<Dictionary>) -> Self {
        let (labels, known, replicas, places) = Default::default();
        Self { dictionary: Arc::clone(dictionary), labels, known, replicas, places }
    }

    /// From now on pairs are told apart by these labels.
    fn tell_apart(&mut self, cluster_label: &str, replica_label: &str) {
        if (self.labels.0.as_str(), self.labels.1.as_str()) != (cluster_label, replica_label) {
            let dictionary = Arc::clone(&self.dictionary);
            *self = Self { labels: (cluster_label.to_owned(), replica_label.to_owned()), ..Self::new(&dictionary) };
        }
    }

    fn known(&mut self, series: u32) -> Known {
        let at = series as usize;
        if at >= self.known.len() {
            self.known.resize((at + 1).max(self.dictionary.len()), Known::Unseen);
        }
        if self.known[at] == Known::Unseen
            && let Some(labels) = self.dictionary.labels(series)
        {
            self.known[at] = self.look(&labels);
        }
        self.known[at]
    }

    fn look(&mut self, labels: &Labels) -> Known {
        let (cluster, replica) = (labels.get(&self.labels.0), labels.get(&self.labels.1));
        if cluster.is_empty() || replica.is_empty() {
            return Known::Single;
        }
        let key = (hash64(&[cluster.as_bytes()]), hash64(&[replica.as_bytes()]));
        let place = *self.places.entry(key).or_insert(self.replicas.len() as u32);
        if place as usize == self.replicas.len() {
            let (cluster, replica) = (cluster.to_owned(), replica.to_owned());
            let (is_elected, failovers, heard_ms, dropped) = Default::default();
            self.replicas.push((key, ReplicaStats { cluster, replica, is_elected, failovers, heard_ms, dropped }));
        }
        Known::OfPair(place, self.dictionary.define(&labels.without(&self.labels.1)).0)
    }

    /// The places of the replicas that rows are of, in the order of their first rows.
    fn delivered<'a>(&mut self, rows: impl Iterator<Item = &'a Rows>) -> Vec<u32> {
        let (mut seen, mut places) = (Vec::new(), Vec::new());
        for rows in rows {
            for series in rows.series.iter().copied().chain(rows.histograms.iter().map(|h| h.series)) {
                let Known::OfPair(place, _) = self.known(series) else { continue };
                if seen.len() < self.replicas.len() {
                    seen.resize(self.replicas.len(), false);
                }
                if !std::mem::replace(&mut seen[place as usize], true) {
                    places.push(place);
                }
            }
        }
        places
    }

    /// Leaves what counts of rows that a binding covers, under the labels that it counts as.
    pub fn admit(&mut self, pairs: &Pairs, rows: &mut Rows) {
        self.tell_apart(&pairs.cluster_label, &pairs.replica_label);
        // Rows of one request are of one replica, mostly.
        let mut last = (u32::MAX, false);
        let mut number = |me: &mut Self, series: u32| match me.known(series) {
            Known::OfPair(place, bare) => {
                if last.0 != place {
                    last = (place, me.counts(pairs, place));
                }
                me.replicas[place as usize].1.dropped += u64::from(!last.1);
                last.1.then_some(bare)
            }
            Known::Single | Known::Unseen => Some(series),
        };
        let mut kept = 0;
        for i in 0..rows.series.len() {
            let Some(series) = number(self, rows.series[i]) else { continue };
            (rows.series[kept], rows.stamps[kept], rows.values[kept]) = (series, rows.stamps[i], rows.values[i]);
            if !rows.starts.is_empty() {
                rows.starts[kept] = rows.starts[i];
            }
            kept += 1;
        }
        rows.series.truncate(kept);
        rows.stamps.truncate(kept);
        rows.values.truncate(kept);
        rows.starts.truncate(kept);
        rows.histograms.retain_mut(|h| number(self, h.series).map(|series| h.series = series).is_some());
    }

    fn counts(&self, pairs: &Pairs, place: u32) -> bool {
        let (cluster, replica) = self.replicas[place as usize].0;
        let at = pairs.elected.binary_search_by_key(&cluster, |(cluster, _)| *cluster);
        at.is_ok_and(|at| pairs.elected[at].1.replica == replica)
    }
}

/// Elects where bindings are minted.
pub(super) struct Referee {
    spec: PairSpec,
    election: Election,
    admission: Admission,
}

impl Referee {
    /// One that goes on with the choices of an election.
    pub fn new(spec: PairSpec, election: Election, dictionary: &Arc<Dictionary>) -> Self {
        let mut admission = Admission::new(dictionary);
        admission.tell_apart(&spec.cluster_label, &spec.replica_label);
        Self { spec, election, admission }
    }

    /// Looks at every series there is, so that replicas have their names although they do not deliver.
    pub fn look_at_all(&mut self) {
        (0..self.admission.dictionary.len()).for_each(|number| {
            self.admission.known(number as u32);
        });
    }

    /// Writes into a binding who counts among those that its rows are of.
    pub fn elect<'a>(&mut self, bound: &mut Bound, rows: impl Iterator<Item = &'a Rows>) {
        let places = self.admission.delivered(rows);
        let before: HashMap<u64, u64> = self.election.choices().map(|(cluster, e)| (cluster, e.replica)).collect();
        let keys: Vec<Key> = places.iter().map(|place| self.admission.replicas[*place as usize].0).collect();
        let elected = self.election.elect(bound.wall_ms, keys);
        for place in places {
            self.admission.replicas[place as usize].1.heard_ms = Some(bound.wall_ms);
        }
        for (cluster, Elected { replica, .. }) in &elected {
            if before.get(cluster).is_some_and(|before| before != replica)
                && let Some(place) = self.admission.places.get(&(*cluster, *replica))
            {
                self.admission.replicas[*place as usize].1.failovers += 1;
            }
        }
        let PairSpec { cluster_label, replica_label, .. } = self.spec.clone();
        bound.pairs = Some(Pairs { cluster_label, replica_label, elected });
    }

    /// Leaves what counts of the rows that a binding covers.
    pub fn admit(&mut self, bound: &Bound, rows: &mut [Rows]) {
        if let Some(pairs) = &bound.pairs {
            rows.iter_mut().for_each(|rows| self.admission.admit(pairs, rows));
        }
    }

    /// Choices in force, for a checkpoint.
    pub fn choices(&self) -> Vec<(u64, Elected)> {
        self.election.choices().collect()
    }

    /// Shows what is known of replicas.
    pub fn show(&mut self, shown: &Mutex<Vec<ReplicaStats>>) {
        let elected: HashMap<u64, u64> = self.election.choices().map(|(cluster, e)| (cluster, e.replica)).collect();
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        for (i, ((cluster, replica), stats)) in self.admission.replicas.iter_mut().enumerate() {
            stats.is_elected = elected.get(cluster) == Some(replica);
            match shown.get_mut(i) {
                // Names stay.
                Some(to) => {
                    let ReplicaStats { is_elected, failovers, heard_ms, dropped, .. } = *stats;
                    (to.is_elected, to.failovers, to.heard_ms, to.dropped) = (is_elected, failovers, heard_ms, dropped);
                }
                None => shown.push(stats.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_model::{Histogram, HistogramSample};

    fn dictionary(series: &[&[(&str, &str)]]) -> Arc<Dictionary> {
        let dictionary = Dictionary::new("");
        series.iter().for_each(|pairs| {
            dictionary.define(&Labels::from_pairs(pairs.iter().copied()));
        });
        Arc::new(dictionary)
    }

    fn hash(name: &str) -> u64 {
        hash64(&[name.as_bytes()])
    }

    fn pairs(elected: &[(&str, &str)]) -> Pairs {
        let mut elected: Vec<(u64, Elected)> =
            elected.iter().map(|(c, r)| (hash(c), Elected { replica: hash(r), heard_ms: 0 })).collect();
        elected.sort_unstable_by_key(|e| e.0);
        Pairs { cluster_label: "c".to_owned(), replica_label: "r".to_owned(), elected }
    }

    const SERIES: [&[(&str, &str)]; 6] = [
        &[("__name__", "up"), ("c", "x"), ("r", "1")],
        &[("__name__", "up"), ("c", "x"), ("r", "2")],
        &[("__name__", "up"), ("c", "y"), ("r", "1")],
        &[("__name__", "up"), ("c", "x")],
        &[("__name__", "up"), ("r", "2")],
        &[("__name__", "down")],
    ];

    #[test]
    fn what_counts_has_no_replica_and_the_rest_is_dropped() {
        let dictionary = dictionary(&SERIES);
        let mut admission = Admission::new(&dictionary);
        let mut rows = Rows::default();
        (0..6).for_each(|series| rows.push_started(series, 10, f64::from(series), i64::from(series)));
        let histogram = Arc::new(Histogram::default());
        let sample = |series| HistogramSample { series, stamp_ms: 20, histogram: histogram.clone(), start_ms: 0 };
        rows.histograms = (0..3).map(sample).collect();
        admission.admit(&pairs(&[("x", "2"), ("y", "1")]), &mut rows);
        let shown = |series: &u32| dictionary.labels(*series).unwrap_or_default().to_string();
        let got: Vec<String> = rows.series.iter().map(shown).collect();
        assert_eq!(got, ["up{c=\"x\"}", "up{c=\"y\"}", "up{c=\"x\"}", "up{r=\"2\"}", "down"]);
        assert_eq!(rows.values, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(rows.starts, [1, 2, 3, 4, 5]);
        assert_eq!(
            rows.histograms.iter().map(|h| shown(&h.series)).collect::<Vec<_>>(),
            ["up{c=\"x\"}", "up{c=\"y\"}"]
        );
        let dropped = admission.replicas.iter().map(|(_, r)| (r.replica.as_str(), r.dropped)).collect::<Vec<_>>();
        assert_eq!(dropped, [("1", 2), ("2", 0), ("1", 0)]);
        // Who is not in the binding does not count.
        let mut rows = Rows::default();
        (0..3).for_each(|series| rows.push(series, 10, 0.0));
        admission.admit(&pairs(&[("x", "1")]), &mut rows);
        assert_eq!(rows.series.iter().map(shown).collect::<Vec<_>>(), ["up{c=\"x\"}"]);
    }

    #[test]
    fn the_binding_says_by_which_labels() {
        let dictionary = dictionary(&SERIES);
        let mut admission = Admission::new(&dictionary);
        let mut rows = Rows::default();
        (0..2).for_each(|series| rows.push(series, 10, 0.0));
        let before = rows.clone();
        admission.admit(&Pairs { replica_label: "other".to_owned(), ..pairs(&[]) }, &mut rows);
        assert_eq!(rows, before);
        admission.admit(&pairs(&[("x", "2")]), &mut rows);
        assert_eq!((rows.len(), dictionary.labels(rows.series[0])), (1, dictionary.labels(3)));
    }
}
