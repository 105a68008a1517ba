//! What the evaluator hands out at the end of an epoch.

use super::cost::RuleCost;
use super::kept::KeptState;
use crate::annotation::Annotation;
use crate::program::Exceeded;
use crate::window::HistogramPoint;
use bellwether_model::{Decision, Labels, Value};
use serde::{Deserialize, Serialize};

/// Times that bound an epoch's evaluation, from its binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochTimes {
    /// The epoch.
    pub epoch: u64,
    /// Every stamp up to here is final, ms.
    pub watermark_ms: i64,
    /// First instant of warm grids, ms.
    pub warm_from_ms: i64,
    /// First step of alerts and results, ms.
    pub from_ms: i64,
    /// Last step, ms.
    pub to_ms: i64,
    /// Samples are known from here on, ms; what is missing sooner after it may just not have come. `i64::MIN` where a run has
    /// all there is.
    pub history_ms: i64,
    /// There were samples before that, and they are lost: kept state goes further back than samples do. An alert that is not seen
    /// is not ended before its rule knows as much as it reads.
    pub lost: bool,
}

/// One element of a rule's or query's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorRow {
    /// Tag of the tap.
    pub tag: u32,
    /// Labels as the query answers them; `None` for a scalar.
    pub labels: Option<Labels>,
    /// Steps with a float, ms.
    pub steps_ms: Vec<i64>,
    /// Values.
    pub values: Vec<f64>,
    /// Native histograms, at other steps (ms).
    pub histograms: Vec<HistogramPoint>,
}

/// A sample of a series that a rule writes, handed out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrittenSample {
    /// The series.
    pub labels: Labels,
    /// The instant of the evaluation, ms.
    pub stamp_ms: i64,
    /// What it wrote; the stale marker where the series ends.
    pub value: Value,
}

/// An expression error at some steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpressionError {
    /// Rule (file, group, name as `group/name`) or text of the query.
    pub rule: String,
    /// Tag of the tap, for queries.
    pub tag: Option<u32>,
    /// Steps that failed, ms.
    pub steps_ms: Vec<i64>,
    /// What failed.
    pub message: String,
}

/// What has changed about an active alert without a transition: its value, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertUpdate {
    /// The alert.
    pub alert_id: u128,
    /// Since when it is active.
    pub episode_id: u128,
    /// The step that found it, ms.
    pub step_ms: i64,
    /// Value of the expression at this step.
    pub value: f64,
    /// Annotations as rendered at this step.
    pub annotations: Labels,
}

/// A decision of a rule that is evaluated twice, by either evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audited {
    /// The decision, as if it were no correction.
    pub decision: Decision,
    /// Its rule.
    pub rule: Twice,
    /// Whether it is of the second evaluation.
    pub again: bool,
    /// Whether receivers are to hear of corrections.
    pub amends: bool,
    /// The watermark at which the first evaluation has run its step, ms.
    pub ready_ms: i64,
    /// The same of the step with which its episode began, ms.
    pub began_ms: i64,
    /// The watermark at which the second evaluation has run its step, ms.
    pub settles_ms: i64,
}

/// A rule that is evaluated twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Twice {
    /// State identity of the first evaluation.
    pub rule_id: u128,
    /// Version of the rule.
    pub version: u128,
    /// How much later the second evaluation is, ms.
    pub within_ms: i64,
}

/// What the comparison of first and second evaluations keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Unsettled {
    /// Rules that are evaluated twice, with the watermark at which they came into force, ms.
    pub in_force: Vec<(Twice, i64)>,
    /// First decisions that the second evaluation has not come to.
    pub decisions: Vec<Audited>,
    /// Watermark of the last epoch, ms.
    pub watermark_ms: i64,
}

/// What an epoch gave on one worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochOutput {
    /// Decisions, in no particular order: the commit stage sorts the union of all workers.
    pub decisions: Vec<Decision>,
    /// Changes of active alerts, if somebody follows them; of one alert there may be several.
    pub updates: Vec<AlertUpdate>,
    /// Decisions of rules that are evaluated twice: first ones, and those of second evaluations.
    pub audited: Vec<Audited>,
    /// Results of taps.
    pub vectors: Vec<VectorRow>,
    /// Samples of the series that rules write, if the program hands them out.
    pub written: Vec<WrittenSample>,
    /// Errors, each from one worker only.
    pub errors: Vec<ExpressionError>,
    /// What operators had to say about this worker's elements.
    pub annotations: Vec<Annotation>,
    /// Instants evaluated, summed over grids (worker 0 only).
    pub instants: u64,
    /// The first limit that was hit: the run must end, and this is not to be handed out.
    pub exceeded: Option<Exceeded>,
    /// This worker's kept state behind the epoch, if its binding asked for it.
    pub kept: Option<KeptState>,
    /// The epoch's watermark, ms.
    pub watermark_ms: i64,
    /// The rules that are evaluated twice, if a program came into force since the last output (worker 0 only).
    pub twice: Option<Vec<Twice>>,
    /// What rules cost, on this worker, if somebody counts.
    pub costs: Vec<RuleCost>,
    /// Values that all of them read; what several of them read together counts once.
    pub values_read: u64,
}
