//! `/api/v1/rules`: groups, their rules and the state of each.
//!
//! # Semantics
//! Filters as Prometheus has them: `type`, `rule_name[]`, `rule_group[]`, `file[]`, `exclude_alerts`, and pages by
//! `group_limit` with `group_next_token`.

use super::Api;
use super::alerts::{alert, object, state};
use super::answer::{failure, rfc3339, success};
use crate::live::{Active, View};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use bellwether_dataflow::lower::{Options, group_phase_ms};
use bellwether_dataflow::rules::{Group, Rule, RuleFile, RuleKind};
use bellwether_model::{Labels, hash128};
use bellwether_operators::program::{AlertSpec, Op, Program};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// What is asked for.
#[derive(Debug, Default)]
struct Filter {
    kind: Option<bool>,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    exclude_alerts: bool,
    limit: Option<usize>,
    token: Option<String>,
}

impl Filter {
    fn new(query: &str) -> Result<Self, String> {
        let mut me = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match key.as_ref() {
                "type" => {
                    me.kind = Some(match value.as_str() {
                        "alert" => true,
                        "record" => false,
                        other => return Err(format!("not supported value {other:?} of type: alert or record")),
                    });
                }
                "rule_name[]" => me.names.push(value),
                "rule_group[]" => me.groups.push(value),
                "file[]" => me.files.push(value),
                "exclude_alerts" => me.exclude_alerts = matches!(value.as_str(), "true" | "1" | "t" | "TRUE" | "True"),
                "group_limit" => {
                    let limit = value.parse().ok().filter(|n| *n > 0);
                    me.limit = Some(limit.ok_or("group_limit must be a number greater than 0")?);
                }
                "group_next_token" => me.token = Some(value),
                _ => {}
            }
        }
        if me.token.is_some() && me.limit.is_none() {
            return Err("group_limit needs to be present in order to paginate over the groups".to_owned());
        }
        Ok(me)
    }

    fn takes(&self, rule: &Rule) -> bool {
        self.kind.is_none_or(|alert| rule.is_alert() == alert)
            && (self.names.is_empty() || self.names.contains(&rule.name))
    }
}

/// Alerts by file, group and name.
type ByRule<'a> = BTreeMap<(&'a str, &'a str, &'a str), Vec<&'a Active>>;

/// One page of groups.
struct Page<'a> {
    view: &'a View,
    alerts: ByRule<'a>,
    options: &'a Options,
    /// Until when alerts rest on samples that may not have come yet, ms, by file, group and name.
    unknown_until: BTreeMap<(&'a str, &'a str, &'a str), i64>,
    filter: Filter,
}

impl Page<'_> {
    /// The newest step of a group that is evaluated, ms; `None` where none is.
    fn last_ms(&self, file: &RuleFile, group: &Group, interval_ms: i64) -> Option<i64> {
        let phase_ms = group_phase_ms(self.options, &file.path, &group.name, interval_ms);
        let newest = self.view.watermark_ms;
        (newest > 0).then(|| (newest - phase_ms).div_euclid(interval_ms) * interval_ms + phase_ms)
    }

    fn group(&self, file: &RuleFile, group: &Group) -> Option<Value> {
        let interval_ms = group.interval_ms.filter(|ms| *ms > 0).unwrap_or(self.options.default_interval_ms);
        let last_ms = self.last_ms(file, group, interval_ms);
        let taken = group.rules.iter().filter(|r| self.filter.takes(r));
        let rules: Vec<Value> = taken.map(|r| self.rule(file, group, r, last_ms)).collect();
        if rules.is_empty() && !group.rules.is_empty() {
            return None;
        }
        Some(json!({
            "name": group.name,
            "file": file.path,
            "rules": rules,
            "interval": interval_ms as f64 / 1_000.0,
            "limit": group.limit,
            "evaluationTime": 0.0,
            "lastEvaluation": rfc3339(last_ms.unwrap_or(0)),
        }))
    }

    fn rule(&self, file: &RuleFile, group: &Group, rule: &Rule, last_ms: Option<i64>) -> Value {
        let error = self.view.errors.get(&format!("{}/{}", group.name, rule.name));
        let failed = error.filter(|(step_ms, _)| last_ms.is_some_and(|last| *step_ms >= last));
        let health = if failed.is_some() {
            "err"
        } else if last_ms.is_some() {
            "ok"
        } else {
            "unknown"
        };
        let mut value = json!({
            "name": rule.name,
            "query": rule.expr_text,
            "labels": object(&Labels::from_pairs(rule.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())))),
            "health": health,
            "evaluationTime": 0.0,
            "lastEvaluation": rfc3339(last_ms.unwrap_or(0)),
            "type": if rule.is_alert() { "alerting" } else { "recording" },
        });
        let Value::Object(fields) = &mut value else { return value };
        if let Some((_, message)) = failed {
            fields.insert("lastError".to_owned(), json!(message));
        }
        if let RuleKind::Alert { for_ms, keep_firing_for_ms, annotations } = &rule.kind {
            let key = (file.path.as_str(), group.name.as_str(), rule.name.as_str());
            let active: &[&Active] = self.alerts.get(&key).map_or(&[], Vec::as_slice);
            let states: Vec<&str> = active.iter().filter_map(|a| state(a)).collect();
            let worst = ["firing", "pending"].into_iter().find(|s| states.contains(s));
            let known = last_ms.is_some_and(|last| self.unknown_until.get(&key).is_none_or(|until| last >= *until));
            let idle = if known { "inactive" } else { "unknown" };
            let annotations = Labels::from_pairs(annotations.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            fields.insert("state".to_owned(), json!(worst.unwrap_or(idle)));
            fields.insert("duration".to_owned(), json!(*for_ms as f64 / 1_000.0));
            fields.insert("keepFiringFor".to_owned(), json!(*keep_firing_for_ms as f64 / 1_000.0));
            fields.insert("annotations".to_owned(), object(&annotations));
            let shown = if self.filter.exclude_alerts { &[] } else { active };
            fields.insert("alerts".to_owned(), shown.iter().filter_map(|a| alert(a)).collect());
        }
        value
    }
}

