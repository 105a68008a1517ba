//! How fast sources decode: inputs in, samples a second out.
//!
//! `decode_speed INPUT… [--peers N] [--span-minutes N] [--repeat N]` reads inputs span by span as a backtest does, one
//! worker after the other, so that the figure is by core; a decoding thread of its own counts as part of its worker.
//! `decode_speed --fleet HOSTS HOURS` makes a fleet as Parquet and as an archive in a temporary folder and reads both;
//! `--into FOLDER` keeps them there.

use bellwether_connectors::sink::IfExists;
use bellwether_connectors::source::archive::ArchiveOptions;
use bellwether_connectors::source::fleet::{FleetOptions, write_archive, write_parquet};
use bellwether_connectors::source::{OpenOptions, open};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

struct Args {
    inputs: Vec<String>,
    fleet: Option<(usize, f64)>,
    into: Option<PathBuf>,
    peers: usize,
    span_ms: i64,
    repeat: usize,
}

fn args() -> Result<Args, Box<dyn Error>> {
    let mut a = Args { inputs: Vec::new(), fleet: None, into: None, peers: 1, span_ms: 30 * 60_000, repeat: 5 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or("a number is missing");
        match word.as_str() {
            "--peers" => a.peers = next()?.parse()?,
            "--span-minutes" => a.span_ms = next()?.parse::<i64>()? * 60_000,
            "--repeat" => a.repeat = next()?.parse()?,
            "--fleet" => a.fleet = Some((next()?.parse()?, next()?.parse()?)),
            "--into" => a.into = Some(next()?.into()),
            _ => a.inputs.push(word),
        }
    }
    Ok(a)
}

fn read(inputs: &[String], a: &Args) -> Result<(), Box<dyn Error>> {
    for _ in 0..a.repeat {
        let begin = Instant::now();
        let opened = open(inputs, &OpenOptions::default())?;
        let opening = begin.elapsed();
        let Some((first, last)) = opened.span else { return Ok(()) };
        let (begin, mut samples, mut runs, mut batches) = (Instant::now(), 0usize, 0usize, 0usize);
        for mut source in opened.sources(a.peers) {
            let (mut out, mut upto) = (Vec::new(), first - 1);
            loop {
                upto = (upto + a.span_ms).min(last);
                let exhausted = source.read_upto(upto, &mut out)?;
                batches += out.len();
                samples += out.iter().map(|r| r.samples()).sum::<usize>();
                runs += out.drain(..).map(|r| r.series.len()).sum::<usize>();
                if exhausted {
                    break;
                }
            }
        }
        let reading = begin.elapsed();
        let rate = samples as f64 / reading.as_secs_f64() / 1e6;
        println!(
            "opened in {opening:.1?}; {samples} samples, {runs} runs, {batches} batches in {reading:.1?}: {rate:.1} M/s"
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let a = args()?;
    if let Some((hosts, hours)) = a.fleet {
        let dir = tempfile::tempdir()?;
        let into = a.into.as_deref().unwrap_or(dir.path());
        let fleet = FleetOptions { hosts, hours, ..FleetOptions::default() };
        let (rows, archive) = (into.join("fleet.parquet"), into.join("fleet.archive"));
        let begin = Instant::now();
        let report = write_parquet(&fleet, &rows, IfExists::Refuse, &mut |_| {})?;
        println!(
            "parquet: {} samples written in {:.1?}, {} bytes",
            report.samples,
            begin.elapsed(),
            rows.metadata()?.len()
        );
        let begin = Instant::now();
        let report = write_archive(&fleet, &archive, ArchiveOptions::default(), &mut |_| {})?;
        println!("archive: {} samples written in {:.1?}", report.samples, begin.elapsed());
        for path in [&rows, &archive] {
            println!("{}", path.file_name().unwrap_or_default().display());
            read(&[path.display().to_string()], &a)?;
        }
    }
    if !a.inputs.is_empty() {
        read(&a.inputs, &a)?;
    }
    Ok(())
}
