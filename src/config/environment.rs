//! `${NAME}` in a configuration: environment variables by name.
//!
//! # Semantics
//! `${NAME}` has to be set; `${NAME:-text}` stands for the text where it is not set or empty; `$${` is a literal `${`. Comments are left
//! alone. A value that would change what the YAML around it means (quotes, braces, line breaks, …) is refused: it belongs
//! into a file of its own.

use super::load::ConfigError;

/// What may stand in a value without meaning anything to YAML.
fn is_plain(value: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_-./:@+=,~^()$;?".contains(c);
    value.chars().all(plain) && !value.ends_with(':') && !value.starts_with(['-', '?', ',', '='])
}

/// The text with its variables replaced. `variable` gives the value of a name.
pub fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, ConfigError> {
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let comment = comment(line);
        expand_line(&line[..comment], i + 1, line, variable, &mut out)?;
        out.push_str(&line[comment..]);
    }
    Ok(out)
}

/// Where a line's comment begins: a `#` outside of quotes at its start or after a space.
fn comment(line: &str) -> usize {
    let (mut quote, mut before) = (None, ' ');
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => return at,
            (None, '"' | '\'') if before.is_whitespace() || "[{,:".contains(before) => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            _ => {}
        }
        before = c;
    }
    line.len()
}

fn expand_line(
    code: &str,
    number: usize,
    line: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    out: &mut String,
) -> Result<(), ConfigError> {
    let mut rest = code;
    while let Some(at) = rest.find("${") {
        let wrong = |what: String| ConfigError::at(number, code.len() - rest.len() + at + 1, line.trim_end(), what);
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        let end =
            rest[at..].find('}').ok_or_else(|| wrong("`${` without `}`; write `$${` for the text itself".into()))?;
        let inner = &rest[at + 2..at + end];
        let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, text)| (name, Some(text)));
        let is_name = |n: &str| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name(name) {
            return Err(wrong(format!(
                "`${{{inner}}}` names no environment variable; write ${{NAME}} or ${{NAME:-text}}"
            )));
        }
        let value = variable(name).filter(|v| !v.is_empty() || default.is_none());
        let value = value.or_else(|| default.map(str::to_owned));
        let value = value.ok_or_else(|| {
            wrong(format!("the environment variable {name} is not set; set it, or write ${{{name}:-default}}"))
        })?;
        if !is_plain(&value) {
            return Err(wrong(format!(
                "the value of {name} has characters that mean something to YAML; put it into a file and name that \
                 (password_file, token_file), or write it here in quotes"
            )));
        }
        out.push_str(&rest[..at]);
        out.push_str(&value);
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    Ok(())
}
