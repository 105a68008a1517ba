//! Selectors: which series and which producers a leaf reads.

use bellwether_model::Labels;
use serde::{Deserialize, Serialize};

/// Kind of a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// One label matcher; a missing label equals "".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Matcher {
    /// Label name, `__name__` included.
    pub name: String,
    /// Kind.
    pub op: MatchOp,
    /// Value or regex.
    pub value: String,
}

/// A producer whose series a selector may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProducerRead {
    /// Producer number: that of `RecordSpec::producer` or `AlertSpec::producer`.
    pub producer: usize,
    /// Samples with a stamp newer than `t - clip_ms` are not seen by an evaluation at `t`, because they belong to a
    /// later evaluation in the order (step, file, group, rule). `None`: all samples that exist are seen.
    pub clip_ms: Option<i64>,
}

/// A row of the selector table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selector {
    /// Identity across programs: H(tenant, matchers).
    pub id: u128,
    /// All matchers, sorted; a selector matches a series iff all do.
    pub matchers: Vec<Matcher>,
    /// The equality matcher (index) under which the join files it; `None`: by metric name.
    pub key: Option<usize>,
    /// Producers that its matchers do not exclude.
    pub producers: Vec<ProducerRead>,
    /// How far back from an instant its readers look, ms (window plus offset, or lookback plus offset).
    pub retain_ms: i64,
}

impl Matcher {
    /// Whether the matcher accepts a missing label.
    pub fn matches_empty(&self, regex_matches: impl Fn(&str, &str) -> bool) -> bool {
        match self.op {
            MatchOp::Equal => self.value.is_empty(),
            MatchOp::NotEqual => !self.value.is_empty(),
            MatchOp::Regex => regex_matches(&self.value, ""),
            MatchOp::NotRegex => !regex_matches(&self.value, ""),
        }
    }
}

impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let op = match self.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        };
        write!(f, "{}{op}{:?}", self.name, self.value)
    }
}

/// The key under which the join files a label pair; a collision costs a matcher run, never a wrong match.
pub fn pair_key(name: &str, value: &str) -> u64 {
    bellwether_model::hash64(&[name.as_bytes(), value.as_bytes()])
}

impl Selector {
    /// The fixed metric name, if an equality matcher demands one.
    pub fn metric_name(&self) -> Option<&str> {
        self.matchers
            .iter()
            .find(|m| m.name == bellwether_model::METRIC_NAME && m.op == MatchOp::Equal && !m.value.is_empty())
            .map(|m| m.value.as_str())
    }

    /// Labels that equality matchers fix, without the metric name.
    pub fn fixed_labels(&self) -> Labels {
        Labels::from_pairs(
            self.matchers
                .iter()
                .filter(|m| m.op == MatchOp::Equal && m.name != bellwether_model::METRIC_NAME)
                .map(|m| (m.name.as_str(), m.value.as_str())),
        )
    }
}
