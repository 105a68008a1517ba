//! One host of the fleet: steps in, the values of its 22 series out.
//!
//! # Semantics
//! Load follows a day's sine with noise; counters sum it up; one host in four restarts once, which resets its counters.
//! Now and then a scrape is lost. Incidents bend what they name: busy processors, errors, slow answers, full memory, a
//! disk that fills, a host that is down (then only `up` is left, at 0).
//!
//! # State
//! The running counters, so that a host can be generated stretch by stretch.

use super::random::Random;
use super::{FleetOptions, Incident, IncidentKind};
use bellwether_model::Labels;
use std::f64::consts::TAU;

/// Series of a host.
pub(crate) const SERIES: usize = 22;
const DAY_S: f64 = 86_400.0;
const GIB: f64 = 1_073_741_824.0;
const MEMORY_BYTES: f64 = 64.0 * GIB;
const DISK_BYTES: f64 = 512.0 * GIB;
/// Upper bounds of the latency histogram's buckets, seconds.
const BOUNDS: [(&str, f64); 6] =
    [("0.05", 0.05), ("0.1", 0.1), ("0.25", 0.25), ("0.5", 0.5), ("1", 1.0), ("+Inf", f64::INFINITY)];
const COUNTERS: usize = 16;
/// Share of scrapes that are lost.
const LOST: f64 = 0.001;

/// A host that is being generated.
pub(crate) struct Host {
    number: usize,
    steps: usize,
    step_s: f64,
    random: Random,
    incidents: Vec<(IncidentKind, usize, usize)>,
    /// Step of the restart; most lie past the end.
    restart: usize,
    counters: [f64; COUNTERS],
    /// What the counters had at the restart.
    base: [f64; COUNTERS],
}

/// What a host is like at a step.
struct State {
    busy: f64,
    errors: f64,
    latency: f64,
    memory: f64,
    disk: f64,
    alive: bool,
}

/// Labels of a host's series, in the order of its values.
pub(crate) fn labels(number: usize) -> Vec<Labels> {
    let host = [
        ("instance", format!("host-{number:05}:9100")),
        ("job", ["web", "api", "batch", "cache"][number % 4].to_owned()),
        ("dc", format!("dc{}", number % 8)),
        ("team", format!("team-{}", number % 20)),
    ];
    let of = |name: &str, more: &[(&str, &str)]| {
        let host = host.iter().map(|(n, v)| (*n, v.as_str()));
        Labels::from_pairs(host.chain([("__name__", name)]).chain(more.iter().copied()))
    };
    let mut all = vec![
        of("up", &[]),
        of("node_load1", &[]),
        of("node_memory_MemTotal_bytes", &[]),
        of("node_memory_MemAvailable_bytes", &[]),
        of("node_filesystem_size_bytes", &[("mountpoint", "/")]),
        of("node_filesystem_avail_bytes", &[("mountpoint", "/")]),
    ];
    for cpu in ["0", "1"] {
        for mode in ["idle", "user", "system", "iowait"] {
            all.push(of("node_cpu_seconds_total", &[("cpu", cpu), ("mode", mode)]));
        }
    }
    for code in ["200", "500"] {
        all.push(of("http_requests_total", &[("code", code)]));
    }
    for (le, _) in BOUNDS {
        all.push(of("http_request_duration_seconds_bucket", &[("le", le)]));
    }
    all
}

impl Host {
    /// Host number `number` of a fleet.
    pub(crate) fn new(number: usize, o: &FleetOptions) -> Self {
        let (steps, step_s) = (o.steps(), o.step_ms as f64 / 1000.0);
        let mut random = Random::new(o.seed, number as u64);
        let mut incidents = Vec::new();
        if steps > 0 {
            for _ in 0..random.poisson(o.incidents_per_host_day * steps as f64 * step_s / DAY_S) {
                let kind = IncidentKind::ALL[random.between(0, IncidentKind::ALL.len() as u64) as usize];
                let begin = random.between(0, steps as u64) as usize;
                let end = (begin + random.between(8, 160) as usize).min(steps);
                incidents.push((kind, begin, end));
            }
        }
        let restart = random.between(0, (steps as u64 * 4).max(1)) as usize;
        let (counters, base) = ([0.0; COUNTERS], [0.0; COUNTERS]);
        Self { number, steps, step_s, random, incidents, restart, counters, base }
    }

