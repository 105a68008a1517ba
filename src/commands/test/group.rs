//! One test: its rules and input series in; decisions and vectors, checked against what is expected, out.
//!
//! # Semantics
//! Input series are cut off after the last evaluation, so that nothing reads what promtool would not have loaded yet.
//! An expression is evaluated once, at its instant: its grid has no other.
//!
//! # Limits
//! A negative offset, or `@` of a later instant, sees samples up to the last evaluation, not up to its own.

use super::{Outcome, alerts, debug, exprs};
use crate::cli::features::FeatureArgs;
use crate::commands::queries::{self, MOST_QUESTIONS, Tagged, Tapped};
use crate::interrupt::Stop;
use crate::report::paint::Paint;
use bellwether_dataflow::lower::{self, Compiled, LowerError, RuleInput};
use bellwether_dataflow::promql::format_duration;
use bellwether_dataflow::render::{Collect, MergedOutput, RunConfig, VecSource, run};
use bellwether_dataflow::rules::RuleSet;
use bellwether_dataflow::time::{SyntheticBindings, SyntheticSpec};
use bellwether_dataflow::unittest::{TestFile, TestGroup, notation::Value};
use bellwether_model::histogram::give_stored_hints;
use bellwether_model::{Decision, Sample};
use bellwether_operators::evaluate::{AlertText, Answers, Ask, ExpressionError};
use bellwether_operators::program::{Limits, Op};
use std::sync::Arc;
use std::time::Instant;

/// Steps of an epoch at most.
const BLOCK_STEPS: i64 = 10_000;

/// Length of an epoch at most: a series keeps 49 days of stamps, and windows reach back from its begin.
const BLOCK_MS: i64 = 10 * 86_400_000;

/// What a test's rules and queries gave.
pub struct Given<'a> {
    pub set: &'a RuleSet,
    pub compiled: Compiled,
    /// Tag of each expression's tap; an error where it cannot be evaluated.
    pub exprs: Vec<Result<usize, String>>,
    /// In canonical order.
    pub decisions: Vec<Decision>,
    pub tapped: Tapped,
    /// What the templates of alerts query.
    pub answers: Arc<Answers>,
    /// Distance of two evaluations, ms.
    pub every_ms: i64,
    pub fuzzy: bool,
    /// Colours of the full difference, where that is asked for.
    pub diff: Option<Paint>,
}

impl Given<'_> {
    /// The last evaluation of the rules at or before an instant after the start.
    pub fn evaluated_by(&self, start_ms: i64, eval_time_ms: i64) -> i64 {
        start_ms + eval_time_ms / self.every_ms * self.every_ms
    }
}

/// How tests are run and shown.
pub struct Settings<'a> {
    /// Everything expected and everything that came, not only what differs.
    pub diff: bool,
    /// Tell what the rules gave.
    pub debug: bool,
    /// What expressions may use.
    pub features: &'a FeatureArgs,
    /// What an expression may cost.
    pub limits: Limits,
    /// Set once the user wants to stop.
    pub stop: &'a Stop,
}

/// A test that was run.
pub struct Checked {
    pub outcome: Outcome,
    /// By rule, whether it had a result at any step; empty if the test could not run.
    pub results: Vec<bool>,
}

/// Runs a test.
pub fn check(set: &RuleSet, file: &TestFile, test: &TestGroup, settings: &Settings<'_>) -> Checked {
    let name = if test.name.is_empty() { format!("of line {}", test.line) } else { format!("{:?}", test.name) };
    if settings.debug {
        eprintln!("DEBUG: starting test {name}");
    }
    let began = Instant::now();
    let checked = match settle(set, file, test, settings) {
        Ok(given) => {
            if settings.debug {
                eprint!("DEBUG: what the rules gave:\n{}", debug::dump(&given, test));
            }
            let has_result = |tag: usize| given.tapped.vectors.get(&tag).is_some_and(|rows| !rows.is_empty());
            Checked {
                results: (0..set.rules().count()).map(has_result).collect(),
                outcome: judge(&given, file, test, settings),
            }
        }
        Err(outcome) => Checked { outcome, results: Vec::new() },
    };
    if settings.debug {
        eprintln!("DEBUG: test {name} finished, took {:?}", began.elapsed());
    }
    checked
}

/// Compares what came with what was expected.
fn judge(given: &Given<'_>, file: &TestFile, test: &TestGroup, settings: &Settings<'_>) -> Outcome {
    let failed: Vec<String> =
        given.tapped.errors.iter().filter(|e| e.tag.is_none()).map(|e| rule_error(e, test.start_ms)).collect();
    // As promtool: a rule that fails ends the test.
    if !failed.is_empty() {
        return Outcome::Failed(failed);
    }
    if let Err(outcome) = answer(given, file, test, settings) {
        return outcome;
    }
    let mut problems = alerts::problems(given, test);
    problems.extend(exprs::problems(given, test));
    if problems.is_empty() { Outcome::Passed } else { Outcome::Failed(problems) }
}

