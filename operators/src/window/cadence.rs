//! Stamps of series that are scraped regularly, shared by all of them: multiples of a period.
//!
//! # State
//! A table for each period, as long as the longest buffer that uses it; at most [`PERIODS`] periods, so that input with
//! periods without number costs a bounded amount: the stamps of further ones are kept by series.

/// Periods that have a table: intervals of scrapes and of rules, of which an organisation has a handful.
const PERIODS: usize = 16;

/// Tables by period.
#[derive(Debug, Default)]
pub struct Cadences(Vec<(u32, Vec<u32>)>);

impl Cadences {
    /// Whether a period has a table, from now on if there is room for one.
    pub(super) fn admit(&mut self, period_ms: u32) -> bool {
        let known = self.0.iter().any(|(p, _)| *p == period_ms);
        if !known && period_ms > 0 && self.0.len() < PERIODS {
            self.0.push((period_ms, Vec::new()));
            return true;
        }
        known
    }

    /// Makes a table at least `len` stamps long. The last of them fits: a buffer does not span more.
    pub(super) fn reach(&mut self, period_ms: u32, len: usize) {
        if let Some((_, table)) = self.0.iter_mut().find(|(p, _)| *p == period_ms)
            && table.len() < len
        {
            let longer = len.next_power_of_two().max(64).min((u32::MAX / period_ms) as usize + 1);
            table.extend((table.len()..longer).map(|i| i as u32 * period_ms));
        }
    }

    /// The first `len` multiples of a period, from 0 on.
    pub(super) fn stamps(&self, period_ms: u32, len: usize) -> &[u32] {
        let table = self.0.iter().find(|(p, _)| *p == period_ms).map_or(&[][..], |(_, table)| table);
        &table[..len.min(table.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_bounded_and_tables_fit_their_stamps() {
        let mut c = Cadences::default();
        assert!(!c.admit(0));
        assert_eq!((1..40).filter(|p| c.admit(*p)).count(), PERIODS);
        assert!(c.admit(3), "known");
        c.reach(3, 2);
        assert_eq!(c.stamps(3, 3), [0, 3, 6]);
        let mut c = Cadences::default();
        assert!(c.admit(u32::MAX / 3));
        c.reach(u32::MAX / 3, 4);
        assert_eq!(c.stamps(u32::MAX / 3, 9).len(), 4);
    }
}
