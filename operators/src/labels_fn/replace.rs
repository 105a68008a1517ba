//! `label_replace(v, dst, replacement, src, regex)`.
//!
//! # Semantics (Prometheus `evalLabelReplace`)
//! Where the regex matches the whole value of `src` ("" if it is missing), `dst` is set to the expanded replacement; an
//! empty one removes it. Else the labels stay.

use super::expand;
use crate::template::regex::{RegexError, compile_anchored};
use bellwether_model::{DROPPED, Labels, METRIC_NAME};
use regex::Regex;

/// A compiled `label_replace`.
#[derive(Clone, Debug)]
pub struct LabelReplace {
    dst: String,
    replacement: String,
    src: String,
    regex: Regex,
}

impl LabelReplace {
    /// Compiles the regex; names of labels are checked where the expression is.
    pub fn new(dst: &str, replacement: &str, src: &str, regex: &str) -> Result<Self, RegexError> {
        let regex = compile_anchored(regex)?;
        Ok(Self { dst: dst.to_owned(), replacement: replacement.to_owned(), src: src.to_owned(), regex })
    }

    /// The labels with `dst` written.
    pub fn apply(&self, labels: &Labels) -> Labels {
        let Some(found) = self.regex.captures(labels.get(&self.src)) else { return labels.clone() };
        let mut b = labels.to_builder();
        b.set(&self.dst, &expand(&self.replacement, &found));
        if self.dst == METRIC_NAME {
            // A new name stays.
            b.set(DROPPED, "");
        }
        b.build()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The cases of Prometheus's functions.test.
    #[test]
    fn replaces_as_prometheus_does() {
        let l = Labels::from_pairs([("src", "source-value-10"), ("dst", "original")]);
        let dst = |replacement: &str, src: &str, regex: &str| {
            LabelReplace::new("dst", replacement, src, regex).unwrap().apply(&l).get("dst").to_owned()
        };
        assert_eq!(dst("destination-value-$1", "src", "source-value-(.*)"), "destination-value-10");
        assert_eq!(dst("x-$1", "src", "value-(.*)"), "original", "the whole value must match");
        assert_eq!(dst("x-$1", "none", "value-(.*)"), "original");
        assert_eq!(dst("", "src", ".*"), "");
        assert_eq!(dst("new-$1", "none", "(.*)"), "new-");
        assert_eq!(dst("${n}!", "src", "(?P<n>[a-z]+).*"), "source!");
        assert!(LabelReplace::new("dst", "", "src", "(").is_err());
    }
}
