//! A case, told by the whole engine: compiled, run on workers, cut, swapped.

use crate::case::Case;
use crate::data::in_order;
use crate::told::Told;
use bellwether_dataflow::lower::{Options, RuleInput, RuleKind, compile};
use bellwether_dataflow::promql::{self, Expr};
use bellwether_dataflow::render::{Collect, MergedOutput, RunConfig, VecSource, run};
use bellwether_dataflow::time::{Binding, EpochSpan, SyntheticBindings, SyntheticSpec};
use bellwether_model::{Sample, Value};
use bellwether_operators::evaluate::KeptState;
use bellwether_operators::program::Program;
use std::sync::Arc;

/// The rules of a case, compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// As the case wants it.
    pub program: Arc<Program>,
    /// The same with the other placement.
    pub other: Arc<Program>,
    /// By rule: whether others read its series.
    pub is_read: Vec<bool>,
    /// By rule: its expression.
    pub exprs: Vec<Expr>,
}

/// Compiles the rules, or says why they are refused.
pub fn compiled(case: &Case) -> Result<Compiled, String> {
    let exprs = parsed(case)?;
    let inputs = inputs(case, &exprs);
    let with = |exchange_everywhere| {
        let options = Options { exchange_everywhere, taps: true, lookback_ms: case.lookback_ms, ..Options::default() };
        compile(&inputs, &[], &options).map_err(|e| format!("{e:?}"))
    };
    let (one, other) = (with(case.shape.exchange_everywhere)?, with(!case.shape.exchange_everywhere)?);
    let is_read = one.rules.iter().map(|r| one.program.nodes[r.root].op.producer().is_some()).collect();
    let exprs = exprs.into_iter().map(|(_, expr)| expr).collect();
    Ok(Compiled { program: Arc::new(one.program), other: Arc::new(other.program), is_read, exprs })
}

/// The rules' expressions, with their text; what Prometheus keeps behind feature flags is known.
fn parsed(case: &Case) -> Result<Vec<(String, Expr)>, String> {
    let options = promql::Options { unquoted_utf8_names: false, ..promql::Options::PROMQLTEST };
    let rules = case.groups.iter().flat_map(|g| &g.rules);
    let texts = rules.map(|r| r.expr.to_string());
    texts.map(|t| promql::parse_with(&t, &options).map(|e| (t.clone(), e)).map_err(|e| format!("{t}: {e}"))).collect()
}

/// The rules as a file would give them.
fn inputs<'a>(case: &'a Case, exprs: &'a [(String, Expr)]) -> Vec<RuleInput<'a>> {
    let mut all = Vec::new();
    for (g, group) in case.groups.iter().enumerate() {
        for (r, rule) in group.rules.iter().enumerate() {
            let (text, expr) = &exprs[all.len()];
            all.push(RuleInput {
                file: "rules.yml",
                group: &group.name,
                name: &rule.name,
                kind: if rule.is_alert { RuleKind::Alert } else { RuleKind::Record },
                expr,
                expr_text: text,
                labels: group.labels_of(rule),
                annotations: Vec::new(),
                queries: &[],
                for_ms: rule.for_s * 1000,
                keep_firing_for_ms: rule.keep_firing_for_s * 1000,
                limit: group.limit,
                interval_ms: Some(group.interval_s * 1000),
                query_offset_ms: Some(group.query_offset_s * 1000),
                order: (0, g, r),
            });
        }
    }
    all
}

/// Epochs of a run, with their samples.
type Epochs = Vec<(Binding, Vec<Sample>)>;

struct Engine<'a> {
    case: &'a Case,
    samples: Vec<Sample>,
    told: Told,
}