/// Runs the rules, and again as long as labels query what was not answered yet: an alert is another one then.
fn settle<'a>(
    set: &'a RuleSet,
    file: &TestFile,
    test: &TestGroup,
    settings: &Settings<'_>,
) -> Result<Given<'a>, Outcome> {
    let answers = Arc::new(Answers::default());
    let mut given = evaluate(set, file, test, &[], settings, &answers)?;
    for _ in 0..MOST_QUESTIONS {
        if !ask(&given, file, test, settings)? {
            break;
        }
        given = evaluate(set, file, test, &[], settings, &answers)?;
    }
    Ok(given)
}

/// Asks what annotations query, until they ask nothing new.
fn answer(given: &Given<'_>, file: &TestFile, test: &TestGroup, settings: &Settings<'_>) -> Result<(), Outcome> {
    for _ in 0..MOST_QUESTIONS {
        alerts::render(given, test);
        if !ask(given, file, test, settings)? {
            break;
        }
    }
    Ok(())
}

/// Answers what templates have queried without an answer; whether there was anything.
fn ask(given: &Given<'_>, file: &TestFile, test: &TestGroup, settings: &Settings<'_>) -> Result<bool, Outcome> {
    let asks = given.answers.take_missing();
    if asks.is_empty() {
        return Ok(false);
    }
    let mut further = evaluate(given.set, file, test, &asks, settings, &given.answers)?;
    let tags = further.exprs.split_off(test.expr_cases.len());
    for (ask, tag) in asks.into_iter().zip(tags) {
        let answer = tag.and_then(|tag| further.tapped.answer(&further.compiled, tag, ask.1));
        given.answers.add(ask, answer);
    }
    Ok(true)
}

fn rule_error(e: &ExpressionError, start_ms: i64) -> String {
    let at = e.steps_ms.first().map_or(String::new(), |s| format!(" at {}", format_duration(s - start_ms)));
    format!("rule {}{at}: {}", e.rule, e.message)
}

fn evaluate<'a>(
    set: &'a RuleSet,
    file: &TestFile,
    test: &TestGroup,
    asks: &[Ask],
    settings: &Settings<'_>,
    answers: &Arc<Answers>,
) -> Result<Given<'a>, Outcome> {
    let every_ms = file.evaluation_interval_ms;
    let last = test.alert_cases.iter().map(|c| c.eval_time_ms).chain(test.expr_cases.iter().map(|c| c.eval_time_ms));
    let to_ms = test.start_ms + last.max().unwrap_or(0);
    let evaluated_to_ms = test.start_ms + (to_ms - test.start_ms) / every_ms * every_ms;
    let samples = samples(test, evaluated_to_ms);
    let (compiled, exprs) = compile(set, file, test, asks, settings)?;
    // Annotations of decisions are not compared: they are rendered again.
    let labels_query = |op: &Op| matches!(op, Op::Alert(spec) if AlertText::labels_query(spec));
    let asked = compiled.program.nodes.iter().any(|n| labels_query(&n.op)).then(|| Arc::clone(answers));
    let config = RunConfig { workers: 1, answers: asked, ..RunConfig::default() };
    let outputs = execute(config, &compiled, samples, (test.start_ms, to_ms), every_ms, settings.stop.clone())
        .map_err(|e| Outcome::Failed(vec![e]))?;
    let mut given = Given {
        set,
        compiled,
        exprs,
        decisions: Vec::new(),
        tapped: Tapped::default(),
        answers: Arc::clone(answers),
        every_ms,
        fuzzy: file.fuzzy_compare,
        diff: settings.diff.then(Paint::stdout),
    };
    for out in outputs {
        given.decisions.extend(out.decisions.into_iter().map(|d| d.decision));
        given.tapped.errors.extend(out.errors);
        for row in out.vectors {
            given.tapped.vectors.entry(row.tag as usize).or_default().push(row);
        }
    }
    Ok(given)
}

/// The input series up to the last evaluation.
fn samples(test: &TestGroup, to_ms: i64) -> Vec<Sample> {
    let mut samples = Vec::new();
    for series in &test.input_series {
        let mut values: Vec<_> = series.values.iter().map(|v| v.as_ref().map(Value::sample)).collect();
        give_stored_hints(values.iter_mut().flatten());
        for (i, value) in values.into_iter().enumerate() {
            let timestamp_ms = test.start_ms + test.interval_ms * i as i64;
            if timestamp_ms > to_ms {
                break;
            }
            if let Some(value) = value {
                samples.push(Sample { labels: series.labels.clone(), timestamp_ms, value, start_ms: 0 });
            }
        }
    }
    // In log order as a scrape would write them; the sort is stable, so the file's order decides between equals.
    samples.sort_by_key(|s| s.timestamp_ms);
    samples
}

