//! Opening inputs: names in, one time-ordered source a worker out.
//!
//! # Semantics
//! One archive, or Parquet files in time order, are read as they stand. Everything else (text, rows out of order, files
//! that overlap in time, a mixture) is imported into an archive in a temporary folder; a note says so.
//!
//! # State
//! The temporary archive lives as long as anything that was opened from it.

use super::archive::{Archive, ArchiveOptions, ArchiveSource, RolledArchive, RolledSource};
use super::inputs::{Input, resolve};
use super::openmetrics::TextOptions;
use super::parquet::{ParquetFiles, ParquetOptions};
use super::{Keep, Progress, SampleSource, SourceError};
use bellwether_model::Labels;
use std::path::PathBuf;
use std::sync::Arc;

/// How to read inputs of each kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenOptions {
    /// Columns of Parquet files.
    pub parquet: ParquetOptions,
    /// Text.
    pub text: TextOptions,
    /// Tenant, entity labels and memory of an import.
    pub archive: ArchiveOptions,
    /// Folder for a temporary archive; `None` takes the system's.
    pub temp_dir: Option<PathBuf>,
}

/// Inputs that are open.
pub struct Opened {
    kind: Kind,
    /// What the user should know: that an import was needed and why, that there are no samples.
    pub notes: Vec<String>,
    /// Oldest and newest stamp of all samples, ms.
    pub span: Option<(i64, i64)>,
    /// Number of samples.
    pub total_samples: u64,
}

enum Kind {
    Parquet(Arc<ParquetFiles>),
    Archive(Arc<Archive>),
    Rolled(Arc<RolledArchive>),
}

/// Opens inputs.
pub fn open(inputs: &[String], options: &OpenOptions) -> Result<Opened, SourceError> {
    open_with_progress(inputs, options, &mut |_| {})
}

/// Opens inputs; `progress` hears how far an import has come, if one is needed.
pub fn open_with_progress(
    inputs: &[String],
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Opened, SourceError> {
    let inputs = resolve(inputs)?;
    let why = match inputs.as_slice() {
        [Input::Archive(dir)] => {
            let kind = match RolledArchive::open(dir)? {
                Some(archive) => Kind::Rolled(Arc::new(archive)),
                None => Kind::Archive(Arc::new(Archive::open(dir)?)),
            };
            return Ok(Opened::of(kind, Vec::new()));
        }
        [Input::Parquet(paths)] => {
            let files = ParquetFiles::open(paths, &options.parquet)?;
            match files.disorder() {
                None => return Ok(Opened::of(Kind::Parquet(Arc::new(files)), Vec::new())),
                Some(why) => why.to_owned(),
            }
        }
        [Input::Text(path)] => format!("{}: text stands series by series", path.display()),
        _ => "the inputs are of several kinds or files".to_owned(),
    };
    let made = match &options.temp_dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let temp = made.map_err(|source| {
        let dir = options.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
        SourceError::io(&dir, "creating a temporary folder", source)
    })?;
    let dir = temp.path().join("archive");
    let report = super::archive::import_resolved(&inputs, &dir, options, progress)?;
    let mut notes = vec![format!(
        "{why}, so {} samples were imported first (import them once with `bellwether import` to save this step)",
        report.samples
    )];
    if report.conflicts > 0 {
        notes.push(format!("{} samples had a stamp and another value before them and were left out", report.conflicts));
    }
    let mut archive = Archive::open(&dir)?;
    archive.hold(temp);
    Ok(Opened::of(Kind::Archive(Arc::new(archive)), notes))
}

impl Opened {
    fn of(kind: Kind, mut notes: Vec<String>) -> Self {
        let (span, total_samples) = match &kind {
            Kind::Parquet(files) => (files.span(), files.rows()),
            Kind::Archive(archive) => (archive.manifest().span(), archive.manifest().samples),
            Kind::Rolled(archive) => (archive.manifest().span(), archive.manifest().samples()),
        };
        if total_samples == 0 {
            notes.push("the input holds no samples".to_owned());
        }
        Self { kind, notes, span, total_samples }
    }

    /// One source a worker, with all series.
    pub fn sources(&self, peers: usize) -> Vec<Box<dyn SampleSource>> {
        self.sources_keeping(peers, None)
    }

    /// One source a worker, with the series that `keep` accepts: the others are not decoded where that can be avoided.
    pub fn sources_keeping(&self, peers: usize, keep: Option<Keep>) -> Vec<Box<dyn SampleSource>> {
        match &self.kind {
            Kind::Parquet(files) => files.sources(peers, keep),
            Kind::Archive(archive) => {
                let keep = keep.as_deref().map(|k| k as &dyn Fn(&Labels) -> bool);
                let one = |w| Box::new(ArchiveSource::of(archive.clone(), w, peers, keep)) as Box<dyn SampleSource>;
                (0..peers).map(one).collect()
            }
            Kind::Rolled(archive) => {
                let one =
                    |w| Box::new(RolledSource::of(archive.clone(), w, peers, keep.clone())) as Box<dyn SampleSource>;
                (0..peers).map(one).collect()
            }
        }
    }
}
