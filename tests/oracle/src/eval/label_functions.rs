//! `label_replace` and `label_join`.
//!
//! # Errors
//! Names that are no labels, a regular expression that does not parse, results that are not unique.

use super::{Env, text, vector};
use crate::value::{Element, Fault, fail, unique};
use promql_parser::parser::{Call, Expr};
use regex::Regex;

/// Refuses what is no label name: the empty string, and text that was not valid UTF-8.
pub fn check_name(name: &str, what: &str) -> Result<(), Fault> {
    let invalid = name.is_empty() || name.contains(char::REPLACEMENT_CHARACTER);
    if invalid { fail(format!("{what} {name:?}")) } else { Ok(()) }
}

fn texts(args: &[Box<Expr>], env: &Env<'_>) -> Result<Vec<String>, Fault> {
    args.iter().map(|a| text(a, env)).collect()
}

/// `label_replace(v, dst, replacement, src, regex)`.
pub fn replace(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let [v, strings @ ..] = c.args.args.as_slice() else { return fail("no arguments") };
    let strings = texts(strings, env)?;
    let [dst, replacement, src, pattern] = strings.as_slice() else { return fail("wrong number of arguments") };
    let Ok(regex) = Regex::new(&format!("^(?s:{pattern})$")) else {
        return fail(format!("invalid regular expression in label_replace(): {pattern}"));
    };
    check_name(dst, "invalid destination label name in label_replace():")?;
    let each = |e: Element| {
        let Some(captures) = regex.captures(e.labels.get(src)) else { return e };
        let mut value = String::new();
        captures.expand(replacement, &mut value);
        let labels = e.labels.to_builder().set(dst, &value).build();
        Element { labels, ..e }
    };
    unique(vector(v, env)?.into_iter().map(each).collect())
}

/// `label_join(v, dst, separator, src…)`.
pub fn join(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let [v, strings @ ..] = c.args.args.as_slice() else { return fail("no arguments") };
    let strings = texts(strings, env)?;
    let [dst, separator, sources @ ..] = strings.as_slice() else { return fail("wrong number of arguments") };
    for source in sources {
        check_name(source, "invalid source label name in label_join():")?;
    }
    check_name(dst, "invalid destination label name in label_join():")?;
    let each = |e: Element| {
        let values: Vec<&str> = sources.iter().map(|s| e.labels.get(s)).collect();
        let labels = e.labels.to_builder().set(dst, &values.join(separator)).build();
        Element { labels, ..e }
    };
    unique(vector(v, env)?.into_iter().map(each).collect())
}
