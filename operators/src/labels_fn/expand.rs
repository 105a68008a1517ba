//! Go's replacement templates: `$1`, `${1}`, `$name`, `${name}`, `$$`.
//!
//! # Semantics (Go `regexp.Expand`)
//! A name is the longest run of letters, digits and `_`, so `$1x` is the group `1x`. Unknown and unmatched groups are
//! empty. A `$` that begins nothing valid is itself.

use regex::Captures;

/// The template with groups of a match filled in.
pub fn expand(template: &str, found: &Captures<'_>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            out.push_str(group(name, found));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

/// The name at the beginning of what follows a `$`, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (braced, text) = match text.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let end = text.find(|c: char| !(c.is_alphabetic() || c.is_numeric() || c == '_')).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    if braced { Some((name, after.strip_prefix('}')?)) } else { Some((name, after)) }
}

fn group<'t>(name: &str, found: &Captures<'t>) -> &'t str {
    let is_number = name.bytes().all(|b| b.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    let text = match name.parse::<usize>() {
        Ok(i) if is_number => found.get(i),
        _ => found.name(name),
    };
    text.map_or("", |m| m.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn expands_as_go_does() {
        let re = regex::Regex::new("(?P<first>[a-z]+)-([0-9]+)(x)?").unwrap();
        let found = re.captures("ab-12").unwrap();
        for (template, want) in [
            ("$1/$2", "ab/12"),
            ("${1}x$0", "abxab-12"),
            ("$1x", ""),
            ("$first.${first}", "ab.ab"),
            ("$$1", "$1"),
            ("$3|$9|$01", "||"),
            ("a$", "a$"),
            ("${1", "${1"),
            ("$-${}", "$-${}"),
            ("$2$1", "12ab"),
        ] {
            assert_eq!(expand(template, &found), want, "{template}");
        }
    }
}
