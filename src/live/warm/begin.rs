//! Where a shadow begins: with the log, or with the archive where the log does not reach back far enough.

use super::Job;
use crate::live::archive::archived::Archived;
use crate::live::error::LiveError;
use crate::live::reads::Reads;
use bellwether_connectors::source::Keep;
use bellwether_connectors::source::archive::RolledArchive;
use bellwether_operators::program::Program;
use std::path::PathBuf;
use std::sync::Arc;

/// The parts of an archive that lead up to the log without a gap.
pub(super) struct Parts {
    folder: PathBuf,
    archive: RolledArchive,
    /// The first of them.
    first: usize,
}

impl Parts {
    /// Those of a run's archive; `None` without, or where the log has gone on beyond them.
    pub fn of(job: &Job) -> Result<Option<Self>, LiveError> {
        let Some(folder) = job.archive.clone() else { return Ok(None) };
        let Some(archive) = RolledArchive::open(&folder)? else { return Ok(None) };
        let rolled = archive.manifest();
        let first_frame = job.log.segments().first().map_or(u64::MAX, |s| s.first);
        if rolled.cut.is_none_or(|cut| cut.resume_frame < first_frame) || rolled.parts.is_empty() {
            return Ok(None);
        }
        let gap = rolled.parts.windows(2).rposition(|p| p[1].from_epoch != p[0].to_epoch + 1);
        Ok(Some(Self { folder, first: gap.map_or(0, |i| i + 1), archive }))
    }

    /// Since when every sample is in them, ms.
    pub fn known_from_ms(&self, begun_ms: i64) -> i64 {
        let first = &self.archive.manifest().parts[self.first];
        // How far back a first part reaches is said by the one before it.
        if first.from_epoch == 1 { begun_ms } else { begun_ms.max(first.before_ms) }
    }

    /// Their frames from a stamp on, and those of the log behind them, of what the program reads.
    pub fn frames(self, job: &Job, program: Option<&Program>, from_ms: i64) -> Archived {
        let parts = self.archive.manifest().parts.iter().enumerate().skip(self.first);
        // The last one is never left out: it says where the log goes on.
        let last = self.archive.manifest().parts.len() - 1;
        let part = parts.filter(|(_, p)| p.before_ms > from_ms).map(|(i, _)| i).next().unwrap_or(last);
        let shadow = program.map(Reads::of).unwrap_or_default();
        let picked = Reads::beyond(&job.table.program, &job.before.program);
        let reads = move |labels: &_| shadow.reach_ms(labels).is_some() || picked.reach_ms(labels).is_some();
        let keep: Keep = Arc::new(reads);
        let archive = Arc::new(self.archive);
        let log = job.log.reader(job.log.segments());
        Archived::since(&self.folder, archive, log, job.dictionary.clone(), (part, Some((keep, from_ms))))
    }
}
