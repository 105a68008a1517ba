//! `bellwether generate`: a size and a seed in, the samples of a fleet out.

use super::push;
use crate::cli::generate::Args;
use crate::exit::{Failure, counted};
use crate::progress::Line;
use bellwether_connectors::sink::IfExists;
use bellwether_connectors::source::archive::ArchiveOptions;
use bellwether_connectors::source::fleet::{FleetOptions, write_archive, write_incidents, write_parquet};

/// Generates.
pub fn run(args: &Args) -> Result<(), Failure> {
    let options = FleetOptions {
        hosts: args.hosts as usize,
        hours: args.hours,
        step_ms: args.step,
        seed: args.seed,
        incidents_per_host_day: incident_rate(args.incident_rate)?,
        // Relative instants have nothing to be relative to here but the epoch.
        start_ms: args.start.resolve((0, 0)),
    };
    if options.steps() == 0 {
        return Err(Failure::Usage("--hours is shorter than one --step: there would be no sample".to_owned()));
    }
    if let Some(url) = &args.push {
        return push::run(args, url, &options);
    }
    let Some(out) = &args.out else { return Err(Failure::Usage("say where to: --out or --push".to_owned())) };
    let if_exists = if args.overwrite { IfExists::Replace } else { IfExists::Refuse };
    let line = Line::new("writing", options.samples_at_most());
    let report = if out.extension().is_some_and(|e| e == "parquet") {
        write_parquet(&options, out, if_exists, &mut |p| line.report(p))?
    } else {
        write_archive(&options, out, ArchiveOptions::default(), &mut |p| line.report(p))?
    };
    line.clear();
    println!("{}: {} of {} series", out.display(), counted(report.samples as usize, "sample"), report.series);
    let incidents = options.incidents();
    if let Some(path) = &args.incidents {
        write_incidents(&incidents, path, if_exists)?;
        println!("{}: {}", path.display(), counted(incidents.len(), "incident"));
    }
    Ok(())
}

fn incident_rate(rate: f64) -> Result<f64, Failure> {
    let most = 10_000.0;
    if (0.0..=most).contains(&rate) {
        return Ok(rate);
    }
    Err(Failure::Usage(format!("--incident-rate {rate} makes no sense: write a number from 0 to {most}")))
}
