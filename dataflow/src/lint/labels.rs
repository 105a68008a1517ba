//! From an expression to what is known of its result's labels.
//!
//! # Semantics
//! The labels of every construct follow `promql/engine.go` of Prometheus 3.16 with delayed name removal off, as rules run.
//! What an operand is not known to have or lack stays unknown: nothing here guesses. A selector of a metric that a rule of the
//! set records knows what that rule's result and labels say ([`super::recorded`]).
//!
//! # Limits
//! A label that matching fixes (`on (job)` of two sides) is not carried from one side to the other, and what a
//! `label_replace` writes is unknown.

use super::known::{Known, Why, WhyKind};
use super::recorded::Recorded;
use crate::lower::walk::{inner, matchers};
use bellwether_model::METRIC_NAME;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::{
    T_BOTTOMK, T_COUNT_VALUES, T_LAND, T_LIMIT_RATIO, T_LIMITK, T_LOR, T_LUNLESS, T_TOPK,
};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinModifier, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector,
};

/// What is known of an expression's result; of a scalar, that it has no labels.
pub(super) fn known(expr: &Expr, recorded: &Recorded) -> Known {
    match expr {
        Expr::Paren(p) => known(&p.expr, recorded),
        Expr::Unary(u) => without_name(known(&u.expr, recorded), "the sign"),
        Expr::Subquery(s) => known(&s.expr, recorded),
        Expr::VectorSelector(v) => selected(v, recorded),
        Expr::MatrixSelector(m) => selected(&m.vs, recorded),
        Expr::Aggregate(a) => aggregated(a, recorded),
        Expr::Binary(b) => matched(b, recorded),
        Expr::Call(c) => called(c, recorded),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Known::none(Why::new(WhyKind::Nothing, "a number")),
        Expr::Extension(_) => Known::default(),
    }
}

/// Whether an expression is a vector, not a scalar.
pub(super) fn is_vector(expr: &Expr) -> bool {
    matches!(expr.value_type(), ValueType::Vector)
}

fn without_name(known: Known, what: &str) -> Known {
    known.drop(&[METRIC_NAME.to_owned()], &Why::dropped(what))
}

fn selected(selector: &VectorSelector, recorded: &Recorded) -> Known {
    let matchers = matchers(selector);
    let mut known = recorded.read_by(&matchers);
    for m in &matchers {
        narrow(&mut known, m);
    }
    known
}

/// A matcher says more about a label; what contradicts what is known already is another lint's.
fn narrow(known: &mut Known, m: &Matcher) {
    if m.op == MatchOp::Equal && m.value.is_empty() {
        known.set_lacked(&m.name, Why::new(WhyKind::Nothing, format!("{}=\"\"", m.name)));
    } else if m.op == MatchOp::Equal {
        known.set_must(&m.name, Some(&m.value), true);
    } else if !m.is_match("") && known.must(&m.name).is_none() {
        known.set_must(&m.name, None, true);
    }
}

/// `sum by (a, b)`, as messages name it.
pub(super) fn aggregation_text(a: &AggregateExpr) -> String {
    match &a.modifier {
        None => a.op.to_string(),
        Some(LabelModifier::Include(l)) => format!("{} by ({})", a.op, l.labels.join(", ")),
        Some(LabelModifier::Exclude(l)) => format!("{} without ({})", a.op, l.labels.join(", ")),
    }
}

fn aggregated(a: &AggregateExpr, recorded: &Recorded) -> Known {
    let operand = known(&a.expr, recorded);
    if [T_TOPK, T_BOTTOMK, T_LIMITK, T_LIMIT_RATIO].contains(&a.op.id()) {
        return operand;
    }
    let why = Why::dropped(aggregation_text(a));
    let mut known = match &a.modifier {
        None => operand.keep(&[], why),
        Some(LabelModifier::Include(l)) => grouped(operand, &l.labels, why),
        Some(LabelModifier::Exclude(l)) => operand.drop(&l.labels, &why).drop(&[METRIC_NAME.to_owned()], &why),
    };
    if let (T_COUNT_VALUES, Some(Expr::StringLiteral(label))) = (a.op.id(), a.param.as_deref().map(inner)) {
        known.set_must(&label.val, None, true);
    }
    known
}

