//! Waits for a signal to end or for an error; reads rules again in between, and says what has changed.

use super::log::{Event, Log};
use super::{Run, tell};
use crate::cli::run::Args;
use bellwether::config::Config;
use bellwether::live::LiveError;
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

/// How often signals and ended threads are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How often files, receivers and failing rules are looked at, in looks.
const SELDOM: u32 = 50;

/// A rule that fails is told of again after so long without a failure, ms.
const AGAIN_MS: i64 = 600_000;

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
#[derive(Default)]
struct Seen {
    files: Vec<Print>,
    cold: Option<String>,
    archive: Option<String>,
    merging: Option<String>,
    remote: Option<String>,
    /// Receivers that do not take what they are sent.
    failing: BTreeMap<String, String>,
    /// The newest step of each rule that failed, ms.
    rules: BTreeMap<String, i64>,
}

/// Waits for a signal to end (`None`), or for an error; reloads in between.
pub(super) fn watch(
    log: Log,
    (args, config): (&Args, &Config),
    runs: &[Run],
    signals: &mut Signals,
) -> Option<LiveError> {
    let seen = |run: &Run| Seen { files: fingerprint(run.handle.patterns()), ..Seen::default() };
    let mut seen: Vec<Seen> = runs.iter().map(seen).collect();
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
            tell_of_config(log, args, config);
        }
        looks = looks.wrapping_add(1);
        for (run, seen) in runs.iter().zip(&mut seen) {
            seen.troubles(log, run);
            let mut changed = false;
            if looks.is_multiple_of(SELDOM) {
                let now = fingerprint(run.handle.patterns());
                changed = now != seen.files;
                seen.files = now;
                seen.receivers(log, run);
                seen.rules(log, run);
            }
            if reload || changed {
                tell::reload(log, run);
            }
        }
    }
}

impl Seen {
    /// What somebody should look at, where that has changed.
    fn troubles(&mut self, log: Log, run: &Run) {
        let cold = run.handle.last_reload().cold;
        if let Some(why) = cold.as_ref().filter(|_| cold != self.cold) {
            let text = format!("the new rules begin without what came before: {why}");
            log.say_of(&run.tenant, Event::warn("rules_cold", text).with("reason", why.as_str()));
        }
        self.cold = cold;
        let archive = run.handle.archive().trouble();
        match (&archive, &self.archive) {
            (Some(why), None) => {
                let text = format!("the archive cannot be written, the log holds what it misses: {why}");
                log.say_of(&run.tenant, Event::warn("archive_failing", text).with("reason", why.as_str()));
            }
            (None, Some(_)) => log.say_of(&run.tenant, Event::info("archive_ok", "the archive is written again")),
            _ => {}
        }
        self.archive = archive;
        let merging = run.handle.archive().merge_trouble();
        if let (Some(why), None) = (&merging, &self.merging) {
            let text = format!("parts of the archive cannot be merged, they stay as they are: {why}");
            log.say_of(&run.tenant, Event::warn("archive_merge_failing", text).with("reason", why.as_str()));
        }
        self.merging = merging;
        self.remote = tell::remote(log, run, self.remote.take());
    }

    /// Receivers that do not take what they are sent, and those that do again.
    fn receivers(&mut self, log: Log, run: &Run) {
        let mut now = BTreeMap::new();
        for stats in run.notifier.stats() {
            let error = stats.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
            now.extend(error.map(|error| (stats.url.clone(), error)));
        }
        now.extend(run.handle.forwarded().into_iter().filter_map(|p| Some((p.name, p.error?))));
        for (receiver, error) in now.iter().filter(|(receiver, _)| !self.failing.contains_key(*receiver)) {
            let why = log.answered(error);
            let event = Event::warn("receiver_failing", format!("{receiver} does not take what it is sent: {why}"));
            log.say_of(&run.tenant, event.with("receiver", receiver.as_str()).with("reason", why));
        }
        for receiver in self.failing.keys().filter(|receiver| !now.contains_key(*receiver)) {
            let event = Event::info("receiver_ok", format!("{receiver} takes what it is sent again"));
            log.say_of(&run.tenant, event.with("receiver", receiver.as_str()));
        }
        self.failing = now;
    }

    /// Rules that fail, each when it begins to.
    fn rules(&mut self, log: Log, run: &Run) {
        let view = run.handle.view();
        let errors = view.lock().unwrap_or_else(PoisonError::into_inner).errors.clone();
        for (rule, (step_ms, message)) in errors {
            let before = self.rules.insert(rule.clone(), step_ms);
            if before.is_none_or(|before| step_ms.saturating_sub(before) > AGAIN_MS) {
                let why = log.foreign(&message);
                let event = Event::warn("rule_failing", format!("the rule {rule} cannot be evaluated: {why}"));
                log.say_of(&run.tenant, event.with("rule", rule).with("step_ms", step_ms).with("reason", why));
            }
        }
    }
}

/// A reload reads rules; settings are read at the start.
fn tell_of_config(log: Log, args: &Args, config: &Config) {
    match args.config() {
        Ok(now) if now == *config => {}
        Ok(_) => {
            let text = "note: the configuration has changed; it takes effect at the next start";
            log.say(Event::info("config_changed", text));
        }
        Err(error) => {
            let text = format!("the configuration is not good any more, and the next start would fail: {error}");
            log.say(Event::warn("config_bad", text));
        }
    }
}
