//! `quantile`: keeps the rows and sorts each step's values at the end.

use crate::over_time::{quantile_of_sorted, sort_key, value_of_key};
use bellwether_model::block::ones;
use bellwether_model::{Block, Row, RowMut};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Values {
    rows: Block,
}

impl Values {
    pub(super) fn reset(&mut self, steps: usize) {
        self.rows.reset(0, steps);
    }

    pub(super) fn push(&mut self, row: Row<'_>) {
        self.rows.push_row(row);
    }

    pub(super) fn append(&mut self, later: &Self) {
        (0..later.rows.rows()).for_each(|i| self.push(later.rows.row(i)));
    }

    pub(super) fn finish(&self, q: Row<'_>, out: &mut RowMut<'_>) {
        let mut keys: Vec<i64> = Vec::with_capacity(self.rows.rows());
        for step in ones(out.bits) {
            keys.clear();
            keys.extend((0..self.rows.rows()).filter_map(|i| self.rows.row(i).get(step)).map(sort_key));
            keys.sort_unstable();
            out.values[step] = quantile_of_sorted(q.values[step], keys.len(), |i| value_of_key(keys[i]));
        }
    }
}
