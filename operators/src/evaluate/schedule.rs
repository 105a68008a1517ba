//! Where an epoch stands in its program: phase, instant of a stepwise phase, stage.
//!
//! Every worker walks the same positions, because they follow from the program and the binding alone.

use super::view::Instant;
use crate::program::Program;
use bellwether_model::StepRange;

/// The next stage to run.
#[derive(Debug, Default)]
pub struct Position {
    phase: usize,
    stage: usize,
    phases: usize,
    /// When the instants of the current stepwise phase that are still to come are ready, ms; the last one first.
    ready: Vec<i64>,
    instant: Option<Instant>,
    finished: Instant,
    steps: Vec<StepRange>,
}

impl Position {
    /// The first stage of an epoch.
    pub fn start(program: &Program, steps: &[StepRange]) -> Self {
        let mut me = Self { phases: program.phases.len(), steps: steps.to_vec(), ..Self::default() };
        me.enter(program);
        me
    }

    /// The stage to run: (phase, stage); `None` when the epoch has none left.
    pub fn current(&self) -> Option<(usize, usize)> {
        (self.phase < self.phases).then_some((self.phase, self.stage))
    }

    /// The instant of a stepwise phase.
    pub fn instant(&self) -> Option<&Instant> {
        self.instant.as_ref()
    }

    /// The instant that [`Position::advance`] just left.
    pub fn finished_instant(&self) -> &Instant {
        &self.finished
    }

    /// Goes to the next stage; returns whether an instant of a stepwise phase is complete.
    pub fn advance(&mut self, program: &Program) -> bool {
        self.stage += 1;
        if self.stage < program.phases[self.phase].stages.len() {
            return false;
        }
        self.stage = 0;
        let stepwise = program.phases[self.phase].stepwise;
        self.finished = self.instant.take().unwrap_or_default();
        if stepwise && self.next_instant(program) {
            return true;
        }
        self.phase += 1;
        self.enter(program);
        stepwise
    }

    /// Skips phases that have nothing to do.
    fn enter(&mut self, program: &Program) {
        let idle = self.steps.iter().all(|s| s.count == 0);
        if idle {
            self.phase = self.phases;
        }
        while let Some(phase) = program.phases.get(self.phase) {
            if !phase.stages.is_empty() {
                if !phase.stepwise {
                    return;
                }
                self.ready = self.ready_of(program);
                if self.next_instant(program) {
                    return;
                }
            }
            self.phase += 1;
        }
    }

    fn nodes<'p>(&self, program: &'p Program) -> impl Iterator<Item = usize> + use<'p> {
        program.phases[self.phase].stages.iter().flat_map(|s| s.eval.iter().chain(&s.send).copied())
    }

    /// One rule's instant may be earlier than another's and still be evaluated later, because it looks ahead: so they are
    /// in the order in which they are ready, within an epoch as over epochs.
    fn ready_of(&self, program: &Program) -> Vec<i64> {
        let mut grids: Vec<usize> = self.nodes(program).map(|n| program.nodes[n].grid).collect();
        grids.sort_unstable();
        grids.dedup();
        let mut all: Vec<i64> =
            grids.iter().flat_map(|g| self.steps[*g].iter().map(|t| program.grids[*g].ready_ms(t))).collect();
        all.sort_unstable();
        all.dedup();
        all.reverse();
        all
    }

    fn next_instant(&mut self, program: &Program) -> bool {
        let Some(ready_ms) = self.ready.pop() else { return false };
        let at = self.steps.iter().zip(&program.grids).map(|(s, grid)| {
            let after_first = ready_ms - grid.ready_ms(s.first_ms);
            let k = usize::try_from(after_first.checked_div(s.interval_ms)?).ok()?;
            (k < s.count && grid.ready_ms(s.at(k)) == ready_ms).then_some(k)
        });
        let mut member = vec![false; program.nodes.len()];
        self.nodes(program).for_each(|n| member[n] = true);
        self.instant = Some(Instant { at: at.collect(), member });
        true
    }
}
