//! Waits for a signal to end or for an error; reads rules again in between.

use super::{Run, tell};
use crate::cli::run::Args;
use bellwether::config::Config;
use bellwether::live::LiveError;
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;
use std::time::{Duration, SystemTime};

/// How often signals and ended threads are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How often rule files are looked at, in looks.
const FILES: u32 = 50;

/// A file, when it changed, and its size.
type Print = (String, Option<SystemTime>, u64);

/// What files the patterns stand for and when they changed; cheap, unlike reading them.
fn fingerprint(patterns: &[String]) -> Vec<Print> {
    let mut all = Vec::new();
    for path in bellwether_dataflow::rules::paths(patterns) {
        let meta = std::fs::metadata(&path).ok();
        all.push((path, meta.as_ref().and_then(|m| m.modified().ok()), meta.map_or(0, |m| m.len())));
    }
    all
}

/// What was last seen of a run.
struct Seen {
    files: Vec<Print>,
    cold: Option<String>,
    archive: Option<String>,
    remote: Option<String>,
}

/// Waits for a signal to end (`None`), or for an error; reloads in between.
pub(super) fn watch(args: &Args, config: &Config, runs: &[Run], signals: &mut Signals) -> Option<LiveError> {
    let mut seen: Vec<Seen> = runs
        .iter()
        .map(|run| Seen { files: fingerprint(run.handle.patterns()), cold: None, archive: None, remote: None })
        .collect();
    let mut looks = 0u32;
    // All runs together are looked at as often as one.
    let pause = LOOK / u32::try_from(runs.len().max(1)).unwrap_or(1);
    loop {
        for run in runs {
            if let Some(error) = run.live.ended(pause) {
                return Some(error);
            }
        }
        let mut reload = false;
        for signal in signals.pending() {
            match signal {
                SIGHUP => reload = true,
                _ => return None,
            }
        }
        if reload {
            tell_of_config(args, config);
        }
        looks = looks.wrapping_add(1);
        for (run, seen) in runs.iter().zip(&mut seen) {
            let cold = run.handle.last_reload().cold;
            if let Some(why) = cold.as_ref().filter(|_| cold != seen.cold) {
                eprintln!("{}warning: the new rules begin without what came before: {why}", tell::of(&run.tenant));
            }
            seen.cold = cold;
            let archive = run.handle.archive().trouble();
            match (&archive, &seen.archive) {
                (Some(why), None) => eprintln!(
                    "{}warning: the archive cannot be written, the log holds what it misses: {why}",
                    tell::of(&run.tenant)
                ),
                (None, Some(_)) => eprintln!("{}the archive is written again", tell::of(&run.tenant)),
                _ => {}
            }
            seen.archive = archive;
            seen.remote = tell::remote(run, seen.remote.take());
            let mut changed = false;
            if looks.is_multiple_of(FILES) {
                let now = fingerprint(run.handle.patterns());
                changed = now != seen.files;
                seen.files = now;
            }
            if reload || changed {
                tell::reload(run);
            }
        }
    }
}

/// A reload reads rules; settings are read at the start.
fn tell_of_config(args: &Args, config: &Config) {
    match args.config() {
        Ok(now) if now == *config => {}
        Ok(_) => eprintln!("note: the configuration has changed; it takes effect at the next start"),
        Err(error) => {
            eprintln!("warning: the configuration is not good any more, and the next start would fail: {error}")
        }
    }
}