/// Whoever groups by a label means it to be there.
fn grouped(operand: Known, labels: &[String], why: Why) -> Known {
    let mut known = operand.keep(labels, why);
    for label in labels {
        if known.lacks(label).is_none() && known.must(label).is_none() {
            known.set_must(label, None, false);
        }
    }
    known
}

/// `on (a)`, as messages name it.
pub(super) fn matching_text(modifier: Option<&BinModifier>) -> String {
    match modifier.and_then(|m| m.matching.as_ref()) {
        Some(LabelModifier::Include(l)) => format!("on ({})", l.labels.join(", ")),
        Some(LabelModifier::Exclude(l)) => format!("ignoring ({})", l.labels.join(", ")),
        None => "the match on all labels".to_owned(),
    }
}

fn matched(b: &BinaryExpr, recorded: &Recorded) -> Known {
    let (left, right) = (known(&b.lhs, recorded), known(&b.rhs, recorded));
    match b.op.id() {
        T_LAND | T_LUNLESS => return left,
        T_LOR => return left.or(right),
        _ => {}
    }
    let names = |k: Known| {
        if b.op.is_comparison_operator() && !b.return_bool() { k } else { without_name(k, &b.op.to_string()) }
    };
    let modifier = b.modifier.as_ref();
    match (is_vector(&b.lhs), is_vector(&b.rhs)) {
        (true, false) => names(left),
        (false, true) => names(right),
        (false, false) => Known::none(Why::new(WhyKind::Nothing, "a number")),
        (true, true) => match modifier.map(|m| &m.card) {
            Some(VectorMatchCardinality::ManyToOne(l)) => names(included(left, &right, &l.labels)),
            Some(VectorMatchCardinality::OneToMany(l)) => names(included(right, &left, &l.labels)),
            _ => one_to_one(names(left), modifier),
        },
    }
}

fn one_to_one(left: Known, modifier: Option<&BinModifier>) -> Known {
    let why = Why::dropped(matching_text(modifier));
    match modifier.and_then(|m| m.matching.as_ref()) {
        Some(LabelModifier::Include(l)) => left.keep(&l.labels, why),
        Some(LabelModifier::Exclude(l)) => left.drop(&l.labels, &why),
        None => left,
    }
}

/// The many side, with the labels that the one side brings.
fn included(mut many: Known, one: &Known, labels: &[String]) -> Known {
    for label in labels {
        match (one.lacks(label), one.must(label)) {
            (Some(why), _) => many.set_lacked(label, why.clone()),
            (None, Some(must)) => many.set_must(label, must.value.as_deref(), must.certain),
            (None, None) => many.set_unknown(label),
        }
    }
    many
}

fn called(c: &Call, recorded: &Recorded) -> Known {
    let name = c.func.name;
    let vector = |at: usize| c.args.args.get(at).map_or_else(Known::default, |arg| known(arg, recorded));
    let text = |at: usize| match c.args.args.get(at).map(|arg| inner(arg)) {
        Some(Expr::StringLiteral(s)) => Some(s.val.as_str()),
        _ => None,
    };
    match name {
        "absent" | "absent_over_time" => absent(c),
        "vector" => Known::none(Why::new(WhyKind::Nothing, "vector()")),
        _ if c.func.return_type == ValueType::Scalar => Known::none(Why::new(WhyKind::Nothing, format!("{name}()"))),
        // Calendar functions of no argument are those of now.
        _ if c.args.args.is_empty() => Known::none(Why::new(WhyKind::Nothing, format!("{name}()"))),
        "label_replace" | "label_join" => {
            let mut known = vector(0);
            match text(1) {
                Some(label) => known.set_unknown(label),
                None => return Known::default(),
            }
            known
        }
        "info" => Known::default(),
        "sort"
        | "sort_desc"
        | "sort_by_label"
        | "sort_by_label_desc"
        | "last_over_time"
        | "first_over_time"
        | crate::promql::ANCHORED
        | crate::promql::SMOOTHED => vector(0),
        "histogram_quantile" => without_le(without_name(vector(1), "histogram_quantile"), name),
        "histogram_fraction" => without_le(without_name(vector(2), "histogram_fraction"), name),
        "histogram_quantiles" => Known::default(),
        "quantile_over_time" => without_name(vector(1), name),
        _ => without_name(vector(0), name),
    }
}

