//! Outages in simulated time: ours, a sender's, everybody's; what must not resolve, and what must be found absent.

use super::*;

const RULES: &str = r#"
groups:
- name: g
  interval: 15s
  rules:
  - alert: NoLoad
    expr: absent(load)
  - alert: NoLoadOfB
    expr: absent(load{instance="b"})
  - alert: Never
    expr: absent(never)
  - alert: NeverForLong
    expr: absent_over_time(never[10m])
  - record: never:sum
    expr: sum(never) or vector(0)
  - alert: NeverBySum
    expr: never:sum < 1
  - alert: Soon
    expr: absent(soon)
  - alert: High
    expr: load > 100
    for: 5m
  - alert: Unexcused
    expr: load > 100 unless on (instance) excuse
"#;

/// A sender of one instance: what is not acknowledged it sends again, as Prometheus does.
struct Sender {
    instance: &'static str,
    waiting: Vec<(Labels, i64, f64)>,
}

impl Sender {
    fn new(instance: &'static str) -> Self {
        Self { instance, waiting: Vec::new() }
    }

    /// Takes a sample of each series.
    fn scrape(&mut self, tick: i64) {
        let at_ms = START_MS + tick * TICK_MS;
        let mut add = |name: &str, value: f64| {
            let labels = Labels::from_pairs([("__name__", name), ("instance", self.instance)]);
            self.waiting.push((labels, at_ms, value));
        };
        add("load", if tick >= 30 { 150.0 } else { 10.0 });
        if tick >= 4 {
            add("soon", 1.0);
            add("excuse", 1.0);
        }
    }

    fn send(&mut self, run: &LiveRun) {
        let intake = run.handle().intake();
        let mut rows = Rows::default();
        for (labels, stamp_ms, value) in self.waiting.drain(..) {
            rows.push(intake.dictionary().define(&labels).0, stamp_ms, value);
        }
        let answer = intake.append(self.instance, rows).unwrap();
        assert_eq!(answer.blocking_recv().unwrap(), Ok(()));
    }
}

/// What happens at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Well,
    /// We are killed, or not there.
    Down,
    /// Nobody reaches us from sender b.
    BCut,
    /// Nobody takes samples any more.
    Silent,
}

/// Lets time pass; what was decided, without pending ones.
fn live(ticks: i64, at: impl Fn(i64) -> Is) -> Told {
    let world = World::with_rules(3, RULES);
    let (mut a, mut b) = (Sender::new("a"), Sender::new("b"));
    let mut run: Option<LiveRun> = None;
    for tick in 0..ticks {
        let is = at(tick);
        world.clock.set(START_MS + tick * TICK_MS);
        if is != Is::Silent {
            a.scrape(tick);
            b.scrape(tick);
        }
        if is == Is::Down {
            if let Some(run) = run.take() {
                world.crash(run);
            }
            continue;
        }
        let run = run.get_or_insert_with(|| world.start(1 + tick as usize % 3).unwrap());
        ready(run);
        if is != Is::Silent {
            a.send(run);
            if is != Is::BCut {
                b.send(run);
            }
        }
        // In silence an epoch is cut when a step is ready.
        assert!(world.settle(run, if is == Is::Silent { tick - 3 } else { tick }));
    }
    run.unwrap().stop().unwrap();
    told(&world.ledger())
}

fn ready(run: &LiveRun) {
    let begin = Instant::now();
    while !run.handle().is_ready() {
        assert!(begin.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Ticks of an hour and a half.
const LONG: i64 = 1_080;

#[test]
fn nothing_is_told_that_rests_on_samples_that_may_not_have_come_yet() {
    let told = live(300, |_| Is::Well);
    let fires = |alert: &str| only(&told, alert).first().copied();
    // Its samples come 20 s after the first ones.
    assert_eq!(fires("Soon"), None, "{told:?}");
    assert_eq!((fires("NoLoad"), fires("Unexcused a")), (None, None));
    // The first step, on a grid of 15 s, at which five minutes are known, and ten.
    let first = |minutes: i64| {
        let at_ms = START_MS + minutes * 60_000;
        (at_ms + 14_999) / 15_000 * 15_000 - START_MS
    };
    let fired = |minutes| Some(("firing", first(minutes) / 1_000));
    assert_eq!((fires("Never"), fires("NeverForLong")), (fired(5), fired(10)), "{told:?}");
    assert_eq!(fires("NeverBySum"), fired(5), "{told:?}");
}

#[test]
fn our_own_outages_change_nothing_that_is_sent_again() {
    let well = live(LONG, |_| Is::Well);
    assert!(!only(&well, "High a").is_empty() && !only(&well, "High b").is_empty());
    // 30 s, 6 minutes, an hour; the alerts are pending, or fire already.
    for (from, ticks) in [(60, 6), (60, 72), (200, 72), (60, 720)] {
        let told = live(LONG, |tick| if (from..from + ticks).contains(&tick) { Is::Down } else { Is::Well });
        assert_eq!(told, well, "down from {from} for {ticks} ticks");
    }
}

#[test]
fn a_sender_that_is_cut_off_is_absent_and_the_other_one_is_not() {
    // Ten minutes.
    let told = live(500, |tick| if (200..320).contains(&tick) { Is::BCut } else { Is::Well });
    assert_eq!(only(&told, "NoLoad"), []);
    assert_eq!(only(&told, "High a").len(), 1, "{told:?}");
    let b = only(&told, "NoLoadOfB b");
    assert_eq!(b.iter().map(|(what, _)| *what).collect::<Vec<_>>(), ["firing", "resolved"], "{told:?}");
    // The last sample that came is that of tick 199; it is looked back at for five minutes.
    let last_s = 199 * TICK_MS / 1_000;
    assert!((last_s + 300..=last_s + 315).contains(&b[0].1), "{b:?}");
    let back_s = 320 * TICK_MS / 1_000;
    assert!((back_s - 15..=back_s + 15).contains(&b[1].1), "{b:?}");
}

#[test]
fn when_everybody_is_silent_what_is_absent_is_told() {
    let told = live(320, |tick| if tick >= 200 { Is::Silent } else { Is::Well });
    let last_s = 199 * TICK_MS / 1_000;
    for (alert, what) in
        [("NoLoad", "firing"), ("NoLoadOfB b", "firing"), ("High a", "resolved"), ("High b", "resolved")]
    {
        let (got, at) = only(&told, alert).pop().unwrap();
        assert!(got == what && (last_s + 300..=last_s + 315).contains(&at), "{alert} {got} {at}: {told:?}");
    }
}

#[test]
fn a_clock_that_is_set_back_and_forth_tells_nothing_twice() {
    let world = World::with_rules(5, RULES);
    let run = world.start(2).unwrap();
    let mut a = Sender::new("a");
    for tick in 0..200 {
        let jump = match tick {
            100..130 => -60_000,
            160..165 => 20_000,
            _ => 0,
        };
        world.clock.set(START_MS + tick * TICK_MS + jump);
        a.scrape(tick);
        a.send(&run);
        if jump == 0 {
            assert!(world.settle(&run, tick));
        }
    }
    let view = run.handle().view();
    assert!(view.lock().unwrap_or_else(PoisonError::into_inner).watermark_ms > START_MS);
    run.stop().unwrap();
    let told = told(&world.ledger());
    assert_eq!(only(&told, "High a").len(), 1, "{told:?}");
    assert_eq!(only(&told, "NoLoad"), [], "{told:?}");
}
