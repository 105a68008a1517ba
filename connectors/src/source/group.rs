//! Rows in, runs out: a stable counting sort by series number.
//!
//! # Semantics
//! Rows keep their order inside a series, so runs of rows in time order are in time order. Runs come in the order in
//! which their series first appear. Rows of series [`DROPPED`] are left out.

use bellwether_model::Runs;

/// Series number of rows that nobody reads.
pub(crate) const DROPPED: u32 = u32::MAX;

/// Memory of the sort, kept between calls.
#[derive(Default)]
pub(crate) struct Grouping {
    /// By series number: 0, or the number of rows and then the next place to write.
    places: Vec<u32>,
    touched: Vec<u32>,
}

impl Grouping {
    /// Appends the rows to `out`, series by series. All slices have one length.
    pub(crate) fn group(&mut self, series: &[u32], stamps: &[i64], values: &[f64], out: &mut Runs) {
        self.count(series);
        let from = out.stamps.len();
        let mut end = from as u32;
        for number in &self.touched {
            let place = &mut self.places[*number as usize];
            let count = std::mem::replace(place, end);
            end += count;
            out.series.push(*number);
            out.ends.push(end);
        }
        out.stamps.resize(end as usize, 0);
        out.values.resize(end as usize, 0.0);
        for ((number, stamp), value) in series.iter().zip(stamps).zip(values) {
            if *number != DROPPED {
                let place = &mut self.places[*number as usize];
                out.stamps[*place as usize] = *stamp;
                out.values[*place as usize] = *value;
                *place += 1;
            }
        }
        for number in self.touched.drain(..) {
            self.places[number as usize] = 0;
        }
    }

    fn count(&mut self, series: &[u32]) {
        for number in series {
            if *number == DROPPED {
                continue;
            }
            let at = *number as usize;
            if at >= self.places.len() {
                self.places.resize(at + 1, 0);
            }
            if self.places[at] == 0 {
                self.touched.push(*number);
            }
            self.places[at] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_order_inside_a_series() {
        let mut g = Grouping::default();
        let mut out = Runs::default();
        g.group(&[3, 1, DROPPED, 3, 1], &[1, 1, 1, 2, 2], &[1.0, 2.0, 9.0, 3.0, 4.0], &mut out);
        g.group(&[1], &[3], &[5.0], &mut out);
        let got: Vec<_> = out.iter().map(|r| (r.series, r.stamps.to_vec(), r.values.to_vec())).collect();
        assert_eq!(got, [(3, vec![1, 2], vec![1.0, 3.0]), (1, vec![1, 2], vec![2.0, 4.0]), (1, vec![3], vec![5.0])]);
    }
}
