//! Starts and ends a live run: folder, log, checkpoint, threads.

use super::archive::ArchiveStats;
use super::commit::{Command, CommitStats, CommitterHandle};
use super::error::LiveError;
use super::feed::Placing;
use super::folder::Folder;
use super::forward::{Forward, Progress, Shared as Forwarded, Spool};
use super::install::InForce;
use super::ledger::Ledger;
use super::output::{LedgerStats, SharedView};
use super::pairs::PairSpec;
use super::quarantine::Quarantine;
use super::queue::Queue;
use super::reads::Reads;
use super::remote::{Joined, Remote, RemoteStats};
use super::rules::{RuleTable, RuleTables};
use super::start::{Found, LiveConfig, Started, Threads};
use super::store::{LedgerMark, Store};
use bellwether_connectors::source::intake::{Intake, IntakeError};
use bellwether_dataflow::lower;
use bellwether_dataflow::promql;
use bellwether_dataflow::render::{RunError, RunReport};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a stop waits for receivers to take what rules wrote last.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// A thread's end.
type End = (&'static str, Result<(), LiveError>);

/// What others may ask of a live run; cloning shares it.
#[derive(Clone)]
pub struct LiveHandle(Arc<Shared>);

struct Shared {
    commit: CommitterHandle,
    tables: RuleTables,
    in_force: InForce,
    /// Series in quarantine.
    left_out: Arc<Reads>,
    /// Version of the rules that were last good.
    wanted: Mutex<u128>,
    patterns: Vec<String>,
    pairs: Option<PairSpec>,
    queue: Queue,
    view: SharedView,
    stats: Arc<LedgerStats>,
    archive: Arc<ArchiveStats>,
    archive_folder: Option<PathBuf>,
    remote: Option<Arc<RemoteStats>>,
    forwarded: Option<Arc<Forwarded>>,
    ready: AtomicBool,
    started: Started,
    workers: usize,
    last_reload: Mutex<Reload>,
}

/// The last attempt to read the rule files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// When, ms.
    pub at_ms: i64,
    /// When one was good, ms.
    pub good_ms: i64,
    /// What was wrong with them, if something was: the rules before it are still in force.
    pub error: Option<String>,
    /// Why the rules in force began without what they would have kept, if they did.
    pub cold: Option<String>,
}

/// A live run.
pub struct LiveRun {
    handle: LiveHandle,
    report: Arc<Mutex<Option<RunReport>>>,
    ends: Receiver<End>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    forward: Option<Forward>,
    _folder: Folder,
}

impl LiveRun {
    /// Starts the run: what is on disk is read back, then new epochs are minted.
    pub fn start(config: &LiveConfig) -> Result<(Self, Started), LiveError> {
        let disk = Arc::clone(&config.disk);
        let remote = match &config.remote {
            Some(spec) => Some(Remote::new(spec, Folder::is_new(&disk, &config.folder)?)),
            None => None,
        };
        let above = |own| remote.as_ref().map_or(Ok(own), |remote| remote.above(own));
        let folder = if config.lock {
            Folder::take(&disk, &config.folder, above)?
        } else {
            Folder::begin(&disk, &config.folder, above)?
        };
        let tables = RuleTables::new(disk.clone(), &config.folder.join("rules"), config.lower_options(), config.promql);
        let quarantine = Quarantine::read(disk.as_ref(), &config.folder)?;
        let tables = tables.without(quarantine.clone());
        let store = Store::new(disk.clone(), &config.folder)?;
        let now_ms = config.clock.now_ms();
        let remote = remote.map(|r| r.join(folder.generation(), now_ms, &store, &tables)).transpose()?;
        let strict = quarantine.is_empty();
        let left_out = Arc::new(quarantine.reads()?);
        let mut found = Found::new(config, &tables, &store, folder, (quarantine, left_out))?;
        found.started.restored = remote.as_ref().and_then(|remote| remote.restored.clone());
        let mark = found.newest.as_ref().map_or(LedgerMark::default(), |(manifest, _)| manifest.ledger);
        let strict = strict
            && found.last_rules.is_none_or(|rules| rules == found.table.version)
            && found.newest.as_ref().is_none_or(|(manifest, _)| manifest.build == super::output::BUILD);
        let ledger = Ledger::open(disk.as_ref(), &config.folder, mark, strict)?;
        let forward = config.forward.as_ref().map(|spec| Forward::start(spec, &disk, &config.folder)).transpose()?;
        Self::spawn(config, tables, store, (ledger, forward), found, remote)
    }

