//! Limits of a rule that are known before any sample.
//!
//! # Errors
//! A refusal says what was asked for, the limit by its name, and what to do.

use super::context::{Lowering, Scope};
use super::text;
use crate::promql::parse_duration;
use bellwether_operators::program::{Limits, MOST_REACH_MS};

/// Names of the limits, as `NAME=VALUE` sets them.
pub const LIMITS: [&str; 5] = ["reach", "subquery-steps", "nodes", "elements", "samples"];

/// Sets one limit from `NAME=VALUE`; a number may have the ending k, M or G, a reach is a duration.
pub fn set_limit(limits: &mut Limits, text: &str) -> Result<(), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, for example subquery-steps=2M")?;
    let number = || count(value).ok_or_else(|| format!("{name}: {value:?} is not a whole number such as 500k or 2M"));
    match name {
        "reach" => {
            limits.reach_ms = parse_duration(value).map_err(|e| format!("{name}: {e}"))?;
            if limits.reach_ms > MOST_REACH_MS {
                return Err(format!("{name}: at most {} are possible", text::duration(MOST_REACH_MS)));
            }
        }
        "subquery-steps" => limits.subquery_steps = number()?,
        "nodes" => limits.nodes = usize::try_from(number()?).unwrap_or(usize::MAX),
        "elements" => limits.elements = number()?,
        "samples" => limits.samples = number()?,
        _ => return Err(format!("there is no limit {name:?}; there are {}", LIMITS.join(", "))),
    }
    Ok(())
}

fn count(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 1_000),
        b'M' => (&text[..text.len() - 1], 1_000_000),
        b'G' => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

impl Lowering<'_> {
    /// Refuses what reads further back than `reach`; `construct` is what the message points at.
    pub(super) fn within_reach(&mut self, scope: Scope<'_>, construct: &str, back_ms: i64) -> Option<()> {
        let most_ms = self.options.limits.reach_ms;
        if back_ms <= most_ms {
            return Some(());
        }
        let (back, most) = (text::duration(back_ms), text::duration(most_ms));
        let message = format!("window and offset read {back} back, more than the limit reach={most}");
        self.refuse(scope, construct, message);
        None
    }

    /// Refuses a subquery that holds more than `subquery-steps` inner steps.
    pub(super) fn few_inner_steps(&mut self, scope: Scope<'_>, range_ms: i64, step_ms: i64) -> Option<()> {
        let most = self.options.limits.subquery_steps;
        let steps = (range_ms / step_ms.max(1)).unsigned_abs();
        if steps <= most {
            return Some(());
        }
        let message = format!(
            "subquery [{}:{}] holds {steps} inner steps, more than the limit subquery-steps={most}: take a longer step, or \
             raise the limit",
            text::duration(range_ms),
            text::duration(step_ms)
        );
        self.refuse(scope, "[", message);
        None
    }

    /// Refuses a rule of more than `nodes` plan nodes, given how many there were before it.
    pub(super) fn few_nodes(&mut self, scope: Scope<'_>, before: usize) -> Option<()> {
        let (most, nodes) = (self.options.limits.nodes, self.dag.nodes.len() - before);
        if nodes <= most {
            return Some(());
        }
        let message = format!(
            "expression has {nodes} plan nodes, more than the limit nodes={most}: split it into recording rules"
        );
        self.refuse(scope, "", message);
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn limits_are_set_by_name() {
        let mut limits = Limits::default();
        set_limit(&mut limits, "subquery-steps=2M").unwrap();
        set_limit(&mut limits, "reach=1d").unwrap();
        assert_eq!((limits.subquery_steps, limits.reach_ms), (2_000_000, 86_400_000));
        for (text, says) in [
            ("reach", "NAME=VALUE"),
            ("reach=60d", "at most 45d"),
            ("nodes=-1", "whole number"),
            ("samples=99999999999G", "whole number"),
            ("memory=1", "there is no limit \"memory\"; there are reach, subquery-steps"),
        ] {
            assert!(set_limit(&mut limits, text).unwrap_err().contains(says), "{text}");
        }
        LIMITS.iter().for_each(|name| {
            set_limit(&mut limits, &format!("{name}=1{}", if *name == "reach" { "s" } else { "" })).unwrap()
        });
    }
}
