//! When an alert fired: episodes in, one row of characters out.
//!
//! # Semantics
//! A row's cells share the range equally. A cell shows the mean number of alerts that fired within it, as an eighth of
//! the row's highest cell: `▁` to `█`; any firing at all shows. `╌` is pending only, `·` nothing.

use super::clock::{date, of_day};
use super::paint::{Paint, Tone};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PENDING: char = '╌';
const NOTHING: char = '·';

const DAY_MS: i64 = 86_400_000;

/// Cells from one tick to the next at least: five for the label, and a gap.
const LABEL_CELLS: f64 = 9.0;

/// A range of time cut into cells.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Begin, ms.
    pub from_ms: i64,
    /// End, ms; not before the begin.
    pub to_ms: i64,
    /// Number of cells.
    pub cells: usize,
}

impl Axis {
    fn cell_ms(&self) -> f64 {
        ((self.to_ms - self.from_ms).max(1)) as f64 / self.cells.max(1) as f64
    }

    /// Shares of an interval: cells it touches, and for how long it does, ms.
    fn shares(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = (usize, f64)> + use<> {
        let (axis, size) = (*self, self.cell_ms());
        let at = |ms: i64| (ms - axis.from_ms) as f64 / size;
        let (begin, end) = (at(from_ms).max(0.0), at(to_ms).min(axis.cells as f64));
        let last = (end.ceil() as usize).min(axis.cells);
        (begin as usize..last.max(begin as usize)).map(move |cell| {
            let share = end.min(cell as f64 + 1.0) - begin.max(cell as f64);
            (cell, share.max(0.0) * size)
        })
    }

    /// The lines below the rows: a tick at round times, and the time below it.
    pub fn labels(&self, indent: usize) -> String {
        let (mut ticks, mut texts) = (" ".repeat(indent), " ".repeat(indent));
        let every_ms = self.tick_ms();
        let first = self.from_ms.div_euclid(every_ms) + i64::from(self.from_ms.rem_euclid(every_ms) > 0);
        for at_ms in (first..).map(|k| k * every_ms).take_while(|ms| *ms <= self.to_ms) {
            let cell = indent + ((at_ms - self.from_ms) as f64 / self.cell_ms()) as usize;
            let label = if every_ms % DAY_MS == 0 { date(at_ms) } else { of_day(at_ms) };
            if cell + label.len() > indent + self.cells {
                break;
            }
            ticks.push_str(&format!("{}╵", " ".repeat(cell.saturating_sub(ticks.chars().count()))));
            texts.push_str(&format!("{}{label}", " ".repeat(cell.saturating_sub(texts.chars().count()))));
        }
        format!("{}\n{}", ticks.trim_end(), texts.trim_end())
    }

    /// The shortest round distance that leaves room for a label and a gap.
    fn tick_ms(&self) -> i64 {
        const MINUTES: [i64; 15] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080, 20_160];
        let least = self.cell_ms() * LABEL_CELLS;
        let round = MINUTES.into_iter().map(|m| m * 60_000).find(|ms| *ms as f64 >= least);
        round.unwrap_or_else(|| (least as i64 / DAY_MS + 1) * DAY_MS)
    }
}

/// One alert's row.
#[derive(Clone, Debug)]
pub struct Row {
    axis: Axis,
    /// Alerts × ms by cell.
    firing: Vec<f64>,
    pending: Vec<bool>,
}

impl Row {
    /// A row in which nothing happened.
    pub fn new(axis: Axis) -> Self {
        Self { axis, firing: vec![0.0; axis.cells], pending: vec![false; axis.cells] }
    }

    /// An alert fired from one step to another. One that was resolved at once still shows.
    pub fn fire(&mut self, from_ms: i64, to_ms: i64) {
        for (cell, ms) in self.axis.shares(from_ms, to_ms.max(from_ms + 1)) {
            self.firing[cell] += ms;
        }
    }

    /// An alert was pending from one step to another.
    pub fn wait(&mut self, from_ms: i64, to_ms: i64) {
        for (cell, _) in self.axis.shares(from_ms, to_ms.max(from_ms + 1)) {
            self.pending[cell] = true;
        }
    }

    /// The characters.
    pub fn draw(&self, paint: Paint) -> String {
        let highest = self.firing.iter().copied().fold(0.0, f64::max);
        let mut out = String::new();
        let mut run = (Tone::Faint, String::new());
        for (ms, pending) in self.firing.iter().zip(&self.pending) {
            let (tone, c) = match (*ms > 0.0, pending) {
                (true, _) => (Tone::Firing, block(ms / highest)),
                (false, true) => (Tone::Pending, PENDING),
                (false, false) => (Tone::Faint, NOTHING),
            };
            if tone != run.0 {
                out.push_str(&paint.text(run.0, &run.1));
                run = (tone, String::new());
            }
            run.1.push(c);
        }
        out.push_str(&paint.text(run.0, &run.1));
        out
    }
}

/// The block for a share of more than 0 and at most 1.
fn block(share: f64) -> char {
    let eighth = (share * BLOCKS.len() as f64).ceil() as usize;
    BLOCKS[eighth.clamp(1, BLOCKS.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: Axis = Axis { from_ms: 1_000, to_ms: 11_000, cells: 10 };

    #[test]
    fn height_is_the_mean_number_that_fired() {
        let mut row = Row::new(AXIS);
        row.fire(2_000, 4_000);
        row.fire(3_000, 3_500);
        row.wait(5_000, 6_500);
        row.fire(10_999, 10_999);
        assert_eq!(row.draw(Paint::default()), "·▆█·╌╌···▁");
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut row = Row::new(AXIS);
        row.fire(-5_000, 1_500);
        row.fire(20_000, 30_000);
        row.wait(10_500, 99_000);
        assert_eq!(row.draw(Paint::default()), "█········╌");
    }

    #[test]
    fn ticks_stand_at_round_times() {
        let axis = Axis { from_ms: -30 * 60_000, to_ms: 24 * 3_600_000, cells: 49 };
        assert_eq!(
            axis.labels(2),
            "   ╵           ╵           ╵           ╵\n   00:00       06:00       12:00       18:00"
        );
        let days = Axis { from_ms: 0, to_ms: 24 * DAY_MS, cells: 24 };
        assert!(days.labels(0).starts_with("╵             ╵\n01-01         01-15"), "{}", days.labels(0));
    }

    #[test]
    fn a_range_of_one_instant_has_a_picture_too() {
        let mut row = Row::new(Axis { from_ms: 5, to_ms: 5, cells: 4 });
        row.fire(5, 5);
        assert_eq!(row.draw(Paint::default()), "████");
    }
}
