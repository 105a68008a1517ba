//! One query over the log and the archive: compiled with the rules that it reads, run through a dataflow of its own.
//!
//! # Time
//! Samples are loaded first, then steps are evaluated, some at a time: everything is final.

use super::bounded::{Bounded, few_instants, too_many};
use super::load::{archived_from_ms, load};
use super::{Answer, Data, Points, Query, QueryError};
use crate::live::book::Book;
use crate::live::feed::LiveFeed;
use crate::live::queue::{Epoch, Queue};
use crate::live::run::LiveHandle;
use bellwether_connectors::source::intake::Rows;
use bellwether_dataflow::lower::{self, Compiled, Gives, QueryInput, RuleInput};
use bellwether_dataflow::promql;
use bellwether_dataflow::render::{Collect, Feed, MergedOutput, RunConfig, RunError, run as run_dataflow};
use bellwether_dataflow::time::{Binding, EpochTimes, Watermark};
use bellwether_model::{Labels, Transition, Value};
use bellwether_operators::annotation::{Annotation, Level, joined};
use bellwether_operators::program::{Op, ResultOrder};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

/// Annotations of a kind that are told: Prometheus's.
const MOST_ANNOTATIONS: usize = 10;

/// Steps that go as one epoch, and epochs at most.
const STEPS: i64 = 64;
const MOST_EPOCHS: i64 = 500;

/// A compiled query.
pub(super) struct Ready {
    pub compiled: Compiled,
    /// How far before the first step rules begin that it reads, ms.
    warm_up_ms: i64,
    /// Since when the run knows its samples, ms.
    history_ms: i64,
    /// Tag of its tap.
    tag: u32,
}

impl Ready {
    /// Whether it reads what rules make.
    pub fn reads_rules(&self) -> bool {
        self.tag > 0
    }

    fn order(&self) -> ResultOrder {
        let tap = self.compiled.rules.last().and_then(|info| info.tap);
        match tap.map(|n| &self.compiled.program.nodes[n].op) {
            Some(Op::Tap(spec)) => spec.order.clone(),
            _ => ResultOrder::Plain,
        }
    }
}

/// Compiles a query; `alone` without the rules that it reads.
pub(super) fn compile(run: &LiveHandle, query: &Query, alone: bool) -> Result<Ready, QueryError> {
    let Query { text, start_ms, end_ms, step_ms, lookback_ms, .. } = query;
    let range_ms = end_ms - start_ms;
    let options = promql::Options { step_ms: step_ms.unwrap_or(0), range_ms, ..*run.promql() };
    let expr = promql::parse_with(text, &options).map_err(|e| QueryError::parameter("query", e))?;
    let kind = promql::type_name(&expr);
    if step_ms.is_some() && !["instant vector", "scalar"].contains(&kind) {
        let why = format!("invalid expression type {kind:?} for range query, must be Scalar or instant Vector");
        return Err(QueryError::parameter("query", why));
    }
    let interval_ms = step_ms.unwrap_or(1);
    let asked = [QueryInput {
        text,
        expr: &expr,
        interval_ms,
        phase_ms: start_ms.rem_euclid(interval_ms),
        range_ms: Some((*start_ms, *end_ms)),
        any_type: true,
    }];
    // Nobody sees annotations of alerts that a query reads.
    let template_queries = lower::TemplateQueries::Labels;
    let (late, lateness_ms, hands_out) = (lower::Late::default(), None, false);
    let mut settings = lower::Options { lateness_ms, late, hands_out, template_queries, ..run.options().clone() };
    settings.lookback_ms = lookback_ms.unwrap_or(settings.lookback_ms);
    let table = run.table();
    let all = lower::rule_inputs(&table.set);
    let read = if alone { Default::default() } else { lower::rules_read(&all, &asked, &settings) };
    let rules: Vec<RuleInput<'_>> = read.iter().map(|i| all[*i].clone()).collect();
    let compiled = lower::compile(&rules, &asked, &settings).map_err(|errors| {
        let texts: Vec<String> = errors.into_iter().map(|e| e.message).collect();
        QueryError::Execution(texts.join("; "))
    })?;
    let held = rules.iter().map(|r| r.for_ms.saturating_add(r.keep_firing_for_ms)).max().unwrap_or(0);
    let view = run.view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    let history_ms = view.from_ms.unwrap_or(i64::MIN);
    let warm_up_ms = compiled.program.horizon_ms.saturating_add(held);
    let program = &compiled.program;
    let few = |warm_up_ms| few_instants(program, program.warm_from_ms(*start_ms, Some(warm_up_ms)), *start_ms, *end_ms);
    // How long an alert is active shows from where it began, as far as that can be evaluated.
    let since_ms = rules.iter().filter_map(|rule| active_since(&view.book, rule)).min().unwrap_or(*start_ms);
    let whole_ms = start_ms.saturating_sub(since_ms).saturating_add(compiled.program.horizon_ms).max(warm_up_ms);
    let asks = program.selectors.iter().any(|s| s.metric_name().is_none_or(|name| name == "ALERTS_FOR_STATE"));
    let warm_up_ms = if asks && few(whole_ms).is_ok() { whole_ms } else { warm_up_ms };
    few(warm_up_ms)?;
    drop(view);
    Ok(Ready { compiled, warm_up_ms, history_ms, tag: rules.len() as u32 })
}