/// Compiles rules, expressions and queries of templates; an expression that cannot be compiled fails alone.
fn compile(
    set: &RuleSet,
    file: &TestFile,
    test: &TestGroup,
    asks: &[Ask],
    settings: &Settings<'_>,
) -> Result<Tagged, Outcome> {
    let rules = rule_inputs(set, &file.group_eval_order);
    let cases = test.expr_cases.iter().map(|c| (c.expr.clone(), test.start_ms + c.eval_time_ms));
    let asked: Vec<Ask> = cases.chain(asks.iter().cloned()).collect();
    let Settings { features, limits, .. } = *settings;
    let options = lower::Options { delayed_names: features.delayed_names(), limits, ..options(file, test) };
    let mut tagged =
        queries::compile(&rules, &asked, &options, &features.promql()).map_err(|errors| refusal(&errors))?;
    // A test may give a recorded series as input: promtool's rules then read both.
    tagged.0.program.recorded_names.clear();
    Ok(tagged)
}

fn refusal(errors: &[LowerError]) -> Outcome {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let missing = errors.iter().find(|e| e.message.contains("not supported"));
    missing.map_or(Outcome::Failed(texts), |e| Outcome::NotSupported(e.to_string()))
}

fn options(file: &TestFile, test: &TestGroup) -> lower::Options {
    let every_ms = file.evaluation_interval_ms;
    lower::Options {
        default_interval_ms: every_ms,
        interval_override_ms: Some(every_ms),
        phase_ms: test.start_ms.rem_euclid(every_ms),
        default_subquery_step_ms: Some(every_ms),
        // Prometheus adds in order of labels, and its tests compare exactly.
        leaves: 1,
        // Labels and annotations are rendered again for what is compared, so others answer.
        template_queries: lower::TemplateQueries::None,
        taps: true,
        external_labels: test.external_labels.clone(),
        external_url: test.external_url.clone(),
        ..lower::Options::default()
    }
}

/// The rules, in the order of `group_eval_order` where there is one; groups it does not name come first.
fn rule_inputs<'a>(set: &'a RuleSet, group_order: &[String]) -> Vec<RuleInput<'a>> {
    let mut rules = lower::rule_inputs(set);
    if group_order.is_empty() {
        return rules;
    }
    let mut groups: Vec<(usize, (usize, usize))> = Vec::new();
    for r in &rules {
        let rank = group_order.iter().position(|g| g == r.group).map_or(0, |at| at + 1);
        groups.push((rank, (r.order.0, r.order.1)));
    }
    groups.sort_unstable();
    groups.dedup();
    for r in &mut rules {
        let at = groups.iter().position(|(_, g)| *g == (r.order.0, r.order.1)).unwrap_or(0);
        r.order = (0, at, r.order.2);
    }
    rules
}

fn execute(
    config: RunConfig,
    compiled: &Compiled,
    samples: Vec<Sample>,
    (from_ms, to_ms): (i64, i64),
    every_ms: i64,
    stop: Stop,
) -> Result<Vec<MergedOutput>, String> {
    let spec = SyntheticSpec {
        first_epoch: 1,
        data_ms: samples.first().zip(samples.last()).map(|(a, b)| (a.timestamp_ms, b.timestamp_ms)),
        block_ms: (to_ms - from_ms + every_ms).min(BLOCK_STEPS * every_ms).min(BLOCK_MS.max(every_ms)),
        lateness_ms: None,
        warm_from_ms: from_ms,
        from_ms,
        to_ms,
    };
    let mut program = Some(Arc::new(compiled.program.clone()));
    let mut samples = samples.into_iter().peekable();
    let epochs: Vec<_> = SyntheticBindings::new(spec)
        .iter()
        .map(|span| {
            let mut batch = Vec::new();
            while let Some(s) = samples.next_if(|s| s.timestamp_ms <= span.upto_ms) {
                batch.push(s);
            }
            (span.binding(program.take()), batch)
        })
        .collect();
    let source = VecSource::from_samples(epochs);
    let (output, collected) = Collect::new();
    run(config, move |w, peers| Box::new(source.feed(w, peers)), output, stop).map_err(|e| e.to_string())?;
    Ok(collected.take().into_iter().map(|(_, out)| out).collect())
}
