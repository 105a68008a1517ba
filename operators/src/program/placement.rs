//! Where an element of a node is.

use super::Grouping;
use bellwether_model::{Labels, VNODES, hash64, is_metadata, shard_of_vnode, vnode};
use serde::{Deserialize, Serialize};

/// The rule by which an element's labels name its shard. Two nodes whose placement is equal and whose match key
/// contains the placement's labels can be joined, or grouped, without an exchange.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Placement {
    /// By the values of these labels, in this order ("" where absent). Ingested series are `By(entity_labels)`; the
    /// empty list is one home for all.
    By(Vec<String>),
    /// By all labels but these, the metric name and what goes with it; sorted.
    Except(Vec<String>),
    /// Anywhere: some label that placed the elements was written since.
    Scattered,
    /// The same on every worker.
    Replicated,
}

impl Placement {
    /// The shard of a label set; `None` where placement does not tell.
    pub fn shard(&self, tenant: &str, labels: &Labels) -> Option<usize> {
        match self {
            Self::By(names) => Some(shard_of_vnode(vnode(tenant, labels, names))),
            Self::Except(names) => {
                let rest = labels.filter(|n| !is_metadata(n) && !names.iter().any(|x| x == n));
                let parts: Vec<&[u8]> = std::iter::once(tenant.as_bytes())
                    .chain(rest.iter().flat_map(|(n, v)| [n.as_bytes(), v.as_bytes()]))
                    .collect();
                Some(shard_of_vnode(hash64(&parts) % VNODES))
            }
            Self::Scattered | Self::Replicated => None,
        }
    }

    /// Whether all elements with one key are on one worker.
    pub fn is_within(&self, key: &Grouping) -> bool {
        match (self, key) {
            (Self::By(p), Grouping::By(k)) => p.iter().all(|l| k.contains(l)),
            (Self::By(p), Grouping::Without(k)) => p.iter().all(|l| !k.contains(l) && !is_metadata(l)),
            (Self::Except(p), Grouping::Without(k)) => k.iter().all(|l| is_metadata(l) || p.contains(l)),
            (Self::Except(_), Grouping::By(_)) | (Self::Scattered, _) => false,
            (Self::Replicated, _) => true,
        }
    }

    /// The placement that puts each key on one worker.
    pub fn of_key(key: &Grouping) -> Self {
        match key {
            Grouping::By(k) => Self::By(k.clone()),
            Grouping::Without(k) => Self::Except(k.iter().filter(|l| !is_metadata(l)).cloned().collect()),
        }
    }

    /// The placement after some of an element's labels were written.
    pub fn after_writing(&self, written: &[String]) -> Self {
        match self {
            Self::By(p) if p.iter().any(|l| written.contains(l)) => Self::Scattered,
            Self::Except(p) if written.iter().any(|l| !is_metadata(l) && !p.contains(l)) => Self::Scattered,
            other => other.clone(),
        }
    }
}

impl std::fmt::Display for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::By(l) if l.is_empty() => f.write_str("one home"),
            Self::By(l) => write!(f, "by ({})", l.join(", ")),
            Self::Except(l) if l.is_empty() => f.write_str("by all labels"),
            Self::Except(l) => write!(f, "by all labels but ({})", l.join(", ")),
            Self::Scattered => f.write_str("scattered"),
            Self::Replicated => f.write_str("replicated"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(names: &[&str]) -> Vec<String> {
        names.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn a_key_is_local_iff_it_contains_the_placement_s_labels() {
        let entity = Placement::By(v(&["instance"]));
        assert!(entity.is_within(&Grouping::By(v(&["instance", "job"]))));
        assert!(!entity.is_within(&Grouping::By(v(&["job"]))));
        assert!(entity.is_within(&Grouping::Without(v(&["cpu"]))));
        assert!(!entity.is_within(&Grouping::Without(v(&["instance"]))));
        assert!(Placement::Except(v(&["le"])).is_within(&Grouping::Without(v(&["le"]))));
        assert!(!Placement::Except(v(&[])).is_within(&Grouping::Without(v(&["le"]))));
        assert!(Placement::By(v(&[])).is_within(&Grouping::By(v(&[]))));
    }

    #[test]
    fn a_written_label_scatters() {
        let entity = Placement::By(v(&["instance"]));
        assert_eq!(entity.after_writing(&v(&["job"])), entity);
        assert_eq!(entity.after_writing(&v(&["instance"])), Placement::Scattered);
        assert_eq!(Placement::Except(v(&["le"])).after_writing(&v(&["le"])), Placement::Except(v(&["le"])));
    }
}
