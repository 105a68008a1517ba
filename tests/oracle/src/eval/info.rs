//! `info(v, {…})`: each element with the labels of the newest info series that has its `instance` and `job`.

use super::{Env, vector};
use crate::value::{Element, Fault, fail, is_reserved, unique};
use bellwether_model::{Labels, METRIC_NAME};
use promql_parser::label::Matcher;
use promql_parser::parser::{Call, Expr};
use std::collections::BTreeMap;

const KEY: [&str; 2] = ["instance", "job"];

fn key(labels: &Labels) -> Labels {
    labels.filter(|n| KEY.contains(&n))
}

fn accept(matchers: &[&Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.is_match(labels.get(&m.name)))
}

/// The function. The parser has made the second argument whole.
pub fn info(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let [base, selector] = c.args.args.as_slice() else { return fail("wrong number of arguments") };
    let Expr::VectorSelector(vs) = &**selector else { return fail("expected label selectors only") };
    let (names, data): (Vec<_>, Vec<_>) = vs.matchers.matchers.iter().partition(|m| m.name == METRIC_NAME);
    let base = vector(base, env)?;
    let is_info = |e: &Element| accept(&names, &e.labels);
    let met = |k: &Labels| !k.is_empty() && base.iter().any(|e| !is_info(e) && key(&e.labels) == *k);
    let series = vector(selector, env)?.into_iter().filter(|s| met(&key(&s.labels))).collect();
    let newest = newest(series)?;
    let mut out = Vec::new();
    for e in &base {
        let own: Vec<&Element> = match is_info(e) {
            true => Vec::new(),
            false => newest.iter().filter(|s| key(&s.labels) == key(&e.labels)).collect(),
        };
        if is_info(e) || !own.is_empty() || accept(&data, &Labels::empty()) {
            out.push(Element { labels: with_added(&e.labels, &own, &data)?, ..e.clone() });
        }
    }
    unique(out)
}

/// Of the series of one name and key the one with the newest sample.
fn newest(series: Vec<Element>) -> Result<Vec<Element>, Fault> {
    let mut groups: BTreeMap<(String, Labels), Vec<Element>> = BTreeMap::new();
    for s in series {
        groups.entry((s.labels.metric_name().to_owned(), key(&s.labels))).or_default().push(s);
    }
    let mut found = Vec::new();
    for mut group in groups.into_values() {
        group.sort_by(|a, b| b.stamp_ms.cmp(&a.stamp_ms).then_with(|| a.labels.cmp(&b.labels)));
        if let [a, b, ..] = group.as_slice()
            && a.stamp_ms == b.stamp_ms
        {
            return fail(format!(
                "found duplicate series for info metric: existing {} @ {}, new {} @ {}",
                a.labels, a.stamp_ms, b.labels, b.stamp_ms
            ));
        }
        found.extend(group.into_iter().next());
    }
    Ok(found)
}

fn with_added(labels: &Labels, series: &[&Element], data: &[&Matcher]) -> Result<Labels, Fault> {
    let mut added: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in series.iter().flat_map(|s| s.labels.iter()) {
        let wanted = data.is_empty() || data.iter().any(|m| m.name == name);
        if is_reserved(name) || !wanted || !labels.get(name).is_empty() {
            continue;
        }
        if added.insert(name.to_owned(), value.to_owned()).is_some_and(|before| before != value) {
            return fail(format!("conflicting label: {name}"));
        }
    }
    let mut builder = labels.to_builder();
    for (name, value) in &added {
        builder.set(name, value);
    }
    Ok(builder.build())
}
