//! Puts the operators together: the same in the same order on every worker.

use super::commit::{Committed, commit};
use super::control::Control;
use super::evaluate::{Progress, Shared, evaluate};
use super::output::Output;
use super::run::RunConfig;
use crate::time::Binding;
use bellwether_operators::evaluate::Evaluator;
use bellwether_operators::exchange::{RunBatch, run_pact};
use bellwether_operators::ingest::{WorkerState, window};
use bellwether_operators::select::select;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::core::input;
use timely::dataflow::operators::probe::Handle as ProbeHandle;
use timely::dataflow::operators::vec::{Broadcast, Input as VecInput};
use timely::dataflow::operators::{Input, Probe};
use timely::worker::Worker;

/// Where bindings go in.
pub(super) type Bindings = input::Handle<u64, CapacityContainerBuilder<Vec<Binding>>>;

/// Where runs go in.
pub(super) type RunInput = input::Handle<u64, CapacityContainerBuilder<RunBatch>>;

/// A worker's dataflow: its ends and what its operators share.
pub(super) struct Built {
    /// Bindings (worker 0 sends them) and runs; `None` once they are closed.
    pub inputs: Option<(Bindings, RunInput)>,
    pub probe: ProbeHandle<u64>,
    pub operators: usize,
    pub state: WorkerState,
    pub evaluator: Rc<RefCell<Evaluator>>,
    pub progress: Rc<Cell<Progress>>,
    pub committed: Rc<RefCell<Committed>>,
}

impl Built {
    /// Ends the inputs.
    pub fn close(&mut self) {
        self.inputs = None;
    }
}

/// Builds the dataflow.
pub(super) fn build(
    worker: &mut Worker,
    config: &RunConfig,
    control: &Arc<Control>,
    output: Option<Box<dyn Output>>,
) -> Built {
    let (index, peers) = (worker.index(), worker.peers());
    let shared = Shared {
        state: WorkerState::new(control.gate.clone()),
        evaluator: Rc::new(RefCell::new(
            Evaluator::new(index, peers)
                .with_answers(config.answers.clone())
                .following_alerts(config.follows_alerts)
                .counting_costs(config.counts_costs),
        )),
        progress: Rc::default(),
        control: Arc::clone(control),
        restore: config.restore.clone(),
    };
    worker.dataflow_named::<u64, _, _>("Bellwether", |scope| {
        let (bindings, binding_stream) = VecInput::new_input::<Binding>(&scope);
        let (runs, run_stream) = Input::new_input::<RunBatch>(&scope);
        let everywhere = binding_stream.broadcast();
        let pact = run_pact(&config.tenant, &config.entity_labels);
        let (pairs, names) = window(everywhere.clone(), run_stream, pact, shared.state.clone());
        let candidates = select(everywhere.clone(), pairs, names, control.gate.clone());
        let kept = config.restore.as_deref().map(Vec::as_slice);
        let results = evaluate(everywhere, candidates, shared.clone());
        let (done, committed) = commit(results, output, kept, Arc::clone(control));
        let (probe, end) = done.probe();
        // Operators of a scope are numbered from 1 on, and the probe is the last.
        let operators = end.name().node;
        let Shared { state, evaluator, progress, .. } = shared;
        Built { inputs: Some((bindings, runs)), probe, operators, state, evaluator, progress, committed }
    })
}