fn without_le(known: Known, what: &str) -> Known {
    known.drop(&["le".to_owned()], &Why::dropped(what))
}

/// `absent` has the labels of equality matchers, of each label's only one.
fn absent(c: &Call) -> Known {
    let name = c.func.name;
    let mut known = Known::none(Why::new(WhyKind::Absent, format!("{name}()")));
    let selector = match c.args.args.first().map(|arg| inner(arg)) {
        Some(Expr::VectorSelector(v)) => v,
        Some(Expr::MatrixSelector(m)) => &m.vs,
        _ => return known,
    };
    for (label, value) in crate::lower::absent_labels(&matchers(selector)) {
        known.set_must(&label, Some(&value), true);
    }
    known
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::promql::parse;

    fn of(text: &str) -> Known {
        known(&parse(text).unwrap(), &Recorded::default())
    }

    fn lacks(text: &str, label: &str) -> Option<String> {
        of(text).lacks(label).map(|why| why.what.clone())
    }

    #[test]
    fn aggregations_keep_what_they_group_by() {
        assert_eq!(lacks("sum by (job) (up)", "instance").as_deref(), Some("sum by (job)"));
        assert_eq!(lacks("sum by (job) (up)", "job"), None);
        assert_eq!(lacks("sum without (job) (up)", "job").as_deref(), Some("sum without (job)"));
        assert_eq!(lacks("sum without (job) (up)", "instance"), None);
        assert_eq!(lacks("topk by (job) (3, up)", "instance"), None);
        assert!(of("count_values by (job) (\"v\", up)").must("v").is_some());
    }

    #[test]
    fn matches_keep_what_they_match_on() {
        assert_eq!(lacks("a / on (job) b", "instance").as_deref(), Some("on (job)"));
        assert_eq!(lacks("a > on (job) b", "instance").as_deref(), Some("on (job)"));
        assert_eq!(lacks("a / ignoring (x) b", "x").as_deref(), Some("ignoring (x)"));
        assert_eq!(lacks("a * on (job) group_left (x) b", "instance"), None);
        assert_eq!(lacks("sum by (job) (a) * on (job) group_left (x) b", "x"), None);
        assert!(lacks("a * on (job) group_left (x) sum by (job) (b)", "x").is_some());
        assert_eq!(lacks("sum by (x, y) (b) / on (x) group_left sum by (x) (a)", "y"), None);
        assert_eq!(lacks("a and on (job) b", "instance"), None);
        assert_eq!(lacks("sum by (job) (a) or b", "instance"), None);
        assert!(lacks("sum by (job) (a) or vector(0)", "instance").is_some());
    }

    #[test]
    fn functions_drop_the_name_and_little_else() {
        assert!(lacks("rate(a[5m])", "__name__").is_some());
        assert!(lacks("a + 1", "__name__").is_some() && lacks("a > 1", "__name__").is_none());
        assert!(lacks("a > bool 1", "__name__").is_some());
        assert_eq!(lacks("last_over_time(a[5m])", "__name__"), None);
        assert!(lacks("histogram_quantile(0.9, a)", "le").is_some());
        assert_eq!(lacks("label_replace(sum(a), \"x\", \"$1\", \"y\", \"(.*)\")", "x"), None);
        assert!(lacks("vector(1)", "x").is_some() && lacks("hour()", "x").is_some());
        assert_eq!(lacks("rate(a[5m]) > 2", "job"), None);
    }

    #[test]
    fn absent_has_the_labels_of_its_equality_matchers() {
        assert_eq!(lacks("absent(up{job=\"a\", x=~\"b\"})", "job"), None);
        assert_eq!(lacks("absent(up{job=\"a\", x=~\"b\"})", "x").as_deref(), Some("absent()"));
        assert!(lacks("absent(sum by (job) (up))", "job").is_some());
        assert!(lacks("absent_over_time(up[5m])", "job").is_some());
    }

    #[test]
    fn matchers_say_what_is_there() {
        let known = of("up{a=\"1\", b=~\"x.+\", c=\"\", d!=\"\", e=~\".*\", f!=\"y\"}");
        assert_eq!(known.must("a").and_then(|m| m.value.as_deref()), Some("1"));
        assert!(known.must("b").is_some() && known.must("d").is_some());
        assert!(known.must("e").is_none() && known.must("f").is_none() && known.lacks("c").is_some());
    }
}
