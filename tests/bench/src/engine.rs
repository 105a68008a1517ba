//! The engine on the same batches: rules compiled to the one dataflow, run on threads.

use crate::input::{Input, START_MS};
use bellwether_dataflow::lower::{Options, RuleInput, RuleKind, compile};
use bellwether_dataflow::promql::parse;
use bellwether_dataflow::render::{
    EpochFeed, Feed, FeedError, MergedOutput, Next, Output, OutputError, RunConfig, run,
};
use bellwether_dataflow::time::Binding;
use bellwether_operators::evaluate::EpochTimes;
use bellwether_operators::program::Program;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

struct Batches {
    input: Input,
    worker: usize,
    peers: usize,
    next: usize,
    program: Option<Arc<Program>>,
}

impl Feed for Batches {
    fn next(&mut self) -> Result<Next, FeedError> {
        if self.next == self.input.epochs() {
            return Ok(Next::End);
        }
        let e = self.next;
        self.next += 1;
        let times = EpochTimes {
            epoch: e as u64 + 1,
            watermark_ms: self.input.watermark_ms(e),
            warm_from_ms: START_MS,
            from_ms: START_MS,
            to_ms: self.input.watermark_ms(self.input.epochs()),
            history_ms: i64::MIN,
            lost: false,
        };
        let binding = Binding::new(times, self.program.take());
        Ok(Next::Epoch(EpochFeed { binding, runs: vec![self.input.epoch(e, self.worker, self.peers, true)] }))
    }
}

/// Counts decisions.
struct Count(Arc<AtomicU64>);

impl Output for Count {
    fn epoch(&mut self, _epoch: u64, out: MergedOutput) -> Result<(), OutputError> {
        self.0.fetch_add(out.decisions.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// What a run gave.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// Timely operators a worker.
    pub operators: usize,
    /// Decisions.
    pub decisions: u64,
}

/// `alert: rate(m[5m]) > threshold + i` for `i` in `0..rules`, every 15 s.
pub fn program(rules: usize, threshold: f64) -> Result<Program, String> {
    let texts: Vec<String> = (0..rules).map(|i| format!("rate(m[5m]) > {}", threshold + i as f64)).collect();
    program_of(&texts)
}

/// An alert for each expression, every 15 s.
pub fn program_of(texts: &[String]) -> Result<Program, String> {
    let exprs = texts.iter().map(|t| parse(t).map_err(|e| e.to_string())).collect::<Result<Vec<_>, _>>()?;
    let inputs: Vec<RuleInput<'_>> = texts
        .iter()
        .zip(&exprs)
        .enumerate()
        .map(|(i, (text, expr))| RuleInput {
            file: "bench.yml",
            group: "bench",
            name: "Fast",
            kind: RuleKind::Alert,
            expr,
            expr_text: text,
            labels: vec![("n".to_owned(), i.to_string())],
            annotations: Vec::new(),
            queries: &[],
            for_ms: 0,
            keep_firing_for_ms: 0,
            limit: 0,
            interval_ms: Some(crate::cost::STEP_MS),
            query_offset_ms: None,
            order: (0, 0, i),
        })
        .collect();
    let compiled = compile(&inputs, &[], &Options::default());
    compiled.map(|c| c.program).map_err(|e| format!("{e:?}"))
}

/// Runs a program over an input.
pub fn engine(input: Input, program: Program, workers: usize) -> Result<Ran, String> {
    let program = Arc::new(program);
    let decisions = Arc::new(AtomicU64::new(0));
    let config = RunConfig { workers, ..RunConfig::default() };
    let feed = move |worker, peers| {
        let batches = Batches { input, worker, peers, next: 0, program: Some(Arc::clone(&program)) };
        Box::new(batches) as Box<dyn Feed>
    };
    let output = Box::new(Count(Arc::clone(&decisions)));
    let report = run(config, feed, output, Arc::new(AtomicBool::new(false))).map_err(|e| e.to_string())?;
    Ok(Ran { operators: report.operators, decisions: decisions.load(Ordering::Relaxed) })
}
