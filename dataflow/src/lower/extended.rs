//! `anchored` and `smoothed`: windows and selectors that look at the samples around their borders.
//!
//! # Semantics (Prometheus promql/engine.go)
//! The window that is read reaches back by the lookback, and a smoothed one ahead by it too: a rule with `smoothed` waits for
//! the samples after its step. `anchored` changes nothing of an instant selector.

use super::context::{Lowering, Scope};
use super::text;
use super::walk::{self, Use, inner};
use crate::promql::{ANCHORED, SMOOTHED};
use bellwether_operators::functions::{Extended, ExtendedFn, RangeFn};
use bellwether_operators::program::{HISTOGRAMS, NodeIdx, Op, Reading, Source};
use promql_parser::parser::{Call, Expr};

/// The modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    Anchored,
    Smoothed,
}

impl Extension {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Anchored => ANCHORED,
            Self::Smoothed => SMOOTHED,
        }
    }

    /// How far past its end a window reads, ms.
    pub(super) fn ahead_ms(self, lookback_ms: i64) -> i64 {
        if self == Self::Smoothed { lookback_ms } else { 0 }
    }
}

/// What stands within `anchored` or `smoothed`, and which; the expression itself where neither is.
pub(super) fn bare(expr: &Expr) -> (Option<Extension>, &Expr) {
    let stripped = inner(expr);
    let Expr::Call(c) = stripped else { return (None, stripped) };
    let extension = match c.func.name {
        ANCHORED => Extension::Anchored,
        SMOOTHED => Extension::Smoothed,
        _ => return (None, stripped),
    };
    c.args.args.first().map_or((None, stripped), |arg| (Some(extension), inner(arg)))
}

/// The function of an extended window.
pub(super) fn extended_function(func: RangeFn) -> Option<ExtendedFn> {
    Some(match func {
        RangeFn::Rate => ExtendedFn::Rate,
        RangeFn::Increase => ExtendedFn::Increase,
        RangeFn::Delta => ExtendedFn::Delta,
        RangeFn::Changes => ExtendedFn::Changes,
        RangeFn::Resets => ExtendedFn::Resets,
        _ => return None,
    })
}

impl Lowering<'_> {
    /// Refuses a modifier that the function does not know.
    pub(super) fn check_extension(&mut self, scope: Scope<'_>, arg: &Expr, function: &str) -> Option<()> {
        let (word, known): (_, &[&str]) = match bare(arg).0 {
            None => return Some(()),
            Some(Extension::Anchored) => (ANCHORED, &["changes", "delta", "increase", "rate", "resets"]),
            Some(Extension::Smoothed) => (SMOOTHED, &["delta", "increase", "rate"]),
        };
        if known.contains(&function) {
            return Some(());
        }
        let known = known.join(", ");
        self.refuse(scope, word, format!("{word} modifier can only be used with: {known} - not with {function}"));
        None
    }

    /// `metric anchored`, `metric smoothed`.
    pub(super) fn extended_selector(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let arg = call.args.args.first().map(|a| inner(a))?;
        let Expr::VectorSelector(v) = arg else { return self.expr(scope, arg) };
        if call.func.name == ANCHORED {
            return self.instant(scope, v, Reading::Value);
        }
        let lookback_ms = self.options.lookback_ms;
        let plain = scope.reads(walk::usage(v, scope.in_subquery));
        let offset_ms = plain.offset_ms - lookback_ms;
        let selector = self.selector(scope, Use { offset_ms, ..plain })?;
        let modifiers = text::modifiers(scope.pinned_ms, plain.offset_ms);
        let text = format!("{}{modifiers} {SMOOTHED}", text::selector(&self.dag.selectors[selector].matchers));
        let func = Extended { func: ExtendedFn::Value, smoothed: true, range_ms: 0, offset_ms: plain.offset_ms };
        let (source, range_ms) = (Source::Selector(selector), 2 * lookback_ms);
        let op = Op::Range { source, func: RangeFn::Extended(func), range_ms, offset_ms, starts: false };
        let node = self.vector(scope, op, Vec::new(), text);
        self.annotate(scope, node, HISTOGRAMS, arg);
        Some(node)
    }
}
