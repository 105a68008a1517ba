//! `bellwether generate --push`: a fleet's samples to a receiver, each step at its time.

use crate::cli::generate::Args;
use crate::exit::{Failure, counted};
use crate::interrupt;
use bellwether_connectors::sink::{Push, PushError};
use bellwether_connectors::source::fleet::{FleetOptions, FleetStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often a wait looks whether somebody wants to stop.
const LOOK: Duration = Duration::from_millis(50);

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// Pushes until the fleet's hours are over or somebody stops it.
pub fn run(args: &Args, url: &str, options: &FleetOptions) -> Result<(), Failure> {
    let first_ms = (now_ms() / options.step_ms + 1) * options.step_ms;
    let options = FleetOptions { start_ms: first_ms, ..options.clone() };
    let stop = interrupt::listen("step")?;
    let to = Push::new(url).map_err(|e| Failure::Usage(e.to_string()))?;
    let stopped = || stop.load(Ordering::SeqCst);
    eprintln!(
        "pushing {} to {url} every {} s for {} h; Ctrl-C stops",
        counted(options.hosts, "host"),
        options.step_ms as f64 / 1_000.0,
        args.hours,
    );
    let mut sent = 0u64;
    let mut away = false;
    for (stamp_ms, samples) in FleetStream::new(&options) {
        while now_ms() < stamp_ms && !stopped() {
            std::thread::sleep(LOOK.min(Duration::from_millis((stamp_ms - now_ms()).max(1) as u64)));
        }
        if stopped() {
            break;
        }
        let goes_on = |reason: &str| {
            if !std::mem::replace(&mut away, true) {
                eprintln!("{url}: {reason}; trying again");
            }
            !stopped()
        };
        match to.send(&samples, goes_on) {
            Ok(()) if std::mem::take(&mut away) => eprintln!("{url} takes samples again"),
            Ok(()) => {}
            Err(PushError::GivenUp { .. }) => break,
            Err(error @ PushError::Refused { .. }) => return Err(Failure::Io(error.to_string())),
        }
        sent += samples.len() as u64;
    }
    println!("{url}: {} taken", counted(sent as usize, "sample"));
    if stopped() { Err(Failure::Interrupted) } else { Ok(()) }
}