/// What the engine says.
pub fn tell(case: &Case, compiled: &Compiled) -> Result<Told, String> {
    let samples = in_order(&case.series);
    let stamps = || samples.iter().map(|s| s.timestamp_ms);
    let spans: Vec<EpochSpan> = SyntheticBindings::new(SyntheticSpec {
        first_epoch: 1,
        data_ms: stamps().min().zip(stamps().max()),
        block_ms: case.shape.block_ms,
        lateness_ms: None,
        warm_from_ms: case.warm_from_ms,
        from_ms: case.from_ms,
        to_ms: case.to_ms,
    })
    .iter()
    .collect();
    let at = |percent: u64| 1 + (percent as usize * (spans.len() - 1) / 100);
    let swap = case.shape.swap.map(at).filter(|at| *at < spans.len());
    let program_at = |i: usize| match swap {
        Some(at) if i == at => Some(&compiled.other),
        _ => (i == 0).then_some(&compiled.program),
    };
    let in_force = |i: usize| if swap.is_some_and(|at| i > at) { &compiled.other } else { &compiled.program };
    let mut engine = Engine { case, samples, told: Told::default() };
    let epoch = |engine: &Engine<'_>, i: usize| {
        let span = &spans[i];
        (span.binding(program_at(i).cloned()), engine.between(span.after_ms, span.upto_ms))
    };
    let Some((cut, after)) = case.shape.cut.map(|(p, w)| (at(p), w)).filter(|(at, _)| *at < spans.len()) else {
        let all = (0..spans.len()).map(|i| epoch(&engine, i)).collect();
        engine.run(case.shape.workers, all, None, false)?;
        return Ok(engine.told);
    };
    let first = (0..cut).map(|i| epoch(&engine, i)).collect();
    let kept = engine.run(case.shape.workers, first, None, true)?;
    let last = &spans[cut - 1];
    let load = Binding { load_only: true, ..last.binding(Some(Arc::clone(in_force(cut)))) };
    // Steps that wait may read far back.
    let from_ms = kept.iter().flatten().map(|k| k.reads_from_ms).min().unwrap_or(i64::MIN);
    let mut rest = vec![(load, engine.between(from_ms.saturating_sub(1), last.upto_ms))];
    rest.extend((cut..spans.len()).map(|i| epoch(&engine, i)));
    engine.run(after, rest, kept, false)?;
    Ok(engine.told)
}

impl Engine<'_> {
    fn between(&self, after_ms: i64, upto_ms: i64) -> Vec<Sample> {
        self.samples.iter().filter(|s| after_ms < s.timestamp_ms && s.timestamp_ms <= upto_ms).cloned().collect()
    }

    fn run(
        &mut self,
        workers: usize,
        epochs: Epochs,
        restore: Option<Vec<KeptState>>,
        snapshot_at_end: bool,
    ) -> Result<Option<Vec<KeptState>>, String> {
        let source = VecSource::from_samples(epochs);
        let (output, collected) = Collect::new();
        let config = RunConfig { workers, restore: restore.map(Arc::new), snapshot_at_end, ..RunConfig::default() };
        let feed = move |w, n| -> Box<dyn bellwether_dataflow::render::Feed> { Box::new(source.feed(w, n)) };
        let report = run(config, feed, output, Arc::default()).map_err(|e| e.to_string())?;
        for (_, out) in collected.take() {
            self.take(out);
        }
        Ok(report.kept)
    }

    fn take(&mut self, out: MergedOutput) {
        for row in out.vectors {
            let labels = row.labels.unwrap_or_else(bellwether_model::Labels::empty);
            for (step_ms, value) in row.steps_ms.into_iter().zip(row.values) {
                let at = (row.tag as usize, step_ms);
                self.told.rows.entry(at).or_default().insert(labels.clone(), Value::Float(value));
            }
            for (step_ms, histogram) in row.histograms {
                let at = (row.tag as usize, step_ms);
                self.told.rows.entry(at).or_default().insert(labels.clone(), Value::Histogram(histogram));
            }
        }
        for error in out.errors {
            let rule = error.tag.map(|t| t as usize).or_else(|| self.rule(&error.rule));
            let Some(rule) = rule else { continue };
            self.told.failed.extend(error.steps_ms.into_iter().map(|s| (rule, s)));
        }
        for d in out.decisions.into_iter().map(|placed| placed.decision) {
            let Some(rule) = self.rule(&d.alert) else { continue };
            let change = (d.transition, d.value, d.active_at_ms, d.fired_at_ms);
            self.told.events.insert((rule, d.step_ms, d.labels), change);
        }
    }

    /// The rule of that name, or of that `group/name`.
    fn rule(&self, name: &str) -> Option<usize> {
        let name = name.rsplit('/').next().unwrap_or(name);
        self.case.groups.iter().flat_map(|g| &g.rules).position(|r| r.name == name)
    }
}
