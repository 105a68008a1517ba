//! Selectors: `up{job="a"} offset 5m`, and what they read of other rules.

use super::context::{Lowering, Scope};
use super::order::sights;
use super::text;
use super::walk::{self, Use};
use bellwether_operators::program::{MatchOp, Matcher, NodeIdx, Op, Reading};
use promql_parser::label::{MatchOp as AstOp, Matcher as AstMatcher};
use promql_parser::parser::VectorSelector;

impl Lowering<'_> {
    /// An instant selector, and what is read of its samples.
    pub(super) fn instant(&mut self, scope: Scope<'_>, v: &VectorSelector, reading: Reading) -> Option<NodeIdx> {
        self.reads_at(scope, v.at.as_ref())?;
        let used = scope.reads(walk::usage(v, scope.in_subquery));
        self.within_reach(scope, "offset", used.offset_ms.saturating_add(self.options.lookback_ms))?;
        let selector = self.selector(scope, used)?;
        let modifiers = text::modifiers(scope.pinned_ms, used.offset_ms);
        let plain = format!("{}{modifiers}", text::selector(&self.dag.selectors[selector].matchers));
        let lookback_ms = self.options.lookback_ms;
        let op = Op::Instant { selector, offset_ms: used.offset_ms, lookback_ms, reading };
        let text = reading.function().map_or(plain.clone(), |f| format!("{f}({plain})"));
        Some(self.vector(scope, op, Vec::new(), text))
    }

    /// The row of the selector table for one use of a selector.
    pub(super) fn selector(&mut self, scope: Scope<'_>, used: Use<'_>) -> Option<usize> {
        if !used.selector.matchers.or_matchers.is_empty() {
            self.unsupported(scope, "or between matchers");
            return None;
        }
        let matchers = walk::matchers(used.selector);
        if matchers.iter().all(|m| m.is_match("")) {
            let message = "vector selector must contain at least one non-empty matcher".to_owned();
            self.refuse(scope, "{", message);
            return None;
        }
        let sights = sights(self.catalogue, self.units, scope.unit, used);
        let own = |unit| self.catalogue.in_one_cycle(unit, scope.unit.index);
        if self.dag.grids[scope.grid].only.is_some() && sights.iter().any(|s| own(s.producer_unit)) {
            let message = "a rule can't read itself, or rules that read it, at an instant fixed by @".to_owned();
            self.refuse(scope, "@", message);
            return None;
        }
        let reads = sights.into_iter().map(|s| s.read).collect();
        let matchers = matchers.iter().map(matcher).collect();
        Some(self.dag.selector(&self.options.tenant, matchers, reads, &self.catalogue.ids))
    }
}

pub(super) fn matcher(m: &AstMatcher) -> Matcher {
    let op = match m.op {
        AstOp::Equal => MatchOp::Equal,
        AstOp::NotEqual => MatchOp::NotEqual,
        AstOp::Re(_) => MatchOp::Regex,
        AstOp::NotRe(_) => MatchOp::NotRegex,
    };
    Matcher { name: m.name.clone(), op, value: m.value.clone() }
}
