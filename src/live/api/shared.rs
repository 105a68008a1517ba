//! What belongs to the process where there are tenants: health, readiness, reload, metrics of all of them.

use super::{Api, health, metrics};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every tenant's API by its name.
pub(super) type Tenants = Arc<BTreeMap<String, Arc<Api>>>;

/// 200 once every tenant is ready; else 503 that says who is not.
pub(super) async fn ready(State(all): State<Tenants>) -> (StatusCode, String) {
    let waiting: Vec<&str> = all.iter().filter(|(_, api)| !api.run.is_ready()).map(|(name, _)| name.as_str()).collect();
    if waiting.is_empty() {
        return (StatusCode::OK, "Bellwether is Ready.\n".to_owned());
    }
    let text = format!("Bellwether reads back what was on disk of {}.\n", waiting.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

/// Reads everybody's rule files again; 500 if those of one are not good.
pub(super) async fn reload(State(all): State<Tenants>) -> (StatusCode, String) {
    let (mut status, mut text) = (StatusCode::OK, String::new());
    for (name, api) in all.iter() {
        let (code, said) = health::reload(State(api.clone())).await;
        if code != StatusCode::OK {
            status = code;
        }
        text.push_str(&format!("{name}: {said}"));
    }
    (status, text)
}

/// Metrics of all tenants, each with its label.
pub(super) async fn all_metrics(State(all): State<Tenants>) -> Response {
    let texts: Vec<(&str, String)> = all.iter().map(|(name, api)| (name.as_str(), metrics::text(api))).collect();
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], labelled(&texts)).into_response()
}

/// Expositions of several tenants as one: each family once, each sample with its tenant.
fn labelled(texts: &[(&str, String)]) -> String {
    let mut families: Vec<(&str, Vec<&str>, String)> = Vec::new();
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    for (tenant, text) in texts {
        let mut family = 0;
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let name = comment.split(' ').nth(1).unwrap_or_default();
                family = *at.entry(name).or_insert_with(|| {
                    families.push((name, Vec::new(), String::new()));
                    families.len() - 1
                });
                let head = &mut families[family].1;
                if !head.contains(&line) {
                    head.push(line);
                }
            } else if let Some((_, _, samples)) = families.get_mut(family) {
                let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap_or(line.len()));
                let more = rest.strip_prefix('{').map_or_else(|| format!("}}{rest}"), |rest| format!(",{rest}"));
                // Names of tenants hold nothing that would have to be escaped.
                samples.push_str(&format!("{name}{{tenant=\"{tenant}\"{more}\n"));
            }
        }
    }
    families.iter().map(|(_, head, samples)| format!("{}\n{samples}", head.join("\n"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_stands_once_and_its_samples_say_whose_they_are() {
        let text =
            |n: u32| format!("# HELP a A.\n# TYPE a gauge\na {n}\n# HELP b B.\n# TYPE b counter\nb{{c=\"d e\"}} {n}\n");
        let want = "# HELP a A.\n# TYPE a gauge\na{tenant=\"x\"} 1\na{tenant=\"y\"} 2\n# HELP b B.\n# TYPE b counter\n\
                    b{tenant=\"x\",c=\"d e\"} 1\nb{tenant=\"y\",c=\"d e\"} 2\n";
        assert_eq!(labelled(&[("x", text(1)), ("y", text(2))]), want);
    }
}
