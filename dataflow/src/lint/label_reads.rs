//! Where a rule reads a label that cannot be there; the lints differ in why it cannot.
//!
//! # Semantics
//! A label is read by a template; by `by`, `on`, `group_left` and `group_right`; by `label_replace` and `label_join`; and by a
//! matcher that asks for a value of it. A template that tests for a label knows that it may be missing.

use super::known::{Known, Why, WhyKind};
use super::labels::is_vector;
use super::room::{Findings, Room, Subject};
use crate::lower::walk::{inner, matchers};
use crate::promql::compile_regex;
use crate::rules::{Position, TextKind};
use bellwether_model::METRIC_NAME;
use bellwether_operators::template::Template;
use promql_parser::parser::token::T_LOR;
use promql_parser::parser::{BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector};

/// One read of a label that cannot be there.
struct Read {
    label: String,
    /// What reads it, as a message begins.
    reader: String,
    at: Position,
    why: Why,
}

/// Reports every such read whose reason is of a kind.
pub(super) fn report(room: &Room<'_>, findings: &mut Findings, kind: WhyKind, help: &str) {
    for subject in &room.subjects {
        let mut reads = Vec::new();
        for expr in subject.exprs() {
            of_expr(room, subject, expr, &mut |read| reads.push(read));
        }
        of_texts(subject, &mut |read| reads.push(read));
        for read in reads.into_iter().filter(|r| r.why.kind == kind) {
            let because = match kind {
                WhyKind::Dropped => format!("{} drops it", read.why.what),
                WhyKind::Absent => format!("{} has the labels of its equality matchers only", read.why.what),
                WhyKind::Nothing => format!("{} has no such label", read.why.what),
            };
            let message = format!("{} the label {:?}, which is never there: {because}", read.reader, read.label);
            findings.add(subject, read.at, message, help);
        }
    }
}

fn of_texts(subject: &Subject<'_>, found: &mut impl FnMut(Read)) {
    if !subject.rule.is_alert() {
        return;
    }
    for (kind, word) in [(TextKind::Label, "label"), (TextKind::Annotation, "annotation")] {
        for (name, text) in subject.rule.texts(kind) {
            let Ok(template) = Template::parse(text) else { continue };
            for read in template.reads().untested() {
                let Some(why) = subject.known.lacks(&read.label) else { continue };
                let at = subject.rule.text_at(kind, name, text, read.offset);
                found(Read { label: read.label.clone(), reader: format!("{word} {name} reads"), at, why: why.clone() });
            }
        }
    }
}

fn of_expr(room: &Room<'_>, subject: &Subject<'_>, expr: &Expr, found: &mut impl FnMut(Read)) {
    let mut each = |known: &Known, labels: &[String], reader: &str| {
        for label in labels {
            if let Some(why) = known.lacks(label) {
                let at = subject.at(label);
                found(Read { label: label.clone(), reader: reader.to_owned(), at, why: why.clone() });
            }
        }
    };
    match expr {
        Expr::Aggregate(a) => {
            if let Some(LabelModifier::Include(l)) = &a.modifier {
                each(&room.known(&a.expr), &l.labels, &format!("{} groups by", a.op));
            }
        }
        Expr::Binary(b) => of_match(room, b, &mut each),
        Expr::Call(c) => of_call(room, c, &mut each),
        Expr::VectorSelector(v) => of_selector(room, v, &mut each),
        Expr::MatrixSelector(m) => of_selector(room, &m.vs, &mut each),
        _ => {}
    }
}

fn of_match(room: &Room<'_>, b: &BinaryExpr, each: &mut impl FnMut(&Known, &[String], &str)) {
    let Some(modifier) = b.modifier.as_ref().filter(|_| is_vector(&b.lhs) && is_vector(&b.rhs)) else { return };
    let (left, right) = (room.known(&b.lhs), room.known(&b.rhs));
    // `a or on (x) vector(0)` names x for what it keeps apart on the left side: nothing is wrong with that.
    if let (Some(LabelModifier::Include(l)), true) = (&modifier.matching, b.op.id() != T_LOR) {
        each(&left, &l.labels, &format!("{} matches, on its left side, on", b.op));
        each(&right, &l.labels, &format!("{} matches, on its right side, on", b.op));
    }
    match &modifier.card {
        VectorMatchCardinality::ManyToOne(l) => each(&right, &l.labels, "group_left takes"),
        VectorMatchCardinality::OneToMany(l) => each(&left, &l.labels, "group_right takes"),
        _ => {}
    }
}

fn of_call(room: &Room<'_>, c: &Call, each: &mut impl FnMut(&Known, &[String], &str)) {
    let text = |arg: &Expr| match inner(arg) {
        Expr::StringLiteral(s) => Some(s.val.clone()).filter(|s| !s.is_empty()),
        _ => None,
    };
    let args = &c.args.args;
    let sources: Vec<String> = match c.func.name {
        // A pattern that matches "" is written for series without the label.
        "label_replace" if args.get(4).and_then(|a| text(a)).is_none_or(|p| may_match_nothing(&p)) => return,
        "label_replace" => args.get(3).and_then(|a| text(a)).into_iter().collect(),
        "label_join" => args.iter().skip(3).filter_map(|a| text(a)).collect(),
        _ => return,
    };
    if let Some(vector) = args.first() {
        each(&room.known(vector), &sources, &format!("{} reads", c.func.name));
    }
}

fn may_match_nothing(pattern: &str) -> bool {
    compile_regex(pattern).map_or(true, |r| r.is_match(""))
}

/// A matcher that asks a recorded series for a value of a label that the record lacks selects nothing.
fn of_selector(room: &Room<'_>, v: &VectorSelector, each: &mut impl FnMut(&Known, &[String], &str)) {
    let all = matchers(v);
    let known = room.recorded.read_by(&all);
    for m in all.iter().filter(|m| m.name != METRIC_NAME && !m.is_match("")) {
        let name = v.name.as_deref().unwrap_or_default();
        each(&known, std::slice::from_ref(&m.name), &format!("{name} is asked for"));
    }
}