/// Since when the oldest alert of a rule is active, ms.
fn active_since(book: &Book, rule: &RuleInput<'_>) -> Option<i64> {
    let decisions = book.iter().map(|active| &active.decision);
    let active = decisions.filter(|d| matches!(d.transition, Transition::Pending | Transition::Firing));
    let own =
        active.filter(|d| (d.file.as_str(), d.group.as_str(), d.alert.as_str()) == (rule.file, rule.group, rule.name));
    own.map(|d| d.active_at_ms).min()
}

/// Answers a query; `stop` ends it.
pub(super) fn answer(run: &LiveHandle, query: &Query, stop: Arc<AtomicBool>) -> Result<Answer, QueryError> {
    answer_ready(run, query, &compile(run, query, false)?, stop)
}

/// Answers a query that is compiled.
pub(super) fn answer_ready(
    run: &LiveHandle,
    query: &Query,
    ready: &Ready,
    stop: Arc<AtomicBool>,
) -> Result<Answer, QueryError> {
    if let Some(Gives::Text(text)) = ready.compiled.rules.last().map(|info| &info.gives) {
        let data = Data::Text(query.start_ms, text.clone());
        return Ok(Answer { data, warnings: Vec::new(), infos: Vec::new() });
    }
    let forgotten = forgotten(run, query, ready);
    let outputs = evaluate(run, query, ready, stop)?;
    let (mut rows, mut notes) = (BTreeMap::<Option<Labels>, Points>::new(), Vec::new());
    for MergedOutput { vectors, errors, annotations, .. } in outputs {
        if let Some(error) = errors.into_iter().find(|e| e.tag == Some(ready.tag)) {
            return Err(QueryError::Execution(error.message));
        }
        for row in vectors.into_iter().filter(|row| row.tag == ready.tag) {
            let points = rows.entry(row.labels).or_default();
            points.extend(row.steps_ms.into_iter().zip(row.values.into_iter().map(Value::Float)));
            points.extend(row.histograms.into_iter().map(|(t, h)| (t, Value::Histogram(h))));
        }
        notes.extend(annotations.into_iter().filter(|a| a.tag == Some(ready.tag)));
    }
    rows.values_mut().for_each(|points| points.sort_by_key(|p| p.0));
    let gives = ready.compiled.rules.last().map(|info| info.gives.clone()).unwrap_or_default();
    let data = shape(query, gives, rows, &ready.order());
    let mut answer = finish(query, data, joined(notes));
    answer.warnings.extend(forgotten);
    Ok(answer)
}

/// What is to be said of a query that reads samples which log and archive have given up.
fn forgotten(run: &LiveHandle, query: &Query, ready: &Ready) -> Option<String> {
    let segments = run.intake().log().segments();
    segments.first().filter(|s| s.first > 1)?;
    let oldest_ms = segments.iter().filter(|s| s.frames > 0).map(|s| s.oldest_ms).min()?;
    if ready.compiled.program.selectors.is_empty() || query.start_ms >= oldest_ms {
        return None;
    }
    let oldest_ms = archived_from_ms(run).map_or(oldest_ms, |archived_ms| archived_ms.min(oldest_ms));
    (query.start_ms < oldest_ms).then(|| {
        let oldest = bellwether_model::civil::rfc3339(oldest_ms);
        format!("samples before {oldest} are not retained: results before then are empty")
    })
}

/// Puts a result into the shape of its type.
fn shape(query: &Query, gives: Gives, rows: BTreeMap<Option<Labels>, Points>, order: &ResultOrder) -> Data {
    let at_ms = query.start_ms;
    let named = |labels: Option<Labels>| labels.unwrap_or_else(Labels::empty);
    match gives {
        Gives::Scalar if query.step_ms.is_none() => {
            let first = rows.into_values().flatten().next();
            Data::Scalar(at_ms, first.map_or(f64::NAN, |(_, value)| value.float()))
        }
        Gives::Vector if query.step_ms.is_none() => {
            let mut values: BTreeMap<Labels, Value> =
                rows.into_iter().filter_map(|(l, p)| Some((named(l), p.into_iter().next()?.1))).collect();
            let mut sorted: Vec<(Labels, f64)> = values.iter().map(|(l, v)| (l.clone(), v.float())).collect();
            order.sort(&mut sorted);
            let element = |(labels, _): (Labels, f64)| values.remove(&labels).map(|value| (labels, at_ms, value));
            Data::Vector(sorted.into_iter().filter_map(element).collect())
        }
        _ => Data::Matrix(rows.into_iter().map(|(labels, points)| (named(labels), points)).collect()),
    }
}

