//! Prometheus's own functions.

use super::duration::parse_signed_duration;
use super::humanize::{
    go_i64, humanize, humanize_duration, humanize_percentage, humanize_timestamp, humanize1024, to_time_ms,
};
use super::net::{query_escape, strip_domain, strip_port, title, to_lower, to_upper, url_path};
use super::value::{Sample, Value};
use super::{Context, MAX_OUTPUT_BYTES, Template};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Runs a function of Prometheus's; the arguments have the types of its signature.
pub(super) fn call(template: &Template, context: &Context<'_>, name: &str, args: &[Value]) -> Result<Value, String> {
    let arg = |i: usize| args.get(i).unwrap_or(&Value::Nil);
    let text = |i: usize| match arg(i) {
        Value::Str(s) => s.as_ref(),
        _ => "",
    };
    let float = || arg(0).to_float();
    let string = |text: String| Ok(Value::from(text));
    match name {
        "query" => query(context, text(0)),
        "first" => first(arg(0)),
        "label" => string(sample(arg(1))?.labels.get(text(0)).to_owned()),
        "value" => Ok(Value::Float(sample(arg(0))?.value)),
        "strvalue" => string(sample(arg(0))?.labels.get("__value__").to_owned()),
        "args" => {
            let entries = args.iter().enumerate().map(|(i, a)| (format!("arg{i}"), a.clone()));
            Ok(Value::Map(Arc::new(entries.collect::<BTreeMap<_, _>>())))
        }
        "match" => Ok(Value::Bool(pattern(template, text(0))?.is_match(text(1)))),
        "reReplaceAll" => {
            let compiled = pattern(template, text(0))
                .map_err(|e| format!("regexp: Compile({}): {e}", super::quote::backquote(text(0))))?;
            replace_all(&compiled, text(2), text(1)).map(Value::from)
        }
        "safeHtml" => Ok(arg(0).clone()),
        "title" => string(title(text(0))),
        "toUpper" => string(to_upper(text(0))),
        "toLower" => string(to_lower(text(0))),
        "graphLink" => string(format!("/graph?g0.expr={}&g0.tab=0", query_escape(text(0)))),
        "tableLink" => string(format!("/graph?g0.expr={}&g0.tab=1", query_escape(text(0)))),
        "sortByLabel" => Ok(sort_by_label(text(0), arg(1))),
        "stripPort" => string(strip_port(text(0)).to_owned()),
        "stripDomain" => string(strip_domain(text(0))),
        "humanize" => string(humanize(float()?)),
        "humanize1024" => string(humanize1024(float()?)),
        "humanizeDuration" => string(humanize_duration(float()?)),
        "humanizePercentage" => string(humanize_percentage(float()?)),
        "humanizeTimestamp" => string(humanize_timestamp(float()?)?),
        "toTime" => Ok(Value::Time(to_time_ms(float()?)?)),
        "toDuration" => Ok(Value::Duration(go_i64(float()? * 1e9))),
        "now" => Ok(Value::Float(context.now_ms as f64 / 1000.0)),
        "pathPrefix" => string(url_path(context.external_url).to_owned()),
        "externalURL" => string(context.external_url.to_owned()),
        "parseDuration" => {
            let ms = parse_signed_duration(text(0)).map_err(|e| e.to_string())?;
            Ok(Value::Float(ms as f64 / 1000.0))
        }
        "urlQueryEscape" => string(query_escape(text(0))),
        other => Err(format!("{other:?} is not a defined function")),
    }
}

fn query(context: &Context<'_>, expr: &str) -> Result<Value, String> {
    let Some(run) = context.query else {
        return Err("queries are not available in templates here".to_owned());
    };
    let samples = run(expr, context.now_ms)?;
    Ok(Value::Samples(samples.into_iter().map(Arc::new).collect()))
}

fn first(value: &Value) -> Result<Value, String> {
    match value {
        Value::Samples(samples) => samples.first().map(|s| Value::Sample(s.clone())),
        _ => None,
    }
    .ok_or_else(|| "first() called on vector with no elements".to_owned())
}

fn sample(value: &Value) -> Result<&Sample, String> {
    match value {
        Value::Sample(sample) => Ok(sample),
        _ => Err("runtime error: invalid memory address or nil pointer dereference".to_owned()),
    }
}

fn sort_by_label(label: &str, value: &Value) -> Value {
    let Value::Samples(samples) = value else { return value.clone() };
    let mut sorted = samples.to_vec();
    sorted.sort_by(|a, b| a.labels.get(label).cmp(b.labels.get(label)));
    Value::Samples(sorted.into())
}

/// A compiled pattern: one of the template's literals, or a new one.
fn pattern(template: &Template, pattern: &str) -> Result<Regex, String> {
    match template.uses.patterns.get(pattern) {
        Some(compiled) => Ok(compiled.clone()),
        None => super::regex::compile(pattern).map_err(|e| e.to_string()),
    }
}

/// Replaces every match, `$1` and `${name}` in the replacement standing for groups; stops where the result grows too long.
fn replace_all(pattern: &Regex, text: &str, replacement: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut end = 0;
    for captures in pattern.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(&text[end..whole.start()]);
        captures.expand(replacement, &mut out);
        end = whole.end();
        if out.len() > MAX_OUTPUT_BYTES {
            return Err(format!("the result is longer than {MAX_OUTPUT_BYTES} bytes"));
        }
    }
    out.push_str(&text[end..]);
    Ok(out)
}
