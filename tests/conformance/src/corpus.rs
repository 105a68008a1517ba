//! All real rules in one program in one process: what loading, compiling and an idle tick cost.
//!
//! # Semantics
//! Two idle epochs are timed: one without any instant, and one with an instant of every grid of a minute and no samples.
//! The number of timely operators is counted by the run itself.

use bellwether_dataflow::lower::{Compiled, Options, RuleInput, compile, rule_inputs};
use bellwether_dataflow::render::{Collect, EpochFeed, Feed, FeedError, Next, RunConfig, run};
use bellwether_dataflow::rules::RuleSet;
use bellwether_dataflow::time::Binding;
use bellwether_operators::evaluate::EpochTimes;
use bellwether_operators::program::Program;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two minutes: the first epochs hold no instant of any usual grid.
const START_MS: i64 = 1_700_000_000_001;

/// More rounds than a run would want: what is measured here is that they stay few.
const MAX_STAGES: usize = 2_000;

/// Rules compiled into one program.
#[derive(Debug)]
pub struct Corpus {
    /// Rules that compile.
    pub rules: usize,
    /// Time to read the files.
    pub load: Duration,
    /// Time to compile them.
    pub compile: Duration,
    /// The program and what sharing saves.
    pub compiled: Compiled,
}

/// Loads all real rules and compiles those that are supported, or the first `most` of them.
pub fn corpus(shared: &Path, most: usize) -> Result<Corpus, String> {
    let begin = Instant::now();
    let set: RuleSet = crate::rules::everything(shared)?;
    let load = begin.elapsed();
    let options = Options { max_stages: MAX_STAGES, ..Options::default() };
    let mut inputs: Vec<RuleInput<'_>> = rule_inputs(&set);
    inputs.truncate(most);
    let refused: BTreeSet<usize> =
        compile(&inputs, &[], &options).err().unwrap_or_default().iter().filter_map(|e| e.unit).collect();
    let good: Vec<RuleInput<'_>> =
        inputs.into_iter().enumerate().filter(|(i, _)| !refused.contains(i)).map(|(_, r)| r).collect();
    let begin = Instant::now();
    let compiled = compile(&good, &[], &options).map_err(|e| format!("{e:?}"))?;
    Ok(Corpus { rules: good.len(), load, compile: begin.elapsed(), compiled })
}

/// Epochs without samples, and when each was asked for.
struct Idle {
    program: Option<Arc<Program>>,
    next: u64,
    epochs: u64,
    epoch_ms: i64,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Feed for Idle {
    fn next(&mut self) -> Result<Next, FeedError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        if self.next > self.epochs {
            return Ok(Next::End);
        }
        let epoch = self.next;
        self.next += 1;
        let times = EpochTimes {
            epoch,
            watermark_ms: START_MS + self.epoch_ms * epoch as i64,
            warm_from_ms: START_MS,
            from_ms: START_MS,
            to_ms: i64::MAX / 4,
            history_ms: i64::MIN,
            lost: false,
        };
        let binding = Binding::new(times, self.program.take());
        Ok(Next::Epoch(EpochFeed { binding, runs: Vec::new() }))
    }
}

/// What idle epochs cost.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    /// Timely operators of the worker.
    pub operators: usize,
    /// Median time of an epoch.
    pub median: Duration,
}

/// Runs idle epochs of `epoch_ms` on one worker.
pub fn idle(program: &Program, epochs: u64, epoch_ms: i64) -> Result<Ticks, String> {
    let asked = Arc::<Mutex<Vec<Instant>>>::default();
    let (program, of_feed) = (Arc::new(program.clone()), Arc::clone(&asked));
    let config = RunConfig { max_in_flight: 1, ..RunConfig::default() };
    let feed = move |_, _| {
        let (program, asked) = (Some(Arc::clone(&program)), Arc::clone(&of_feed));
        Box::new(Idle { program, next: 1, epochs, epoch_ms, asked }) as Box<dyn Feed>
    };
    let report = run(config, feed, Collect::new().0, Arc::default()).map_err(|e| e.to_string())?;
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    // The first epochs install the program.
    let mut each: Vec<Duration> = asked.windows(2).skip(2).map(|w| w[1] - w[0]).collect();
    each.sort_unstable();
    let median = each.get(each.len() / 2).copied().unwrap_or_default();
    Ok(Ticks { operators: report.operators, median })
}

/// Resident memory of this process at its peak, MB, as Linux counts it.
pub fn peak_mb() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: usize = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Rules are rows: whatever their number, the dataflow has the same operators.
    #[test]
    fn operators_do_not_depend_on_the_rules() {
        let test = "operators_do_not_depend_on_the_rules";
        let Some(shared) = bellwether_test_support::shared_or_skip(test) else { return };
        let few = corpus(&shared, 20).unwrap();
        let many = corpus(&shared, 600).unwrap();
        let of = |c: &Corpus| idle(&c.compiled.program, 5, 1).unwrap().operators;
        assert!(few.rules <= 20 && many.rules > 500 && many.compiled.program.nodes.len() > 500);
        assert_eq!(of(&few), of(&many));
    }
}