/// Annotations of a level, as many as Prometheus tells.
fn told(notes: &[Annotation], level: Level, name: &str) -> Vec<String> {
    let all = notes.iter().filter(|a| a.note.level == level);
    let more = all.clone().count().saturating_sub(MOST_ANNOTATIONS);
    let mut texts: Vec<String> = all.take(MOST_ANNOTATIONS).map(ToString::to_string).collect();
    if more > 0 {
        texts.push(format!("{more} more {name} annotations omitted"));
    }
    texts
}

fn finish(query: &Query, mut data: Data, notes: Vec<Annotation>) -> Answer {
    let (mut warnings, infos) = (told(&notes, Level::Warning, "warning"), told(&notes, Level::Info, "info"));
    let length = match &data {
        Data::Vector(all) => all.len(),
        Data::Matrix(all) => all.len(),
        Data::Scalar(..) | Data::Text(..) => 0,
    };
    if query.limit > 0 && length > query.limit {
        warnings.push("results truncated due to limit".to_owned());
        match &mut data {
            Data::Vector(all) => all.truncate(query.limit),
            Data::Matrix(all) => all.truncate(query.limit),
            Data::Scalar(..) | Data::Text(..) => {}
        }
    }
    Answer { data, warnings, infos }
}

/// The epochs of a query: samples, then its steps.
fn epochs(query: &Query, ready: &Ready, rows: Vec<Rows>) -> Vec<Epoch> {
    let program = Arc::new(ready.compiled.program.clone());
    let warm_from_ms = program.warm_from_ms(query.start_ms, Some(ready.warm_up_ms));
    let (from_ms, to_ms) = (query.start_ms, query.end_ms);
    // `ALERTS` are those that the run has, which began to hear of its samples then.
    let history_ms = ready.history_ms;
    let times =
        |epoch, watermark_ms| EpochTimes { epoch, watermark_ms, warm_from_ms, from_ms, to_ms, history_ms, lost: false };
    let load = Binding { load_only: true, ..Binding::new(times(1, i64::MIN), Some(program)) };
    let mut all = vec![Epoch::new(load, rows)];
    let span_ms = to_ms.saturating_sub(warm_from_ms);
    let block_ms = query.step_ms.unwrap_or(60_000).saturating_mul(STEPS).max(span_ms / MOST_EPOCHS).max(1);
    let mut upto_ms = warm_from_ms;
    loop {
        upto_ms = upto_ms.saturating_add(block_ms);
        let last = upto_ms >= to_ms;
        let watermark_ms = if last { Watermark::END_MS } else { upto_ms };
        all.push(Epoch::new(Binding::new(times(all.len() as u64 + 1, watermark_ms), None), Vec::new()));
        if last {
            return all;
        }
    }
}

fn evaluate(
    run: &LiveHandle,
    query: &Query,
    ready: &Ready,
    stop: Arc<AtomicBool>,
) -> Result<Vec<MergedOutput>, QueryError> {
    let program = &ready.compiled.program;
    let from_ms = program.warm_from_ms(query.start_ms, Some(ready.warm_up_ms));
    let rows = load(run, program, (from_ms, program.read_upto_ms(query.end_ms)), &stop)?;
    let queue = Queue::new(1, u64::MAX);
    epochs(query, ready, rows).into_iter().for_each(|epoch| queue.put(epoch));
    queue.close();
    let placing = run.placing();
    let config = RunConfig {
        workers: 1,
        tenant: placing.tenant.clone(),
        entity_labels: placing.entity_labels.clone(),
        ..RunConfig::default()
    };
    let dictionary = run.intake().shared_dictionary();
    let feed = move |worker: usize, workers: usize| -> Box<dyn Feed> {
        Box::new(LiveFeed::new(queue.clone(), dictionary.clone(), placing.clone(), worker, workers))
    };
    let (output, collected) = Collect::new();
    let (output, too_much) = Bounded::new(output);
    match run_dataflow(config, feed, output, Arc::clone(&stop)) {
        Ok(_) if stop.load(Ordering::SeqCst) => Err(QueryError::Timeout),
        Ok(_) => Ok(collected.take().into_iter().map(|(_, out)| out).collect()),
        Err(_) if too_much.load(Ordering::SeqCst) => Err(too_many()),
        Err(error @ RunError::Limit { .. }) => Err(QueryError::Execution(error.to_string())),
        Err(error) => Err(QueryError::Internal(error.to_string())),
    }
}
