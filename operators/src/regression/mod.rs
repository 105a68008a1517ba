//! `deriv` and `predict_linear`: least-squares lines.
//!
//! # Semantics (Prometheus `linearRegression`)
//! Sums of x, y, xy and x² with compensation, x in seconds from an instant near the window: the first sample (`deriv`)
//! or `t` (`predict_linear`). Equal values give slope 0 exactly, equal infinities NaN.
//!
//! # State
//! Long windows fold the sums with x from the fold's boundary and move the line afterwards: slope and centre do not
//! depend on where x begins. Of windows that are alike the sums of x and x² are found once. A line that is not finite
//! is scanned again in Prometheus's way; only then can a sum have been infinite on the way.

mod line;

pub use line::Line;

use crate::range::fold::fold;
use crate::range::{LANES, Scratch, Slide, Windows};
use bellwether_model::{Row, RowMut};
use line::{Level, Shared};
use std::ops::Range;

/// Slope a second.
pub fn deriv(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    let origin = |_, window: &Range<usize>| i64::from(w.stamps[window.start]);
    lines(w, scratch, out, origin, |_, (slope, _)| slope);
}

/// The line's value `ahead` seconds after the step.
pub fn predict_linear(w: &Windows<'_>, ahead: Row<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    // The intercept is at `t`, not at the window's end.
    let origin = |step, _: &Range<usize>| w.end(step) + w.offset_ms;
    lines(w, scratch, out, origin, |step, (slope, intercept)| slope * ahead.values[step] + intercept);
}

#[inline(always)]
fn lines(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut RowMut<'_>,
    origin: impl Fn(usize, &Range<usize>) -> i64,
    result: impl Fn(usize, (f64, f64)) -> f64,
) {
    let level = Level::new(w.values);
    let checked = |step, window: Range<usize>, line: (f64, f64)| {
        result(step, if finite(line) { line } else { scan(w, origin(step, &window), window) })
    };
    let shared = Shared::default();
    fold::<Line>(
        w,
        2,
        &mut scratch.lines,
        out,
        |slide, out| {
            if !slide.alike {
                return false;
            }
            let solved = over_lanes(w, slide, &shared, origin(slide.step, &slide.window(0)), &mut scratch.values);
            for (i, (out, line)) in out.iter_mut().zip(solved).enumerate() {
                let (step, window) = (slide.step + i, slide.window(i));
                *out = match level.line(&window) {
                    Some(line) => result(step, line),
                    None => checked(step, window, line),
                };
            }
            true
        },
        |step, window| {
            if let Some(line) = level.line(&window) {
                return result(step, line);
            }
            let (mut sums, origin) = (Line::default(), origin(step, &window));
            window.clone().for_each(|i| sums.add_finite(i64::from(w.stamps[i]) - origin, w.values[i]));
            checked(step, window, sums.solve())
        },
        |step, window, sums, boundary| {
            if let Some(line) = level.line(&window) {
                return Some(result(step, line));
            }
            let (slope, at_boundary) = sums.solve();
            let intercept = at_boundary - slope * ((boundary - origin(step, &window)) as f64 / 1000.0);
            Some(checked(step, window, (slope, intercept)))
        },
    );
}

fn finite((slope, intercept): (f64, f64)) -> bool {
    slope.is_finite() && intercept.is_finite()
}

#[cold]
fn scan(w: &Windows<'_>, origin: i64, window: Range<usize>) -> (f64, f64) {
    let mut line = Line::default();
    window.for_each(|i| line.add(i64::from(w.stamps[i]) - origin, w.values[i]));
    line.solve()
}

/// The lines of windows that have the same x.
#[inline(always)]
fn over_lanes(w: &Windows<'_>, slide: &Slide, shared: &Shared, origin: i64, xs: &mut Vec<f64>) -> [(f64, f64); LANES] {
    let along = shared.along_x(|| {
        xs.clear();
        xs.extend(w.stamps[slide.window(0)].iter().map(|s| (i64::from(*s) - origin) as f64 / 1000.0));
        let mut line = Line::default();
        xs.iter().for_each(|x| line.add_x(*x));
        line
    });
    let mut lanes = [[0.0; LANES]; 4];
    let [y, y_comp, xy, xy_comp] = &mut lanes;
    slide.columns(w.values, |j, column| {
        let x = xs[j];
        for i in 0..LANES {
            line::add(&mut y[i], &mut y_comp[i], column[i]);
            line::add(&mut xy[i], &mut xy_comp[i], x * column[i]);
        }
    });
    std::array::from_fn(|i| along.with_y((lanes[0][i], lanes[1][i]), (lanes[2][i], lanes[3][i])).solve())
}
