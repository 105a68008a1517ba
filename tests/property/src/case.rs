//! A case: rules, samples, and how the engine is to run. Made of a seed.

use crate::data::{self, Series, Span};
use crate::groups::{self, File, Group};
use crate::random::Random;
use bellwether_model::{Value, is_stale};
use std::fmt;

const MINUTE_MS: i64 = 60_000;

/// How the engine runs.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Workers.
    pub workers: usize,
    /// Length of an epoch, ms.
    pub block_ms: i64,
    /// Whether every grouping and match exchanges.
    pub exchange_everywhere: bool,
    /// Where the run is stopped and goes on from its kept state: (percent of its epochs, workers from there on).
    pub cut: Option<(u64, usize)>,
    /// Where the same rules are put in force with another placement: percent of the epochs.
    pub swap: Option<u64>,
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it was made of.
    pub seed: u64,
    /// Rules.
    pub groups: Vec<Group>,
    /// Samples.
    pub series: Vec<Series>,
    /// First instant of grids that are evaluated before `from_ms`, ms.
    pub warm_from_ms: i64,
    /// First step, ms.
    pub from_ms: i64,
    /// Last step, ms.
    pub to_ms: i64,
    /// How old an instant selector's sample may be, ms.
    pub lookback_ms: i64,
    /// How the engine runs.
    pub shape: Shape,
}

impl Case {
    /// The case of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let groups = groups::groups(&mut random);
        let from_ms = 1_700_000_040_000 + random.between(0, 30) * 10_000;
        let to_ms = from_ms + random.between(4, 14) * MINUTE_MS + random.between(0, 59_999);
        let before_ms = *random.pick(&[-MINUTE_MS, 0, 2 * MINUTE_MS, 10 * MINUTE_MS]);
        let span = Span { from_ms: from_ms - before_ms, to_ms: to_ms + *random.pick(&[0, 0, 2 * MINUTE_MS]) };
        let series = data::series(&mut random, span);
        let warm_from_ms = from_ms - *random.pick(&[0, 0, 5 * MINUTE_MS, 10 * MINUTE_MS]);
        let lookback_ms = *random.pick(&[300_000, 300_000, 60_000, 120_000]);
        let shape = Shape {
            workers: *random.pick(&[1, 2, 2, 3, 4]),
            block_ms: *random.pick(&[15_000, 60_000, 100_000, 240_000, 600_000, 77_777]),
            exchange_everywhere: random.chance(15),
            cut: random.chance(40).then(|| (random.bits() % 100, *random.pick(&[1, 2, 3]))),
            swap: random.chance(15).then(|| random.bits() % 100),
        };
        Self { seed, groups, series, warm_from_ms, from_ms, to_ms, lookback_ms, shape }
    }

    /// Number of rules.
    pub fn rules(&self) -> usize {
        self.groups.iter().map(|g| g.rules.len()).sum()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relative = |ms: i64| (ms - self.from_ms) as f64 / 1000.0;
        write!(f, "{}", File(&self.groups))?;
        writeln!(
            f,
            "# steps from {} to {:+} s, warm from {:+} s",
            self.from_ms,
            relative(self.to_ms),
            relative(self.warm_from_ms)
        )?;
        writeln!(f, "# lookback {} s, {:?}", self.lookback_ms / 1000, self.shape)?;
        for series in &self.series {
            write!(f, "# {}", series.labels)?;
            for (stamp_ms, value) in &series.samples {
                let at = relative(*stamp_ms);
                match value {
                    Value::Float(v) if is_stale(*v) => write!(f, " {at:+}:stale")?,
                    Value::Float(v) => write!(f, " {at:+}:{v}")?,
                    Value::Histogram(h) => write!(f, " {at:+}:{}", h.notation())?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
