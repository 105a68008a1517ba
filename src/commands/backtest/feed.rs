//! One worker's input: a source's samples in, cut into epochs of event time, out.

use crate::progress::Line;
use bellwether_connectors::source::SampleSource;
use bellwether_dataflow::render::{EpochFeed, Feed, FeedError, Next};
use bellwether_dataflow::time::SyntheticBindings;
use bellwether_operators::evaluate::Matchers;
use bellwether_operators::program::Program;
use std::sync::Arc;

/// A source under synthetic bindings.
pub struct SourceFeed {
    source: Box<dyn SampleSource>,
    epochs: SyntheticBindings,
    next: u64,
    /// Goes with the first binding.
    program: Option<Arc<Program>>,
    /// Where the first worker says how far it is, and the samples that there are.
    progress: Option<(Arc<Line>, u64)>,
}

impl SourceFeed {
    /// The feed of a worker.
    pub fn new(source: Box<dyn SampleSource>, epochs: SyntheticBindings, program: Arc<Program>) -> Self {
        Self { source, epochs, next: 0, program: Some(program), progress: None }
    }

    /// The same, and it says how far it is.
    pub fn with_progress(mut self, line: Arc<Line>, samples: u64) -> Self {
        self.progress = Some((line, samples));
        self
    }
}

impl Feed for SourceFeed {
    fn next(&mut self) -> Result<Next, FeedError> {
        if let Some((line, samples)) = &self.progress {
            // Workers skip series that no rule reads, so event time tells better than counts how far the run is.
            line.set((*samples as f64 * self.next as f64 / self.epochs.len().max(1) as f64) as u64);
        }
        let Some(span) = self.epochs.get(self.next) else { return Ok(Next::End) };
        self.next += 1;
        let mut runs = Vec::new();
        self.source.read_upto(span.upto_ms, &mut runs).map_err(FeedError::new)?;
        Ok(Next::Epoch(EpochFeed { binding: span.binding(self.program.take()), runs }))
    }
}

/// Whether some rule reads a series: the others need not be decoded.
pub fn keep(program: &Program) -> bellwether_connectors::source::Keep {
    let matchers: Vec<Matchers> = program.selectors.iter().map(|s| Matchers::new(&s.matchers)).collect();
    Arc::new(move |labels| matchers.iter().any(|m| m.accept(labels)))
}
