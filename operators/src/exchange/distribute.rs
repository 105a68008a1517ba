//! Scatters a batch of runs to the workers that own its series' shards.
//!
//! # Semantics
//! A series goes to the owner of its shard, found once: when its definition passes. Definitions go to the owner only.
//! A batch whose series all have one owner (an archive that each worker reads by its own shards) goes on uncopied.
//!
//! # State
//! One number a series of the link, at the sender.

use super::RunBatch;
use bellwether_model::{Labels, Runs, shard_of_vnode, vnode, worker_of_shard};
use std::collections::BTreeMap;
use timely::communication::Push;
use timely::dataflow::channels::Message;
use timely::dataflow::channels::pact::DistributorPact;
use timely::dataflow::channels::pushers::exchange::Distributor;
use timely::progress::Stamp;

/// The exchange of runs: each series to the worker that owns its shard.
pub fn run_pact(
    tenant: &str,
    entity_labels: &[String],
) -> DistributorPact<impl FnOnce(usize) -> RunDistributor + use<>> {
    let (tenant, entity_labels) = (tenant.to_owned(), entity_labels.to_vec());
    DistributorPact(move |peers| RunDistributor { tenant, entity_labels, peers, owners: BTreeMap::new() })
}

/// Scatters batches by shard.
#[derive(Debug)]
pub struct RunDistributor {
    tenant: String,
    entity_labels: Vec<String>,
    peers: usize,
    /// By link: the owner of each series number that was defined.
    owners: BTreeMap<u32, Vec<u32>>,
}

impl RunDistributor {
    fn owner(&self, labels: &Labels) -> u32 {
        worker_of_shard(shard_of_vnode(vnode(&self.tenant, labels, &self.entity_labels)), self.peers) as u32
    }

    fn learn(&mut self, batch: &RunBatch) {
        for (number, labels) in &batch.runs.defs {
            let (at, owner) = (*number as usize, self.owner(labels));
            let owners = self.owners.entry(batch.link).or_default();
            if owners.len() <= at {
                // A run of an undefined number is dropped by whoever gets it.
                owners.resize(at + 1, 0);
            }
            owners[at] = owner;
        }
    }

    /// Splits a batch; an entry for each worker. A batch with one receiver is moved.
    pub fn split(&mut self, batch: &mut RunBatch) -> Vec<RunBatch> {
        self.learn(batch);
        let none = Vec::new();
        let owners = self.owners.get(&batch.link).unwrap_or(&none);
        let owner = |number: u32| owners.get(number as usize).copied().unwrap_or(0) as usize;
        let mut sizes = vec![(0, 0); self.peers];
        for run in batch.runs.iter() {
            let (runs, samples) = &mut sizes[owner(run.series)];
            *runs += 1;
            *samples += run.stamps.len();
        }
        let piece = || RunBatch::new(batch.link, Runs { seq: batch.runs.seq, ..Runs::default() });
        let mut pieces: Vec<RunBatch> = (0..self.peers).map(|_| piece()).collect();
        let numbers = batch.runs.series.iter().chain(batch.runs.defs.iter().map(|(n, _)| n));
        let numbers = numbers.chain(batch.runs.histograms.iter().map(|h| &h.series));
        let mut receivers = numbers.map(|n| owner(*n));
        let first = receivers.next().unwrap_or(0);
        if receivers.all(|r| r == first) {
            pieces[first] = std::mem::take(batch);
            return pieces;
        }
        for (piece, (runs, samples)) in pieces.iter_mut().zip(sizes) {
            piece.runs.series.reserve(runs);
            piece.runs.ends.reserve(runs);
            piece.runs.stamps.reserve(samples);
            piece.runs.values.reserve(samples);
        }
        for run in batch.runs.iter() {
            pieces[owner(run.series)].runs.push_run(run);
        }
        for (number, labels) in batch.runs.defs.drain(..) {
            pieces[owner(number)].runs.defs.push((number, labels));
        }
        for sample in batch.runs.histograms.drain(..) {
            pieces[owner(sample.series)].runs.histograms.push(sample);
        }
        pieces
    }
}

