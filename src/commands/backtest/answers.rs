//! What the templates of alerts query in words that they put together, asked before the backtest itself.
//!
//! # Semantics
//! A query that is written out is a part of the program. For others the rules run once without outputs, to see what is asked at which step; these
//! queries run beside them, and see what all rules left there; and so on until nothing new is asked. Rules whose templates
//! ask nothing of that kind skip all of it. See [`Answers`].
//!
//! # Limits
//! At most [`MOST_ASKS`] queries a round, because each is a part of the program. Labels query at every step at which an
//! element is there, annotations at transitions.

use super::Run;
use super::range::Range;
use crate::commands::queries::{MOST_QUESTIONS, Tapped, compile};
use crate::exit::Failure;
use bellwether_dataflow::lower::{Compiled, rule_inputs};
use bellwether_dataflow::render::{MergedOutput, Output, OutputError};
use bellwether_dataflow::rules::RuleSet;
use bellwether_operators::evaluate::{AlertText, Answers};
use bellwether_operators::program::Op;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// Queries of a round.
const MOST_ASKS: usize = 20_000;

/// Keeps what taps give.
#[derive(Default)]
struct Taps {
    tapped: Arc<Mutex<Tapped>>,
    /// Tags of rules, which nobody asks for here.
    rules: u32,
}

impl Output for Taps {
    fn epoch(&mut self, _: u64, out: MergedOutput) -> Result<(), OutputError> {
        let mut tapped = self.tapped.lock().unwrap_or_else(PoisonError::into_inner);
        for row in out.vectors.into_iter().filter(|row| row.tag >= self.rules) {
            tapped.vectors.entry(row.tag as usize).or_default().push(row);
        }
        tapped.errors.extend(out.errors.into_iter().filter(|e| e.tag.is_some_and(|tag| tag >= self.rules)));
        Ok(())
    }
}

/// Whether any template runs a query that the program does not answer.
fn asks(compiled: &Compiled) -> bool {
    compiled.program.nodes.iter().any(|n| matches!(&n.op, Op::Alert(spec) if AlertText::queries_at_run_time(spec)))
}

/// Finds and answers the queries; all answers are there before the backtest begins.
pub fn answers(run: &Run<'_>, set: &RuleSet, compiled: &Compiled, span: (i64, i64)) -> Result<Arc<Answers>, Failure> {
    let answers = Arc::new(Answers::default());
    if !asks(compiled) {
        return Ok(answers);
    }
    let rules = rule_inputs(set);
    let alone = Arc::new(compiled.program.clone());
    for _ in 0..MOST_QUESTIONS {
        let range = Range::new(run.args, &alone, span, run.opened.total_samples)?;
        if run.stop.load(Ordering::SeqCst) {
            break;
        }
        run.execute("looking", alone.clone(), range, Box::<Taps>::default(), answers.clone())?;
        let asks = answers.take_missing();
        if asks.is_empty() {
            break;
        }
        if asks.len() > MOST_ASKS {
            return Err(Failure::Input(format!(
                "templates of alerts run {} different queries, more than the limit of {MOST_ASKS}: choose a shorter \
                 range with --from and --to",
                asks.len()
            )));
        }
        let compiled = compile(&rules, &asks, &run.args.lower_options(), &run.args.features.promql());
        let (compiled, tags) = compiled.map_err(|errors| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::Defect(format!("rules do not compile beside the queries of their templates: {}", texts.join("; ")))
        })?;
        let taps = Taps { rules: rules.len() as u32, ..Taps::default() };
        let tapped = taps.tapped.clone();
        let program = Arc::new(compiled.program.clone());
        let range = Range::new(run.args, &program, span, run.opened.total_samples)?;
        run.execute("querying", program, range, Box::new(taps), answers.clone())?;
        let tapped = tapped.lock().unwrap_or_else(PoisonError::into_inner);
        for (ask, tag) in asks.into_iter().zip(tags) {
            let answer = tag.and_then(|tag| tapped.answer(&compiled, tag, ask.1));
            answers.add(ask, answer);
        }
    }
    Ok(answers)
}
