//! Which instants of a grid an epoch evaluates, and how far back later ones read.

use super::Evaluator;
use crate::program::Grid;
use bellwether_model::StepRange;

impl Evaluator {
    pub(super) fn instants(&self, grid: &Grid) -> StepRange {
        let (t, first) = (&self.times, self.first_instant(grid));
        // Subqueries with a negative offset read inner steps past the last one.
        let ahead_ms = if grid.warm { self.index.ahead_ms } else { 0 };
        let last = t.to_ms.saturating_add(ahead_ms);
        let (before, last) = grid.only.unwrap_or((first.saturating_sub(1), last));
        let after = self.done.get(grid).copied().unwrap_or(i64::MIN).max(before);
        let upto = if t.watermark_ms < grid.not_before_ms { i64::MIN } else { t.watermark_ms };
        StepRange::on_grid(grid.interval_ms, grid.phase_ms, after, upto.saturating_sub(grid.wait_ms).min(last))
    }

    /// The first instant of a grid: that of the run's first step, for the rule whose instants lie the furthest before its
    /// steps; grids that are read begin with the warm-up.
    fn first_instant(&self, grid: &Grid) -> i64 {
        let first_ms = self.times.from_ms.saturating_sub(self.index.query_offset_ms);
        if grid.warm { self.times.warm_from_ms.min(first_ms) } else { first_ms }
    }

    /// Oldest stamp that a later evaluation may read, ms.
    pub fn retain_from_ms(&self) -> i64 {
        self.evaluated_upto_ms().saturating_sub(self.index.deepest_ms)
    }

    /// No instant of any grid that is still to be evaluated is older, ms.
    pub(super) fn evaluated_upto_ms(&self) -> i64 {
        let next = self.program.grids.iter().filter_map(|g| match (self.done.get(g).copied(), g.only) {
            (done, Some((after, upto))) => {
                let at = done.unwrap_or(after).max(after);
                (StepRange::on_grid(g.interval_ms, g.phase_ms, at, upto).count > 0).then_some(at)
            }
            (Some(done), None) => Some(done),
            (None, None) if g.warm => Some(self.first_instant(g)),
            (None, None) => Some(self.first_instant(g).min(self.times.watermark_ms)),
        });
        next.min().unwrap_or(self.times.watermark_ms)
    }
}
