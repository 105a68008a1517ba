//! What became of a request's samples: how many were taken, how many were not, and why.

use std::fmt;

/// Why samples were refused. Those of one reason are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A series has no name, a label without a name, text that is not UTF-8, or symbols that there are not.
    Labels,
    /// A label name twice.
    DuplicateLabel,
    /// More labels, or longer ones, than allowed.
    LabelLimit,
    /// More series than allowed.
    SeriesLimit,
    /// Too far ahead of the clock, or no date at all.
    Stamp,
    /// A native histogram that does not add up.
    Histogram,
    /// A series without samples, where the protocol does not allow it.
    NoSamples,
    /// What we do not read.
    Unsupported,
}

impl Reason {
    /// All reasons, in order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Labels,
        Self::DuplicateLabel,
        Self::LabelLimit,
        Self::SeriesLimit,
        Self::Stamp,
        Self::Histogram,
        Self::NoSamples,
        Self::Unsupported,
    ];

    /// As metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::DuplicateLabel => "duplicate_label",
            Self::LabelLimit => "label_limit",
            Self::SeriesLimit => "series_limit",
            Self::Stamp => "stamp",
            Self::Histogram => "histogram",
            Self::NoSamples => "no_samples",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Bytes of the first refusal that are kept: a sender's own text comes back in it.
const MOST_TEXT_BYTES: usize = 300;

/// Samples of a request by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Floats taken.
    pub samples: u64,
    /// Native histograms taken, stale ones included.
    pub histograms: u64,
    /// Exemplars passed over.
    pub exemplars: u64,
    /// Entries of metadata that came.
    pub metadata: u64,
    /// Samples refused, by [`Reason`].
    pub rejected: [u64; Reason::ALL.len()],
    first: Option<String>,
}

impl Report {
    /// Counts samples that were refused; the first refusal is kept with its text.
    pub fn refuse(&mut self, reason: Reason, samples: u64, why: impl FnOnce() -> String) {
        self.rejected[reason as usize] += samples;
        if self.first.is_none() {
            let mut text = why();
            if text.len() > MOST_TEXT_BYTES {
                text.truncate(text.floor_char_boundary(MOST_TEXT_BYTES));
                text.push('…');
            }
            self.first = Some(text);
        }
    }

    /// Samples refused.
    pub fn refused(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// Why something was refused first; `None` where everything was taken.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }
}

/// What the sender is told.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.samples + self.histograms;
        match &self.first {
            None => write!(f, "{taken} samples were taken"),
            Some(first) => write!(f, "{} of {} samples were refused: {first}", self.refused(), taken + self.refused()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_is_told_and_bounded() {
        let mut report = Report { samples: 2, ..Report::default() };
        assert_eq!(report.to_string(), "2 samples were taken");
        report.refuse(Reason::Stamp, 1, || "é".repeat(1_000));
        report.refuse(Reason::Labels, 3, || "not told".to_owned());
        let text = report.to_string();
        assert!(text.starts_with("4 of 6 samples were refused: éé") && text.len() < 400, "{text}");
        assert_eq!((report.rejected[Reason::Stamp as usize], report.refused()), (1, 4));
    }

    #[test]
    fn reasons_are_numbered_in_order() {
        for (i, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i);
            assert!(Reason::ALL[..i].iter().all(|other| other.name() != reason.name()));
        }
    }
}
