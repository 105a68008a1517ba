//! The interpreter on several workers in one thread, without timely: stages run in lockstep, packets are handed over by
//! hand. It isolates what the interpreter does from what the shell around it does.

use bellwether_dataflow::lower::{Options, QueryInput, RuleInput, compile};
use bellwether_model::{Decision, Labels, Runs, Value, worker_of_shard};
use bellwether_operators::evaluate::{EpochOutput, EpochTimes, Evaluator, ExpressionError, Packet, VectorRow};
use bellwether_operators::program::{Placement, Program};
use bellwether_operators::window::SeriesStore;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One series' samples.
pub type Series = (Labels, Vec<(i64, Value)>);

/// Workers in lockstep.
pub struct Local {
    workers: Vec<(Evaluator, SeriesStore)>,
    numbers: BTreeMap<Labels, u32>,
    epoch: u64,
    late_ms: i64,
    program: Arc<Program>,
}

/// Everything that epochs gave.
#[derive(Debug, Default)]
pub struct Given {
    pub decisions: Vec<Decision>,
    pub vectors: Vec<VectorRow>,
    pub errors: Vec<ExpressionError>,
}

impl Local {
    pub fn new(peers: usize, program: Program) -> Self {
        let program = Arc::new(program);
        let mut workers: Vec<_> = (0..peers).map(|w| (Evaluator::new(w, peers), SeriesStore::default())).collect();
        for (evaluator, store) in &mut workers {
            evaluator.install(Arc::clone(&program), store);
        }
        Self { workers, numbers: BTreeMap::new(), epoch: 0, late_ms: i64::MIN, program }
    }

    /// Nodes that the last epoch looked at, on all workers.
    pub fn visited(&self) -> u64 {
        self.workers.iter().map(|(evaluator, _)| evaluator.visited()).sum()
    }

    fn admit(&mut self, series: &[Series], after_ms: i64, upto_ms: i64) {
        let peers = self.workers.len();
        for (labels, samples) in series {
            let next = self.numbers.len() as u32;
            let number = *self.numbers.entry(labels.clone()).or_insert(next);
            let placement = Placement::By(self.program.entity_labels.clone());
            let shard = placement.shard(&self.program.tenant, labels).unwrap();
            let (evaluator, store) = &mut self.workers[worker_of_shard(shard, peers)];
            let mut runs = Runs::default();
            if number == next {
                runs.defs.push((number, labels.clone()));
            }
            for (t, v) in samples.iter().filter(|(t, _)| *t > after_ms && *t <= upto_ms) {
                runs.push_value(number, *t, v.clone(), start_ms(labels, *t));
            }
            for slot in store.admit(0, &runs, self.late_ms).appeared {
                for selector in &self.program.selectors {
                    evaluator.candidate(store, selector.id, slot, 1);
                }
            }
        }
    }

    /// Runs an epoch whose watermark is `upto_ms`; `after_ms` is where the last one ended.
    pub fn epoch(&mut self, series: &[Series], after_ms: i64, times: EpochTimes, given: &mut Given) {
        self.admit(series, after_ms, times.watermark_ms);
        self.late_ms = times.watermark_ms;
        self.epoch += 1;
        self.workers.iter_mut().for_each(|(e, _)| e.begin(EpochTimes { epoch: self.epoch, ..times }));
        let mut inboxes: Vec<Vec<Packet>> = vec![Vec::new(); self.workers.len()];
        loop {
            let mut outgoing = Vec::new();
            let mut more = Vec::new();
            for (w, (evaluator, store)) in self.workers.iter_mut().enumerate() {
                more.push(evaluator.stage(store, std::mem::take(&mut inboxes[w]), &mut outgoing));
            }
            assert!(more.iter().all(|m| *m == more[0]), "workers disagree on the schedule");
            if !more[0] {
                assert!(outgoing.is_empty(), "packets after the last stage: {outgoing:?}");
                break;
            }
            for packet in outgoing {
                inboxes[packet.to as usize].push(packet);
            }
            inboxes.iter_mut().for_each(|inbox| inbox.sort_by_key(|p| (p.node, p.from)));
        }
        for (evaluator, store) in &mut self.workers {
            let EpochOutput { decisions, vectors, errors, .. } = evaluator.finish(store);
            given.decisions.extend(decisions);
            given.vectors.extend(vectors);
            given.errors.extend(errors);
            // The join retracts what is gone, and its slot may be another series' then.
            for slot in store.prune(evaluator.retain_from_ms()) {
                for selector in &self.program.selectors {
                    evaluator.candidate(store, selector.id, slot, -1);
                }
            }
        }
    }
}

/// Counters with the label `restarts` begin to count again every so many ms.
fn start_ms(labels: &Labels, at_ms: i64) -> i64 {
    labels.get("restarts").parse().map_or(0, |every_ms: i64| at_ms - at_ms.rem_euclid(every_ms))
}

/// Compiles and runs everything over `series`, in epochs of `block_ms`.
pub fn run(
    rules: &[RuleInput<'_>],
    queries: &[QueryInput<'_>],
    options: &Options,
    series: &[Series],
    (from_ms, to_ms): (i64, i64),
    (peers, block_ms): (usize, i64),
) -> Given {
    let program = compile(rules, queries, options).unwrap().program;
    let (warm_from_ms, read_from_ms) = (program.warm_from_ms(from_ms, None), program.read_from_ms(from_ms, None));
    // Steps at the end may wait for later samples.
    let end_ms = program.read_upto_ms(to_ms);
    let mut local = Local::new(peers, program);
    let mut given = Given::default();
    let mut after = i64::MIN;
    let mut upto = (read_from_ms - 1).div_euclid(block_ms) * block_ms;
    while after < end_ms {
        let watermark_ms = upto.min(end_ms);
        let times =
            EpochTimes { epoch: 0, watermark_ms, warm_from_ms, from_ms, to_ms, history_ms: i64::MIN, lost: false };
        local.epoch(series, after, times, &mut given);
        after = watermark_ms;
        upto += block_ms;
    }
    given.decisions.sort_by_key(Decision::order);
    // Rows of one element are cut where epochs are: put them together.
    let mut joined: BTreeMap<(u32, Option<Labels>), VectorRow> = BTreeMap::new();
    for row in given.vectors.drain(..) {
        match joined.get_mut(&(row.tag, row.labels.clone())) {
            Some(whole) => {
                whole.steps_ms.extend(row.steps_ms);
                whole.values.extend(row.values);
                whole.histograms.extend(row.histograms);
            }
            None => drop(joined.insert((row.tag, row.labels.clone()), row)),
        }
    }
    given.vectors = joined.into_values().collect();
    given
}
