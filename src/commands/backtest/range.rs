//! What a backtest covers: the user's instants, the data's span and the plan's horizon in, epochs out.
//!
//! # Semantics
//! Steps run from `--from` to `--to`, by default over the whole span of the data. Samples are read from the warm-up
//! before the first step to as far past the last one as the rules look ahead, and wherever `@` points.

use crate::cli::backtest::Args;
use crate::exit::Failure;
use crate::report::clock::minute;
use bellwether_dataflow::time::{SyntheticBindings, SyntheticSpec};
use bellwether_operators::program::Program;
use bellwether_operators::window::MAX_SPAN_MS;

/// Elements × steps of an epoch: 4 M values are 32 MB a materialised node, small enough for a laptop, and large enough
/// that a round of the loop (about 10 us) does not count.
const CELLS: f64 = 4e6;

/// Steps of an epoch at most: more gains nothing and makes Ctrl-C and the progress bar sluggish.
const MOST_STEPS: f64 = 240.0;

/// What a backtest covers.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// First step, ms.
    pub from_ms: i64,
    /// Last step, ms.
    pub to_ms: i64,
    /// Oldest stamp that is read, ms.
    pub read_from_ms: i64,
    /// Newest stamp that is read, ms.
    pub read_to_ms: i64,
    /// The epochs.
    pub epochs: SyntheticBindings,
}

impl Range {
    /// Resolves the arguments against the data.
    pub fn new(args: &Args, program: &Program, span: (i64, i64), samples: u64) -> Result<Self, Failure> {
        let from_ms = args.from.map_or(span.0, |i| i.resolve(span));
        let to_ms = args.to.map_or(span.1, |i| i.resolve(span));
        if to_ms < from_ms {
            let (from, to, first, last) = (minute(from_ms), minute(to_ms), minute(span.0), minute(span.1));
            return Err(Failure::Usage(format!(
                "there is no step from {from} (--from) to {to} (--to); the data reach from {first} to {last}"
            )));
        }
        let read_from_ms = program.read_from_ms(from_ms, args.warm_up);
        let read_to_ms = program.read_upto_ms(to_ms);
        let data = (span.0.max(read_from_ms), span.1.min(read_to_ms));
        let interval_ms =
            program.grids.iter().filter(|g| g.only.is_none()).map(|g| g.interval_ms).min().unwrap_or(60_000).max(1);
        let steps = match args.block {
            Some(steps) => steps as f64,
            None => block_steps(samples, span, interval_ms),
        };
        let epochs = SyntheticBindings::new(SyntheticSpec {
            first_epoch: 1,
            data_ms: (data.0 <= data.1).then_some(data),
            block_ms: block_ms(interval_ms, steps, program.horizon_ms),
            lateness_ms: args.lateness,
            warm_from_ms: program.warm_from_ms(from_ms, args.warm_up),
            from_ms,
            to_ms,
        });
        Ok(Self { from_ms, to_ms, read_from_ms, read_to_ms, epochs })
    }

    /// The part of the data that is read, of 1.
    pub fn share_of(&self, span: (i64, i64)) -> f64 {
        let read = span.1.min(self.read_to_ms).saturating_sub(span.0.max(self.read_from_ms)).max(0);
        (read + 1) as f64 / (span.1 - span.0 + 1) as f64
    }
}

/// Steps of an epoch, for the number of samples that come at a step. What a run gives does not depend on it.
fn block_steps(samples: u64, span: (i64, i64), interval_ms: i64) -> f64 {
    let steps = ((span.1 - span.0) as f64 / interval_ms as f64).max(1.0);
    let samples_a_step = (samples as f64 / steps).max(1.0);
    (CELLS / samples_a_step).clamp(4.0, MOST_STEPS).floor()
}

/// Length of an epoch. A series keeps stamps as 32 bits, so an epoch and the windows before it must fit in there.
fn block_ms(interval_ms: i64, steps: f64, horizon_ms: i64) -> i64 {
    let most = (MAX_SPAN_MS - horizon_ms.clamp(0, MAX_SPAN_MS / 2)) / 2;
    ((interval_ms as f64 * steps.max(1.0)) as i64).min(most).max(interval_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_fits_into_a_series_memory() {
        assert_eq!(block_ms(15_000, 240.0, 3_600_000), 3_600_000);
        assert!(block_ms(300_000, 1e9, 86_400_000) + 86_400_000 < MAX_SPAN_MS);
    }

    #[test]
    fn blocks_shrink_as_fleets_grow() {
        let day = (0, 86_400_000);
        let steps = |series: u64| block_steps(series * 5_760, day, 15_000) as u64;
        assert_eq!((steps(1_000), steps(50_000), steps(10_000_000)), (240, 80, 4));
    }
}
