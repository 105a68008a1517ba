//! The whole engine as tests call it: rules or queries in, results out, through the real dataflow.

use crate::pin::pin;
use bellwether_dataflow::lower::{Compiled, LowerError, Options, QueryInput, compile};
use bellwether_dataflow::promql::Expr;
use bellwether_dataflow::render::{Collect, MergedOutput, RunConfig, VecSource, run};
use bellwether_dataflow::time::{SyntheticBindings, SyntheticSpec};
use bellwether_model::{Labels, Sample, Value};
use bellwether_operators::annotation::{Annotation, joined};
use bellwether_operators::evaluate::{ExpressionError, VectorRow};
use bellwether_operators::program::{Op, ResultOrder};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Points of a result: (step ms, value).
pub type Points = Vec<(i64, Value)>;

/// Results of a run, epochs put together.
#[derive(Debug, Default)]
pub struct Results {
    /// By tag and labels, all steps.
    pub rows: BTreeMap<(u32, Option<Labels>), Points>,
    /// Expression errors.
    pub errors: Vec<ExpressionError>,
    /// Annotations, equal ones of all epochs put together.
    pub annotations: Vec<Annotation>,
}

/// How a run is cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Workers.
    pub workers: usize,
    /// Length of an epoch, ms.
    pub block_ms: i64,
}

/// Runs a compiled program over samples from `from_ms` to `to_ms`.
pub fn results(
    compiled: Compiled,
    samples: Vec<Sample>,
    (from_ms, to_ms): (i64, i64),
    cut: Cut,
) -> Result<Results, String> {
    let stamps = || samples.iter().map(|s| s.timestamp_ms);
    let spec = SyntheticSpec {
        first_epoch: 1,
        data_ms: stamps().min().zip(stamps().max()),
        block_ms: cut.block_ms,
        lateness_ms: None,
        warm_from_ms: compiled.program.warm_from_ms(from_ms, None),
        from_ms,
        to_ms,
    };
    let config = RunConfig {
        workers: cut.workers,
        entity_labels: compiled.program.entity_labels.clone(),
        ..RunConfig::default()
    };
    let mut program = Some(Arc::new(compiled.program));
    let epochs: Vec<_> = SyntheticBindings::new(spec).iter().collect();
    let mut by_epoch: Vec<Vec<Sample>> = vec![Vec::new(); epochs.len()];
    for sample in samples {
        let at = epochs.partition_point(|e| e.upto_ms < sample.timestamp_ms);
        by_epoch[at.min(epochs.len() - 1)].push(sample);
    }
    let bound = epochs.iter().zip(by_epoch).map(|(e, samples)| (e.binding(program.take()), samples));
    let source = VecSource::from_samples(bound);
    let (output, collected) = Collect::new();
    run(config, move |w, n| Box::new(source.feed(w, n)), output, Arc::new(AtomicBool::new(false)))
        .map_err(|e| e.to_string())?;
    let mut results = Results::default();
    for (_, MergedOutput { vectors, errors, annotations, .. }) in collected.take() {
        for VectorRow { tag, labels, steps_ms, values, histograms } in vectors {
            let points = results.rows.entry((tag, labels)).or_default();
            points.extend(steps_ms.into_iter().zip(values.into_iter().map(Value::Float)));
            points.extend(histograms.into_iter().map(|(t, h)| (t, Value::Histogram(h))));
            points.sort_by_key(|p| p.0);
        }
        results.errors.extend(errors);
        results.annotations.extend(annotations);
    }
    results.annotations = joined(results.annotations);
    Ok(results)
}

/// Why a query gave nothing.
#[derive(Debug)]
pub enum Refused {
    /// Prometheus refuses it too, or fails it whatever the samples are.
    Syntax(String),
    /// Not supported yet.
    NotSupported(String),
}

/// Compiles one query, as Prometheus runs its scripts, whose steps are `step_ms` apart and hit `start_ms`.
pub fn compile_query(text: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Compiled, Refused> {
    let expr = parse(text, start_ms, end_ms, step_ms)?;
    compile_parsed(text, &expr, start_ms, end_ms, step_ms)
}

/// Compiles a query for an instant, with `@` at another one behind all selectors and outermost subqueries that have none;
/// `None` where a function asks for the instant.
pub fn compile_pinned(text: &str, at_ms: i64, eval_ms: i64) -> Option<Result<Compiled, Refused>> {
    let mut expr = parse(text, at_ms, at_ms, 60_000).ok()?;
    let sign = if at_ms < 0 { "-" } else { "" };
    let (seconds, millis) = (at_ms.unsigned_abs() / 1000, at_ms.unsigned_abs() % 1000);
    let pinned = parse(&format!("x @ {sign}{seconds}.{millis:03}"), 0, 0, 60_000).ok()?;
    pin(&mut expr, &pinned)?;
    Some(compile_parsed(text, &expr, eval_ms, eval_ms, 60_000))
}

fn parse(text: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Expr, Refused> {
    let options = bellwether_dataflow::promql::Options {
        step_ms: if start_ms == end_ms { 0 } else { step_ms },
        range_ms: end_ms - start_ms,
        ..bellwether_dataflow::promql::Options::PROMQLTEST
    };
    bellwether_dataflow::promql::parse_with(text, &options).map_err(|e| Refused::Syntax(e.to_string()))
}

fn compile_parsed(text: &str, expr: &Expr, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Compiled, Refused> {
    let phase_ms = start_ms.rem_euclid(step_ms);
    let range_ms = Some((start_ms, end_ms));
    let query = QueryInput { text, expr, interval_ms: step_ms, phase_ms, range_ms, any_type: true };
    let upstream = Options { delayed_names: true, start_timestamps: true, ..Options::default() };
    compile(&[], &[query], &upstream).map_err(|errors| {
        let missing = |e: &&LowerError| e.message.contains("not supported yet");
        match errors.iter().find(missing).or(errors.first()) {
            Some(e) if missing(&e) => Refused::NotSupported(e.construct.clone()),
            e => Refused::Syntax(e.map(|e| e.message.clone()).unwrap_or_default()),
        }
    })
}

/// How the result of the only query of a program is ordered.
pub fn order_of(compiled: &Compiled) -> ResultOrder {
    let tap = compiled.rules.first().and_then(|r| r.tap);
    match tap.map(|n| &compiled.program.nodes[n].op) {
        Some(Op::Tap(spec)) => spec.order.clone(),
        _ => ResultOrder::Plain,
    }
}
