//! Settings that change what rules compile to.

use super::late::Late;
use bellwether_model::Labels;
use bellwether_operators::program::Limits;
use serde::{Deserialize, Serialize};

/// Where a group's steps are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GridKind {
    /// Multiples of the interval, so that groups share nodes and a backtest is live's twin.
    #[default]
    Zero,
    /// As Prometheus 3 spreads groups: shifted by a hash of group and file, for side-by-side runs.
    Prometheus,
    /// The same as releases before 2.44 spread them, Debian 12's among them.
    Prometheus2,
}

/// What happens to ingested series that a loaded rule records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recorded {
    /// They are ignored; rules read what the rules record.
    #[default]
    Recompute,
    /// Rules read them, and never what the rules record.
    Keep,
}

/// Which queries of templates are a part of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TemplateQueries {
    /// None: somebody else answers them.
    None,
    /// Those of labels: annotations are not looked at.
    Labels,
    /// All that are written out.
    #[default]
    All,
}

/// Settings that change what rules compile to.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tenant of the rules.
    pub tenant: String,
    /// Labels that place ingested series.
    pub entity_labels: Vec<String>,
    /// Interval of groups that have none, ms.
    pub default_interval_ms: i64,
    /// Interval of all groups, whatever their own is, ms: `--step`, and unit tests.
    pub interval_override_ms: Option<i64>,
    /// Where steps are.
    pub grid: GridKind,
    /// Phase of all groups on [`GridKind::Zero`], ms: the `start_timestamp` of unit tests.
    pub phase_ms: i64,
    /// How old an instant selector's sample may be, ms.
    pub lookback_ms: i64,
    /// Step of subqueries that have none, ms; `None`: the default interval.
    pub default_subquery_step_ms: Option<i64>,
    /// Whether start timestamps of samples count: Prometheus's `use-start-timestamps`.
    pub start_timestamps: bool,
    /// What happens to ingested series that a loaded rule records.
    pub recorded: Recorded,
    /// Exchanges below every grouping and match, needed or not: for tests.
    pub exchange_everywhere: bool,
    /// Names go once a whole expression is evaluated: Prometheus's `promql-delayed-name-removal`.
    pub delayed_names: bool,
    /// In a live run, how long steps wait for late samples, ms: a step whose query offset is longer is not run before the
    /// wall clock has reached it, although what it reads is final earlier. `None` where there is no wall clock.
    pub lateness_ms: Option<i64>,
    /// What is done about samples that come late.
    pub late: Late,
    /// Whether alerts that rest on absence wait until a run has known its samples for as long as they look back.
    pub withhold_absence: bool,
    /// Leaves of the aggregation tree.
    pub leaves: usize,
    /// Which queries of templates are compiled with the rules.
    pub template_queries: TemplateQueries,
    /// Hands out every rule's result vector too.
    pub taps: bool,
    /// Hands out the series that rules write: what they record, `ALERTS` and `ALERTS_FOR_STATE`, stale markers too.
    pub hands_out: bool,
    /// Labels that this server adds to everything it sends: templates see them.
    pub external_labels: Labels,
    /// Where users reach this server: templates see it.
    pub external_url: String,
    /// More stages are refused.
    pub max_stages: usize,
    /// What an expression may cost.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tenant: String::new(),
            entity_labels: vec!["instance".to_owned()],
            default_interval_ms: 60_000,
            interval_override_ms: None,
            grid: GridKind::Zero,
            phase_ms: 0,
            lookback_ms: 300_000,
            default_subquery_step_ms: None,
            start_timestamps: false,
            recorded: Recorded::Recompute,
            exchange_everywhere: false,
            delayed_names: false,
            lateness_ms: None,
            late: Late::default(),
            withhold_absence: true,
            leaves: 64,
            template_queries: TemplateQueries::All,
            taps: false,
            hands_out: false,
            external_labels: Labels::empty(),
            external_url: String::new(),
            max_stages: 200,
            limits: Limits::default(),
        }
    }
}

impl Options {
    /// Step of subqueries that have none, ms.
    pub fn subquery_step_ms(&self) -> i64 {
        self.default_subquery_step_ms.unwrap_or(self.default_interval_ms)
    }
}
