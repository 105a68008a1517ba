//! `duplicate-alert`: two alerts of one name, expression and labels.
//!
//! # Semantics
//! Certain: both fire for the same elements, so that every page comes twice. Expressions are compared as parsed, so spaces and
//! comments do not matter. Alerts of one name that differ in their expression or in a label are not the same.

use super::Lint;
use super::room::{Findings, Room, Subject};
use std::collections::BTreeMap;

pub(super) const LINT: Lint = Lint {
    name: "duplicate-alert",
    summary: "two alerts have the same name, expression and labels",
    check: Some(check),
};

/// Name, labels, and the expression as parsed.
type Identity<'a> = (&'a str, &'a [(String, String)], String);

fn check(room: &Room<'_>, findings: &mut Findings) {
    let mut first: BTreeMap<Identity<'_>, &Subject<'_>> = BTreeMap::new();
    for subject in room.alerts() {
        let rule = subject.rule;
        let key = (rule.name.as_str(), rule.labels.as_slice(), rule.expr.to_string());
        match first.get(&key) {
            None => {
                first.insert(key, subject);
            }
            Some(one) => {
                let (file, line) = (&one.file.path, one.rule.position.line);
                let message = format!("the same alert stands at {file}:{line}: same name, expression and labels");
                findings.add(subject, rule.position, message, "remove one of them, or tell them apart by a label");
            }
        }
    }
}
