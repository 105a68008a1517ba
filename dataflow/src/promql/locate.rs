//! Finds where a construct stands in an expression, for messages about what later stages refuse.

use super::error::line_col;
use super::lex::{Tok, lex};
use super::{MAX_TEXT_BYTES, Options};

/// Line and column, both from 1, of the first token that is `construct` in any case; failing that, of the first place
/// where its text stands.
pub fn locate(text: &str, construct: &str) -> Option<(usize, usize)> {
    if construct.is_empty() || text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let tokens = lex(text, &Options::PROMQLTEST).tokens;
    let mut shown = tokens.iter().filter(|t| !matches!(t.tok, Tok::Eof | Tok::Error));
    let token = shown.find(|t| text[t.start..t.end].eq_ignore_ascii_case(construct)).map(|t| t.start);
    let offset = token.or_else(|| text.find(construct))?;
    Some(line_col(text, offset))
}

#[cfg(test)]
mod tests {
    use super::locate;

    #[test]
    fn a_token_is_found_before_text_inside_another() {
        assert_eq!(locate("summary{a=\"sum\"} +\n  sum(x)", "sum"), Some((2, 3)));
        assert_eq!(locate("rate(x[5m] offset 1h)", "OFFSET"), Some((1, 12)));
        assert_eq!(locate("x[5m:1m]", "5m:1m"), Some((1, 3)));
        assert_eq!(locate("x", "y"), None);
    }
}