    fn spawn(
        config: &LiveConfig,
        tables: RuleTables,
        store: Store,
        (ledger, forward): (Ledger, Option<(Forward, Spool)>),
        found: Found,
        remote: Option<Joined>,
    ) -> Result<(Self, Started), LiveError> {
        let started = found.started.clone();
        let wanted = found.wanted.as_ref().unwrap_or(&found.table).version;
        let (forward, spool) = forward.unzip();
        let (folder, parts) = found.parts(config, &tables, store.clone(), (ledger, spool))?;
        let Threads { replay, committer, mut writer, engine, archivist, archive, queue, in_force, left_out } = parts;
        let (stop, report) = (engine.stop.clone(), engine.report.clone());
        let (told, ends) = channel();
        let now_ms = config.clock.now_ms();
        let handle = LiveHandle(Arc::new(Shared {
            commit: committer.handle(),
            tables,
            in_force,
            left_out,
            wanted: Mutex::new(wanted),
            patterns: config.rules.clone(),
            pairs: config.pairs.clone(),
            queue,
            view: writer.view.clone(),
            stats: writer.stats.clone(),
            archive,
            archive_folder: config.archive.as_ref().map(|spec| spec.folder.clone()),
            remote: remote.as_ref().map(Joined::stats),
            forwarded: forward.as_ref().map(Forward::shared),
            ready: AtomicBool::new(false),
            started: started.clone(),
            workers: config.workers,
            last_reload: Mutex::new(Reload { at_ms: now_ms, good_ms: now_ms, error: None, cold: None }),
        }));
        let begun = handle.clone();
        let uploader = remote.map(|remote| {
            let (uploads, heard) = channel();
            writer.uploads = Some(uploads);
            remote.uploader(store, handle.0.tables.clone(), config.clock.clone(), heard)
        });
        let uploader = uploader.map(|uploader| thread("uploads", told.clone(), move || uploader.run()));
        let archivist =
            archivist.map(|(archivist, ended)| thread("archive", told.clone(), move || archivist.run(&ended)));
        let mut threads = vec![
            thread("commit", told.clone(), move || committer.run()),
            thread("ledger", told.clone(), move || writer.run()),
            thread("engine", told.clone(), move || engine.run()),
            thread("replay", told, move || {
                if let Some(rows) = replay.run()? {
                    begun.0.commit.command(Command::Begin(rows));
                    begun.0.ready.store(true, Ordering::SeqCst);
                }
                Ok(())
            }),
        ];
        threads.extend(archivist.into_iter().chain(uploader));
        Ok((Self { handle, report, ends, threads, stop, forward, _folder: folder }, started))
    }

    /// What others may ask.
    pub fn handle(&self) -> LiveHandle {
        self.handle.clone()
    }
}

impl LiveHandle {
    /// The way in for samples.
    pub fn intake(&self) -> CommitterHandle {
        self.0.commit.clone()
    }

    /// What the newest durable epoch left.
    pub fn view(&self) -> SharedView {
        self.0.view.clone()
    }

    /// What the commit thread measures.
    pub fn commit_stats(&self) -> &CommitStats {
        self.0.commit.stats()
    }

    /// What the ledger measures.
    pub fn stats(&self) -> Arc<LedgerStats> {
        self.0.stats.clone()
    }

    /// What the archive has done.
    pub fn archive(&self) -> &ArchiveStats {
        &self.0.archive
    }

    /// What the uploads of checkpoints have done, if there are any.
    pub fn remote(&self) -> Option<&RemoteStats> {
        self.0.remote.as_deref()
    }

    /// How far receivers of what rules write are.
    pub fn forwarded(&self) -> Vec<Progress> {
        self.0.forwarded.as_ref().map(|shared| shared.progress()).unwrap_or_default()
    }

    /// Where the archive is, if there is one.
    pub(super) fn archive_folder(&self) -> Option<&Path> {
        self.0.archive_folder.as_deref()
    }