    /// The incidents of this host.
    pub(crate) fn incidents(&self, o: &FleetOptions) -> Vec<Incident> {
        let instance = format!("host-{:05}:9100", self.number);
        let one = |(kind, begin, end): &(IncidentKind, usize, usize)| Incident {
            kind: *kind,
            instance: instance.clone(),
            start_ms: o.stamp_ms(*begin),
            end_ms: o.stamp_ms(end - 1),
        };
        self.incidents.iter().map(one).collect()
    }

    /// Calls `each` with the values of a step, in the order of [`labels`]; `None` where there is no sample. Steps have to
    /// be asked for in order, each once.
    pub(crate) fn step(&mut self, step: usize, each: &mut dyn FnMut(usize, Option<f64>)) {
        let s = self.state(step);
        let load_noise = self.random.unit();
        let lost = self.random.unit() < LOST;
        let gone = lost || !s.alive;
        each(0, (!lost).then_some(if s.alive { 1.0 } else { 0.0 }));
        let gauges = [
            s.busy * 8.0 + load_noise,
            MEMORY_BYTES,
            (1.0 - s.memory) * MEMORY_BYTES,
            DISK_BYTES,
            s.disk.clamp(0.01, 1.0) * DISK_BYTES,
        ];
        for (i, value) in gauges.into_iter().enumerate() {
            each(1 + i, (!gone).then_some(value));
        }
        self.count(&s);
        if step == self.restart {
            self.base = self.counters;
        }
        for (i, (total, base)) in self.counters.iter().zip(&self.base).enumerate() {
            // Three decimals, as exporters print.
            let value = ((total - base) * 1000.0).round() / 1000.0;
            each(1 + gauges.len() + i, (!gone).then_some(value));
        }
    }

    fn state(&mut self, step: usize) -> State {
        let t = step as f64 * self.step_s;
        let day = TAU * t / DAY_S;
        let end = ((self.steps.max(1) - 1) as f64 * self.step_s).max(1.0);
        let phase = |every: usize| (self.number % every) as f64;
        let mut s = State {
            busy: 0.35 + 0.15 * (day + phase(7)).sin(),
            errors: 0.002,
            latency: 0.08,
            memory: 0.5 + 0.1 * (day + phase(5)).sin(),
            disk: 0.6 - 0.02 * t / end,
            alive: true,
        };
        s.busy += 0.05 * self.random.normal();
        s.memory += 0.01 * self.random.normal();
        s.disk += 0.0005 * self.random.normal();
        for (kind, begin, end) in &self.incidents {
            if !(*begin..*end).contains(&step) {
                continue;
            }
            match kind {
                IncidentKind::Cpu => s.busy = 0.93 + 0.05 * self.random.unit(),
                IncidentKind::Errors => s.errors = 0.12,
                IncidentKind::Latency => s.latency = 0.9,
                IncidentKind::Memory => s.memory = 0.96,
                IncidentKind::Disk => s.disk -= 0.3 * (step - begin) as f64 / ((end - begin).max(2) - 1) as f64,
                IncidentKind::Down => s.alive = false,
            }
        }
        s.busy = s.busy.clamp(0.01, 0.995);
        s
    }

    fn count(&mut self, s: &State) {
        let requests = 200.0 * s.busy;
        let mut rates = [0.0; COUNTERS];
        for cpu in rates[..8].as_chunks_mut::<4>().0 {
            *cpu = [1.0 - s.busy, s.busy * 0.7, s.busy * 0.25, s.busy * 0.05];
        }
        rates[8] = requests * (1.0 - s.errors);
        rates[9] = requests * s.errors;
        for (rate, (_, bound)) in rates[10..].iter_mut().zip(BOUNDS) {
            *rate = requests * (1.0 - (-bound / s.latency).exp());
        }
        self.counters.iter_mut().zip(rates).for_each(|(c, rate)| *c += rate.max(0.0) * self.step_s);
    }
}
