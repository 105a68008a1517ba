//! When the next step of a program is ready: what a live run waits for.

use bellwether_operators::program::Program;

/// The grids of a program, as far as they say when a step is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// (interval, phase, wait), ms.
    grids: Vec<(i64, i64, i64)>,
}

impl Due {
    /// Of the grids that a run steps through; what `@` fixes is ready once and not waited for.
    pub fn of(program: &Program) -> Self {
        let grids = program.grids.iter().filter(|g| g.only.is_none());
        let mut grids: Vec<_> = grids.map(|g| (g.interval_ms.max(1), g.phase_ms, g.wait_ms)).collect();
        grids.sort_unstable();
        grids.dedup();
        Self { grids }
    }

    /// The least watermark above `watermark_ms` at which some step is ready, ms; `i64::MAX` without grids.
    pub fn after(&self, watermark_ms: i64) -> i64 {
        let next = |(interval, phase, wait): &(i64, i64, i64)| {
            let offset = phase.saturating_add(*wait);
            let k = watermark_ms.saturating_sub(offset).div_euclid(*interval);
            k.saturating_add(1).saturating_mul(*interval).saturating_add(offset)
        };
        self.grids.iter().map(next).min().unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_operators::program::Grid;

    #[test]
    fn the_next_step_of_any_grid_counts() {
        let grid = |interval, phase, wait_ms| Grid { wait_ms, ..Grid::of_run(interval, phase) };
        let program = Program { grids: vec![grid(60_000, 7_000, 0), grid(15_000, 0, 2_000)], ..Program::default() };
        let due = Due::of(&program);
        assert_eq!(due.after(0), 2_000);
        assert_eq!(due.after(2_000), 7_000);
        assert_eq!(due.after(6_999), 7_000);
        assert_eq!(due.after(7_000), 17_000);
        assert_eq!(Due::default().after(0), i64::MAX);
    }
}
