//! Import: inputs of any kind and order in, an archive out.

use super::{Archive, ArchiveSource, ArchiveWriter, ImportReport, Rolled};
use crate::source::inputs::{Input, resolve};
use crate::source::open::OpenOptions;
use crate::source::openmetrics;
use crate::source::parquet::ParquetFiles;
use crate::source::{Progress, SampleSource, SourceError};
use std::path::Path;
use std::sync::Arc;

/// Writes all samples of the inputs into a new archive at `out`. Of two inputs that hold one series and stamp the
/// first named wins (Parquet files: the one whose stamps begin first).
pub fn import(
    inputs: &[String],
    out: &Path,
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, SourceError> {
    let inputs = resolve(inputs)?;
    import_resolved(&inputs, out, options, progress)
}

/// The same for inputs whose kind is known.
pub(crate) fn import_resolved(
    inputs: &[Input],
    out: &Path,
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, SourceError> {
    let mut writer = ArchiveWriter::create(out, options.archive.clone())?;
    for input in inputs {
        match input {
            Input::Parquet(paths) => {
                ParquetFiles::open(paths, &options.parquet)?.import_into(&mut writer, progress)?;
            }
            Input::Text(path) => openmetrics::import_file(path, &options.text, &mut writer, progress)?,
            Input::Archive(dir) => match Rolled::hold(dir)? {
                None => import_archive(dir, &mut writer, progress)?,
                // In the order in which they were rolled, so that the first in the log's order wins.
                Some((rolled, _hold)) => {
                    rolled.parts.iter().try_for_each(|part| import_archive(&part.folder(dir), &mut writer, progress))?
                }
            },
        }
    }
    writer.finish(progress)
}

fn import_archive(
    dir: &Path,
    writer: &mut ArchiveWriter,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), SourceError> {
    let archive = Arc::new(Archive::open(dir)?);
    let mut source = ArchiveSource::of(archive.clone(), 0, 1, None);
    let (mut runs, mut samples) = (Vec::new(), 0);
    let manifest = archive.manifest();
    for file in manifest.files.iter().chain(&manifest.histogram_files) {
        source.read_upto(file.last_ms, &mut runs)?;
        for batch in runs.drain(..) {
            samples += batch.samples() as u64;
            for run in batch.iter() {
                let number = writer.series(&archive.series()[run.series as usize])?;
                writer.push(number, run.stamps, run.values)?;
            }
            for sample in &batch.histograms {
                let number = writer.series(&archive.series()[sample.series as usize])?;
                writer.push_histogram(number, sample.stamp_ms, &sample.histogram)?;
            }
        }
        progress(Progress { phase: "reading", samples, total: Some(source.total_samples()) });
    }
    Ok(())
}
