//! `bellwether backtest --replay`: a live run again from its log and archive, under its own bindings.

use super::lateness::{self, Decided, Lateness};
use super::results::sink_failure;
use super::sinks::{Sinks, stdout_is_taken};
use crate::cli::backtest::Args;
use crate::commands::run::failure;
use crate::exit::{Failure, counted};
use crate::interrupt;
use crate::report::count::grouped;
use bellwether::live::{Arrival, LiveError, replay_folder};
use bellwether_connectors::disk::{Disk, RealDisk};
use bellwether_connectors::sink::{IfExists, PartialFile};
use bellwether_dataflow::render::{MergedOutput, Output, OutputError, RunError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Decisions to the sinks, nothing else.
struct Decisions {
    sinks: Sinks,
    /// Every decision, where they are to be compared.
    kept: Option<Kept>,
}

/// Decisions, shared with who compares them.
type Kept = Arc<Mutex<Vec<Decided>>>;

impl Output for Decisions {
    fn epoch(&mut self, _: u64, out: MergedOutput) -> Result<(), OutputError> {
        if let Some(kept) = &self.kept {
            let first = out.decisions.iter().filter(|d| d.decision.revision == 0);
            let decided = first.map(Decided::of);
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend(decided);
        }
        self.sinks.decisions(&out.decisions).map_err(OutputError::new)
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.sinks.finish().map_err(OutputError::new)
    }
}

/// Replays a state folder, and says what it gave and its hash: the one that the live run says at its end.
pub fn run(args: &Args, folder: &Path) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    if !folder.join("log").is_dir() {
        let path = folder.display();
        return Err(Failure::Input(format!("{path} is no state folder of bellwether run: it has no log")));
    }
    let begin = Instant::now();
    let kept = args.ideal.then(Kept::default);
    // Before anything is run: it may not be possible.
    let if_exists = if args.overwrite { IfExists::Replace } else { IfExists::Refuse };
    let written = args.report.as_ref().map(|path| PartialFile::create(path, if_exists)).transpose()?;
    let sinks = Box::new(Decisions { sinks: Sinks::open(args)?, kept: kept.clone() });
    let arrival = if args.ideal { Arrival::InTime } else { Arrival::AsItWas };
    let stop = interrupt::listen("epoch")?;
    let report = replay_folder(&disk, folder, args.peers(), arrival, sinks, stop).map_err(|error| match error {
        LiveError::Run(RunError::Output { error, .. } | RunError::Finish { error }) => sink_failure(error),
        other => failure(other),
    })?;
    let text = format!(
        "replayed {} with {} samples in {:.2} s: {}, hash {:032x}",
        counted(report.epochs as usize, "epoch"),
        grouped(report.counters.samples),
        begin.elapsed().as_secs_f64(),
        counted(report.decisions as usize, "decision"),
        report.rolling_hash,
    );
    if stdout_is_taken(args) {
        eprintln!("{text}")
    } else {
        println!("{text}")
    }
    if let Some(kept) = kept.filter(|_| !report.stopped) {
        let ideal = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
        let found = Lateness::between(&lateness::read_ledger(folder)?, &ideal);
        if stdout_is_taken(args) {
            eprint!("{found}")
        } else {
            print!("{found}")
        }
        written.map_or(Ok(()), |file| found.write(file))?;
    }
    if report.stopped { Err(Failure::Interrupted) } else { Ok(()) }
}
