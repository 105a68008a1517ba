//! What one query may cost: samples that it holds, instants that it evaluates, results that it gives.

use super::QueryError;
use bellwether_dataflow::render::{MergedOutput, Output, OutputError};
use bellwether_operators::program::{Grid, Program};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Samples that a query may load: 24 bytes each, and windows beside them.
pub(super) const MOST_SAMPLES: usize = 10_000_000;

/// Instants that a query evaluates, of all its grids together: subqueries and rules that it reads have theirs.
const MOST_INSTANTS: u64 = 2_000_000;

/// Values in a result.
const MOST_POINTS: usize = 10_000_000;

/// Prometheus's words.
const TOO_MANY: &str = "query processing would load too many samples into memory in query execution";

/// More samples or results than allowed.
pub(super) fn too_many() -> QueryError {
    QueryError::Execution(TOO_MANY.to_owned())
}

/// Instants of a grid in `from < t <= to`, ms.
fn instants(grid: &Grid, from_ms: i64, to_ms: i64) -> u64 {
    let number = |t: i64| (i128::from(t) - i128::from(grid.phase_ms)).div_euclid(i128::from(grid.interval_ms.max(1)));
    u64::try_from(number(to_ms) - number(from_ms)).unwrap_or(0)
}

/// Refuses what would evaluate too many instants: rules and subqueries are evaluated at theirs, whatever the step is.
pub(super) fn few_instants(program: &Program, warm_from_ms: i64, from_ms: i64, to_ms: i64) -> Result<(), QueryError> {
    let of = |grid: &Grid| match grid.only {
        Some((after_ms, upto_ms)) => instants(grid, after_ms, upto_ms),
        None if grid.warm => instants(grid, warm_from_ms.saturating_sub(1), to_ms),
        None => instants(grid, from_ms.saturating_sub(1), to_ms),
    };
    let all = program.grids.iter().map(of).fold(0u64, u64::saturating_add);
    if all <= MOST_INSTANTS {
        return Ok(());
    }
    Err(QueryError::Execution(format!(
        "the query would evaluate {all} instants of subqueries and rules, more than {MOST_INSTANTS}: ask for a shorter range"
    )))
}

/// Passes on what comes out, up to a limit.
pub(super) struct Bounded {
    to: Box<dyn Output>,
    points: usize,
    too_many: Arc<AtomicBool>,
}

impl Bounded {
    /// In front of an output; and whether it has been too much.
    pub fn new(to: Box<dyn Output>) -> (Box<Self>, Arc<AtomicBool>) {
        let too_many = Arc::<AtomicBool>::default();
        (Box::new(Self { to, points: 0, too_many: Arc::clone(&too_many) }), too_many)
    }
}

impl Output for Bounded {
    fn epoch(&mut self, epoch: u64, out: MergedOutput) -> Result<(), OutputError> {
        self.points += out.vectors.iter().map(|row| row.steps_ms.len() + row.histograms.len()).sum::<usize>();
        if self.points > MOST_POINTS {
            self.too_many.store(true, Ordering::SeqCst);
            return Err(OutputError::new(TOO_MANY));
        }
        self.to.epoch(epoch, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_counted_by_grid() {
        let grid = Grid::of_run(15_000, 5_000);
        assert_eq!(
            [instants(&grid, 4_999, 5_000), instants(&grid, 5_000, 20_000), instants(&grid, 5_000, 19_999)],
            [1, 1, 0]
        );
        assert_eq!(instants(&grid, 10, 0), 0);
        assert!(instants(&grid, i64::MIN, i64::MAX) > 1 << 40);
        let program = Program { grids: vec![Grid { warm: true, ..grid }], ..Program::default() };
        assert!(few_instants(&program, 0, 0, 86_400_000).is_ok());
        let error = few_instants(&program, 0, 0, 100_000_000_000_000).map_err(|e| e.to_string());
        assert!(error.is_err_and(|e| e.contains("ask for a shorter range")));
    }
}
