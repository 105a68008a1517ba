//! New rules on their way into force: warmed, then named by the binding of an epoch.
//!
//! # Semantics
//! Rules in force stay so until the new ones are warm. Newer ones take the place of those that are still being warmed. Where
//! warming fails the rules begin with nothing, and [`InForce::cold`] says why.
//!
//! # State
//! What is wanted. A restart finds it again: the rule files differ from the last binding's.

use super::commit::CommitterHandle;
use super::error::LiveError;
use super::feed::Placing;
use super::rules::{RuleTable, RuleTables};
use super::warm::{Job, Start, WarmFiles, Warmer};
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::source::intake::Dictionary;
use bellwether_connectors::source::log::Log;
use bellwether_dataflow::checkpoint::Checkpoint;
use bellwether_dataflow::time::LiveClock;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Epochs that a shadow may be behind before the commit thread waits for it, and how long it waits.
const MISSES: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Rules {
    table: RuleTable,
    cold: Option<String>,
}

/// The rules in force, for those who ask; cloning shares them.
#[derive(Clone, Debug)]
pub(super) struct InForce(Arc<Mutex<Rules>>);

impl InForce {
    pub fn new(table: RuleTable) -> Self {
        Self(Arc::new(Mutex::new(Rules { table, cold: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules in force.
    pub fn table(&self) -> RuleTable {
        self.lock().table.clone()
    }

    /// Why the last rules that came began with nothing, if they did.
    pub fn cold(&self) -> Option<String> {
        self.lock().cold.clone()
    }
}

/// What the commit thread installs.
pub(super) struct Install {
    pub tables: RuleTables,
    pub files: WarmFiles,
    pub dictionary: Arc<Dictionary>,
    pub placing: Placing,
    pub in_force: InForce,
    /// The archive's folder, if there is one.
    pub archive: Option<PathBuf>,
    /// Rules that are not in force yet, and their shadow.
    pub wanted: Option<RuleTable>,
    pub warmer: Option<Warmer>,
    /// With what the next epoch's program begins, if that epoch has one.
    pub next: Option<Start>,
    /// The log's segments stay until a checkpoint is as new.
    pub holds_until: u64,
    pub misses: u32,
}

impl Install {
    /// Nothing to install yet.
    pub fn new(
        tables: &RuleTables,
        files: WarmFiles,
        dictionary: &Arc<Dictionary>,
        placing: Placing,
        in_force: &InForce,
    ) -> Self {
        let (tables, dictionary, in_force) = (tables.clone(), dictionary.clone(), in_force.clone());
        let (archive, wanted, warmer, next) = (None, None, None, None);
        let (holds_until, misses) = (0, 0);
        Self { tables, files, dictionary, placing, in_force, archive, wanted, warmer, next, holds_until, misses }
    }

    /// Rules that shall be in force.
    pub fn want(&mut self, wanted: RuleTable, in_force: &RuleTable) {
        (self.warmer, self.misses) = (None, 0);
        self.wanted = (wanted.version != in_force.version).then_some(wanted);
    }

    /// Whether segments may go for a checkpoint of an epoch: a restart from an older one warms nothing anew, but it reads
    /// what new rules read.
    pub fn may_collect(&self, epoch: u64) -> bool {
        self.warmer.is_none() && self.next.is_none() && epoch >= self.holds_until
    }

    /// Files go with the segments that they belong to.
    pub fn collect(&self, epoch: u64, log: &Log) -> Result<(), LiveError> {
        match log.segments().first() {
            Some(segment) if segment.first > 1 => self.files.collect(epoch),
            _ => Ok(()),
        }
    }

    /// Looks, between two epochs, whether wanted rules can be in force with the next one.
    pub fn prepare(
        &mut self,
        table: &mut RuleTable,
        time: &mut LiveClock,
        log: &Log,
        commit: &CommitterHandle,
    ) -> Result<(), LiveError> {
        if self.next.is_some() || self.wanted.is_none() {
            return Ok(());
        }
        let start = match self.warmed(table, time, log, commit) {
            Ok(None) => return Ok(()),
            Ok(Some(start)) => {
                self.in_force.lock().cold = None;
                start
            }
            Err(why) => {
                self.in_force.lock().cold = Some(why);
                None
            }
        };
        let Some(wanted) = self.wanted.take() else { return Ok(()) };
        let epoch = time.last_epoch() + 1;
        let warm = match &start {
            Some(start) => {
                let Placing { tenant, entity_labels, .. } = &self.placing;
                let kept = Checkpoint::new(epoch - 1, time.watermark_ms(), start.kept.clone(), tenant, entity_labels);
                Some(self.files.put(epoch, &kept)?)
            }
            None => None,
        };
        crash_point("install.warm");
        time.set_rules(wanted.version, warm);
        *table = wanted;
        (self.warmer, self.next, self.holds_until) = (None, Some(start.unwrap_or_default()), epoch);
        Ok(())
    }

    /// With what the wanted rules begin: `None` as long as they are being warmed, `Some(None)` where nothing is to be warmed.
    fn warmed(
        &mut self,
        table: &RuleTable,
        time: &LiveClock,
        log: &Log,
        commit: &CommitterHandle,
    ) -> Result<Option<Option<Start>>, String> {
        let (Some(wanted), Some(begun_ms)) = (&self.wanted, time.from_ms()) else { return Ok(Some(None)) };
        if self.warmer.is_none() {
            let job = Job {
                tables: self.tables.clone(),
                table: wanted.clone(),
                before: table.clone(),
                log: log.view(),
                archive: self.archive.clone(),
                dictionary: self.dictionary.clone(),
                placing: self.placing.clone(),
                watermark_ms: time.watermark_ms(),
                begun_ms,
                commit: commit.clone(),
            };
            self.warmer = Warmer::begin(job).map_err(|e| e.to_string())?;
        }
        let Some(warmer) = &self.warmer else { return Ok(Some(None)) };
        warmer.serve(|| log.reader(|_| true));
        let patience = if self.misses < MISSES { Duration::ZERO } else { PATIENCE };
        let start = warmer.take(time.last_epoch(), patience)?;
        self.misses += u32::from(start.is_none());
        Ok(start.map(Some))
    }

    /// With what the epoch begins that is being handed on, if it has a program.
    pub fn installed(&mut self, table: &RuleTable) -> Option<Start> {
        let start = self.next.take()?;
        self.in_force.lock().table = table.clone();
        Some(start)
    }
}