impl Distributor<RunBatch> for RunDistributor {
    fn partition<T: Clone, P: Push<Message<T, RunBatch>>>(
        &mut self,
        container: &mut RunBatch,
        stamp: &Stamp<T>,
        pushers: &mut [P],
    ) {
        let pieces = self.split(container);
        for (mut piece, pusher) in pieces.into_iter().zip(pushers) {
            if !piece.runs.is_empty() {
                Message::push_at(&mut piece, stamp.clone(), pusher);
            }
        }
    }

    /// Nothing is held back.
    fn flush<T: Clone, P: Push<Message<T, RunBatch>>>(&mut self, _stamp: &Stamp<T>, _pushers: &mut [P]) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_model::{Run, Value};
    use std::sync::Arc;
    use timely::Accountable;

    fn distributor(peers: usize) -> RunDistributor {
        let entity_labels = vec!["instance".to_owned()];
        RunDistributor { tenant: String::new(), entity_labels, peers, owners: BTreeMap::new() }
    }

    fn labels(i: u32) -> Labels {
        Labels::from_pairs([("__name__", "up"), ("instance", &format!("host-{i}"))])
    }

    fn batch(defs: std::ops::Range<u32>, series: std::ops::Range<u32>) -> RunBatch {
        let mut runs = Runs { seq: 7, ..Runs::default() };
        runs.defs = defs.map(|i| (i, labels(i))).collect();
        for i in series {
            let starts: &[i64] = if i % 5 == 0 { &[i64::from(i), 0] } else { &[] };
            runs.push_run(Run { series: i, stamps: &[1, 2], values: &[f64::from(i), 0.0], starts });
            if i % 3 == 0 {
                runs.push_value(i, 3, Value::Histogram(Arc::default()), 0);
            }
        }
        RunBatch::new(2, runs)
    }

    #[test]
    fn series_go_to_the_owner_of_their_shard_and_counts_are_kept() {
        for peers in 2..5 {
            let mut distributor = distributor(peers);
            for mut whole in [batch(0..50, 0..50), batch(50..50, 10..40)] {
                let count = whole.record_count();
                let pieces = distributor.split(&mut whole);
                assert_eq!(pieces.iter().map(Accountable::record_count).sum::<i64>(), count);
                for (worker, piece) in pieces.iter().enumerate() {
                    assert_eq!((piece.link, piece.runs.seq), (2, 7));
                    for run in piece.runs.iter() {
                        let home = shard_of_vnode(vnode("", &labels(run.series), &["instance"]));
                        assert_eq!(worker_of_shard(home, peers), worker);
                        assert_eq!(run.values[0], f64::from(run.series));
                        let start = if run.series % 5 == 0 { i64::from(run.series) } else { 0 };
                        assert_eq!(run.starts.first().copied().unwrap_or(0), start);
                    }
                    for sample in &piece.runs.histograms {
                        let home = shard_of_vnode(vnode("", &labels(sample.series), &["instance"]));
                        assert_eq!(worker_of_shard(home, peers), worker);
                    }
                }
            }
        }
    }

    #[test]
    fn a_batch_of_one_owner_is_moved() {
        let mut distributor = distributor(3);
        let mut whole = batch(4..5, 4..5);
        let (stamps, expected) = (whole.runs.stamps.as_ptr(), whole.clone());
        let pieces = distributor.split(&mut whole);
        let full: Vec<_> = pieces.iter().filter(|p| !p.runs.is_empty()).collect();
        assert_eq!(full, [&expected]);
        assert_eq!(full[0].runs.stamps.as_ptr(), stamps);
    }

    #[test]
    fn an_undefined_number_is_accounted_for() {
        let mut whole = batch(0..2, 0..9);
        let count = whole.record_count();
        let pieces = distributor(4).split(&mut whole);
        assert_eq!(pieces.iter().map(Accountable::record_count).sum::<i64>(), count);
    }
}
