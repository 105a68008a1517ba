//! Placement: which shard a label set belongs to, which worker owns a shard.
//!
//! `vnode = H(tenant, values of the placement labels, "" where absent) mod 4096`, `shard = vnode / 64`; a worker owns
//! a contiguous range of the 64 shards, so that the aggregation tree's aligned subtrees have one owner.

use crate::hash::hash64;
use crate::labels::Labels;
use std::ops::Range;

/// Number of virtual nodes.
pub const VNODES: u64 = 4096;
/// Number of shards, the leaves of the aggregation tree. More workers than shards is refused.
pub const SHARDS: usize = 64;

/// The virtual node of a label set under the given placement labels.
pub fn vnode<S: AsRef<str>>(tenant: &str, labels: &Labels, by: &[S]) -> u64 {
    let mut parts: Vec<&[u8]> = Vec::with_capacity(by.len() + 1);
    parts.push(tenant.as_bytes());
    parts.extend(by.iter().map(|n| labels.get(n.as_ref()).as_bytes()));
    hash64(&parts) % VNODES
}

/// The shard of a virtual node.
pub fn shard_of_vnode(vnode: u64) -> usize {
    (vnode / (VNODES / SHARDS as u64)) as usize
}

/// The worker that owns a shard.
pub fn worker_of_shard(shard: usize, peers: usize) -> usize {
    shard * peers / SHARDS
}

/// The shards that a worker owns.
pub fn worker_shards(worker: usize, peers: usize) -> Range<usize> {
    let first = |w: usize| (w * SHARDS).div_ceil(peers);
    first(worker)..first(worker + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_has_one_owner() {
        for peers in 1..=SHARDS {
            for shard in 0..SHARDS {
                let owner = worker_of_shard(shard, peers);
                assert!(owner < peers);
                assert!(worker_shards(owner, peers).contains(&shard), "{shard} of {peers}");
            }
            assert_eq!((0..peers).map(|w| worker_shards(w, peers).len()).sum::<usize>(), SHARDS);
        }
    }
}
