//! `bellwether import`: files of samples in, an archive out.

use crate::cli::import::{Args, Codec};
use crate::exit::{Failure, counted};
use crate::progress::Line;
use crate::report::clock::{minute, span};
use bellwether_connectors::source::archive::{SampleCodec, import};

/// Imports.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut options = args.read.open_options();
    options.archive.codec = match args.codec {
        Codec::Lz4 => SampleCodec::Lz4,
        Codec::Zstd => SampleCodec::Zstd,
    };
    let line = Line::new("reading", 0);
    let report = import(&args.inputs, &args.out, &options, &mut |p| line.report(p))?;
    line.clear();
    println!("{}: {} of {} series", args.out.display(), counted(report.samples as usize, "sample"), report.series);
    if let Some((first, last)) = report.span {
        println!("  from {} to {} ({})", minute(first), minute(last), span(last - first));
    }
    if report.duplicates > 0 {
        println!("  {} left out: repeats of a sample with the same stamp and value", report.duplicates);
    }
    if report.conflicts > 0 {
        println!("  {} left out: another value for a stamp that was there before", report.conflicts);
    }
    Ok(())
}