    /// Whether everything that was on disk has been handed to the dataflow.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::SeqCst)
    }

    /// Epochs between the log and the ledger.
    pub fn depth(&self) -> u64 {
        self.0.queue.depth()
    }

    /// The rules in force.
    pub fn table(&self) -> RuleTable {
        self.0.in_force.table()
    }

    /// Reads the rule files again. If all of them are good and something has changed, it takes effect as soon as new rules
    /// are warm; if not, the rules before stay in force. Gives the number of rules, if something has changed.
    pub fn reload(&self) -> Result<Option<usize>, LiveError> {
        let now_ms = self.0.commit.now_ms();
        let loaded = self.0.tables.load(&self.0.patterns);
        let mut last = self.0.last_reload.lock().unwrap_or_else(PoisonError::into_inner);
        last.at_ms = now_ms;
        match loaded {
            Ok(table) => {
                (last.good_ms, last.error) = (now_ms, None);
                let mut wanted = self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner);
                if table.version == *wanted {
                    return Ok(None);
                }
                *wanted = table.version;
                let rules = table.set.rules().count();
                self.0.commit.command(Command::Rules(Box::new(table)));
                Ok(Some(rules))
            }
            Err(error) => {
                last.error = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// The last attempt to read the rule files.
    pub fn last_reload(&self) -> Reload {
        let last = self.0.last_reload.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Reload { cold: self.0.in_force.cold(), ..last }
    }

    /// What starting found.
    pub fn started(&self) -> &Started {
        &self.0.started
    }

    /// By group, the steps that nobody evaluates because a machine was lost with what it had behind its last checkpoint.
    pub fn missed_steps(&self, table: &RuleTable) -> BTreeMap<String, u64> {
        let (options, missed) = (self.0.tables.options(), self.0.started.restored.as_ref().map(|r| r.missed_ms));
        let mut steps: BTreeMap<String, u64> = BTreeMap::new();
        for (file, group) in table.set.files.iter().flat_map(|f| f.groups.iter().map(move |g| (f, g))) {
            let own = missed.map_or(0, |missed| lower::steps_between(options, &file.path, group, missed));
            *steps.entry(group.name.clone()).or_default() += own;
        }
        steps
    }

    /// Workers of the dataflow.
    pub fn workers(&self) -> usize {
        self.0.workers
    }

    /// How series are placed, and which are left out.
    pub(super) fn placing(&self) -> Placing {
        Placing::of(self.options()).without(&self.0.left_out)
    }

    /// What is left out of evaluation.
    pub fn quarantine(&self) -> &Quarantine {
        self.0.tables.quarantine()
    }

    /// How rules are compiled.
    pub fn options(&self) -> &lower::Options {
        self.0.tables.options()
    }

    /// How expressions are read.
    pub fn promql(&self) -> &promql::Options {
        self.0.tables.promql()
    }

    /// Rule files, directories and globs that rules come from.
    pub fn patterns(&self) -> &[String] {
        &self.0.patterns
    }

    /// How pairs of senders are told apart, if they are.
    pub fn pairs(&self) -> Option<&PairSpec> {
        self.0.pairs.as_ref()
    }

    /// Asks for a checkpoint with the next epoch.
    pub fn checkpoint(&self) {
        self.0.commit.command(Command::Checkpoint);
    }
}

impl LiveRun {
    /// The first thread that ended, if one has within a time.
    pub fn ended(&self, within: Duration) -> Option<LiveError> {
        match self.ends.recv_timeout(within) {
            Ok((_, Err(error))) => Some(error),
            Ok(("replay", Ok(()))) | Err(RecvTimeoutError::Timeout) => None,
            Ok((what, Ok(()))) => Some(self.cause_of(what)),
            Err(RecvTimeoutError::Disconnected) => {
                Some(LiveError::Ended { what: "every thread", reason: "they were told to".to_owned() })
            }
        }
    }

    /// Why a thread ended that was not told to: the ledger's ends with the dataflow, and may say so first.
    fn cause_of(&self, what: &'static str) -> LiveError {
        while let Ok((_, end)) = self.ends.recv_timeout(Duration::from_secs(5)) {
            if let Err(error) = end {
                return error;
            }
        }
        LiveError::Ended { what, reason: "it was told to".to_owned() }
    }

    /// Ends the run: what came is evaluated, and a last checkpoint written.
    pub fn stop(self) -> Result<RunReport, LiveError> {
        self.handle.remote().into_iter().for_each(RemoteStats::end_in_order);
        self.handle.0.commit.command(Command::Stop);
        self.join(LAST_WRITES)
    }

    /// Ends the run as a crash would, as far as the disk goes: nothing more is written. For tests.
    pub fn abandon(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.handle.0.commit.close(IntakeError::Closed);
        self.handle.0.queue.close();
        // What threads say at their forced end is of no interest.
        let _ = self.join(Duration::ZERO);
    }

    fn join(self, last_writes: Duration) -> Result<RunReport, LiveError> {
        let mut first: Option<LiveError> = None;
        for (what, end) in self.ends.iter() {
            if let Err(error) = end {
                // Where the ledger fails the dataflow does too, and may say so first: the ledger says why.
                if first.is_none() || matches!(first, Some(LiveError::Run(RunError::Output { .. }))) {
                    first = Some(error);
                }
                self.handle.0.commit.close(IntakeError::Broken { reason: format!("the {what} thread has failed") });
                self.handle.0.queue.close();
            }
        }
        for thread in self.threads {
            // A panic was told as the thread's end already.
            let _ = thread.join();
        }
        if let Some(forward) = self.forward {
            forward.stop(if first.is_none() { last_writes } else { Duration::ZERO });
        }
        match first {
            Some(error) => Err(error),
            None => Ok(self.report.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()),
        }
    }
}

/// Runs a part of the live run on a thread of its own and tells how it ended, panics included.
fn thread(
    what: &'static str,
    told: Sender<End>,
    work: impl FnOnce() -> Result<(), LiveError> + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        let end = end.unwrap_or_else(|_| Err(LiveError::Ended { what, reason: "it panicked".to_owned() }));
        // Nobody listens any more where the run was dropped.
        let _ = told.send((what, end));
    })
}
