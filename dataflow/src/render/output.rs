//! Outputs: where the results of an epoch go once every worker is done with it.

use bellwether_model::decision::Placed;
use bellwether_operators::annotation::Annotation;
use bellwether_operators::evaluate::{AlertUpdate, ExpressionError, KeptState, RuleCost, VectorRow, WrittenSample};

/// What an epoch gave on all workers, in canonical order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergedOutput {
    /// Decisions by step, alert id, transition; numbered.
    pub decisions: Vec<Placed>,
    /// What has changed about active alerts beside that, the newest of each, by alert id; if somebody follows them.
    pub updates: Vec<AlertUpdate>,
    /// Results of taps by tag and labels.
    pub vectors: Vec<VectorRow>,
    /// Samples of the series that rules write by stamp and labels, if the program hands them out.
    pub written: Vec<WrittenSample>,
    /// Errors by rule, tag and first step.
    pub errors: Vec<ExpressionError>,
    /// Warnings and infos by rule, tag and text; one for equal ones.
    pub annotations: Vec<Annotation>,
    /// Instants evaluated, summed over grids.
    pub instants: u64,
    /// Kept state of every worker behind the epoch, if its binding asked for it.
    pub kept: Option<Vec<KeptState>>,
    /// What rules cost, by rule, if somebody counts.
    pub costs: Vec<RuleCost>,
    /// Values that all of them read; what several of them read together counts once.
    pub values_read: u64,
}

/// Takes results, epoch by epoch, on worker 0.
pub trait Output: Send {
    /// Takes an epoch's results. Called in order for every epoch that was evaluated, with results or without. An error
    /// ends the run, and nothing follows.
    fn epoch(&mut self, epoch: u64, out: MergedOutput) -> Result<(), OutputError>;

    /// The run has ended, or was told to stop: all epochs it went through were handed out. Not called after an error.
    fn finish(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// Nobody listens: the run's report says how much there was.
impl Output for () {
    fn epoch(&mut self, _epoch: u64, _out: MergedOutput) -> Result<(), OutputError> {
        Ok(())
    }
}

/// Why an output cannot go on.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct OutputError(Box<dyn std::error::Error + Send + Sync>);

impl OutputError {
    /// Wraps a sink's error.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The sink's error.
    pub fn into_inner(self) -> Box<dyn std::error::Error + Send + Sync> {
        self.0
    }
}