/// Alerts that rest on absence, and when the samples that they may miss are known.
fn unknown_until(program: &Program, from_ms: Option<i64>) -> BTreeMap<(&str, &str, &str), i64> {
    let known_ms = |spec: &AlertSpec| from_ms.map_or(i64::MAX, |from_ms| from_ms.saturating_add(spec.absence_ms));
    let mut all = BTreeMap::new();
    for node in &program.nodes {
        if let Op::Alert(spec) = &node.op
            && spec.absence_ms > 0
        {
            all.insert((spec.file.as_str(), spec.group.as_str(), spec.name.as_str()), known_ms(spec));
        }
    }
    all
}

/// Names a group in a page's token.
fn token(file: &str, group: &str) -> String {
    format!("{:032x}", hash128(&[file.as_bytes(), group.as_bytes()]))
}

/// The groups.
pub async fn rules(State(api): State<Arc<Api>>, RawQuery(query): RawQuery) -> Response {
    let filter = match Filter::new(query.as_deref().unwrap_or("")) {
        Ok(filter) => filter,
        Err(error) => return failure(StatusCode::BAD_REQUEST, "bad_data", &error),
    };
    let table = api.run.table();
    let view = api.run.view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    let mut alerts = ByRule::new();
    for active in view.book.iter() {
        let d = &active.decision;
        alerts.entry((&d.file, &d.group, &d.alert)).or_default().push(active);
    }
    let unknown_until = unknown_until(&table.program, view.from_ms);
    let page = Page { view: &view, alerts, options: api.run.options(), unknown_until, filter };
    let all = table.set.files.iter().flat_map(|f| f.groups.iter().map(move |g| (f, g)));
    let wanted = |list: &[String], name: &str| list.is_empty() || list.iter().any(|n| n == name);
    let mut all = all
        .filter(|(f, g)| wanted(&page.filter.files, &f.path) && wanted(&page.filter.groups, &g.name))
        .skip_while(|(f, g)| page.filter.token.as_ref().is_some_and(|t| *t != token(&f.path, &g.name)))
        .peekable();
    if page.filter.token.is_some() && all.peek().is_none() {
        return failure(StatusCode::BAD_REQUEST, "bad_data", "invalid group_next_token: the rules may have changed");
    }
    let (mut groups, mut next) = (Vec::new(), None);
    for (file, group) in all {
        if page.filter.limit.is_some_and(|limit| groups.len() == limit) {
            next = Some(token(&file.path, &group.name));
            break;
        }
        groups.extend(page.group(file, group));
    }
    let mut data = json!({"groups": groups});
    if let (Some(next), Value::Object(fields)) = (next, &mut data) {
        fields.insert("groupNextToken".to_owned(), Value::String(next));
    }
    success(data)
}
