//! Relabelling: labels in, other labels or none out.
//!
//! # Semantics (Prometheus `model/relabel`, names in UTF-8)
//! Steps run in order on what the step before left; the first that lets go of the labels ends it. A regex has to match
//! the whole text, `.` included newlines. A label that is absent reads as empty, and an empty value removes a label. What
//! a step reads of names and values is what stood there when the step began.
//!
//! # Errors
//! [`RelabelError`]: which entry is wrong, and why, in Prometheus's words. Nothing fails once it is compiled.

mod config;

pub use config::{Action, RelabelConfig};

use crate::labels_fn::expand;
use crate::template::regex::compile_anchored;
use crate::template::{to_lower, to_upper};
use bellwether_model::Labels;
use config::{REGEX, REPLACEMENT, SEPARATOR};
use regex::Regex;
use std::fmt;

/// Why an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelabelError {
    /// Which entry of its list, from 0.
    pub entry: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for RelabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} of the relabel configuration: {}", self.entry + 1, self.reason)
    }
}

impl std::error::Error for RelabelError {}

/// Steps that are ready to run.
#[derive(Clone, Debug, Default)]
pub struct Relabelling {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    action: Action,
    source: Vec<String>,
    separator: String,
    regex: Regex,
    /// 0 where there is none, and then no step takes a hash.
    modulus: u64,
    target: String,
    replacement: String,
}

impl Relabelling {
    /// Checks and compiles a list of entries.
    pub fn compile(configs: &[RelabelConfig]) -> Result<Self, RelabelError> {
        let step = |(entry, config)| Step::compile(config).map_err(|reason| RelabelError { entry, reason });
        Ok(Self { steps: configs.iter().enumerate().map(step).collect::<Result<_, _>>()? })
    }

    /// Whether it leaves everything as it is.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The labels after all steps; `None` where a step let go of them.
    pub fn apply(&self, labels: &Labels) -> Option<Labels> {
        self.steps.iter().try_fold(labels.clone(), |labels, step| step.apply(labels))
    }
}

impl Step {
    fn compile(config: &RelabelConfig) -> Result<Self, String> {
        check(config)?;
        let regex = compile_anchored(config.regex.as_deref().unwrap_or(REGEX)).map_err(|e| e.to_string())?;
        Ok(Self {
            action: config.action,
            source: config.source_labels.clone(),
            separator: config.separator.clone().unwrap_or_else(|| SEPARATOR.to_owned()),
            regex,
            modulus: config.modulus.unwrap_or(0),
            target: config.target_label.clone().unwrap_or_default(),
            replacement: config.replacement.clone().unwrap_or_else(|| REPLACEMENT.to_owned()),
        })
    }

    fn apply(&self, labels: Labels) -> Option<Labels> {
        let values: Vec<&str> = self.source.iter().map(|name| labels.get(name)).collect();
        let text = values.join(&self.separator);
        let with = |value: &str| labels.to_builder().set(&self.target, value).build();
        match self.action {
            Action::Keep => self.regex.is_match(&text).then_some(labels),
            Action::Drop => (!self.regex.is_match(&text)).then_some(labels),
            Action::KeepEqual => (labels.get(&self.target) == text).then_some(labels),
            Action::DropEqual => (labels.get(&self.target) != text).then_some(labels),
            Action::Replace => Some(self.replace(&text, labels)),
            Action::Lowercase => Some(with(&to_lower(&text))),
            Action::Uppercase => Some(with(&to_upper(&text))),
            Action::HashMod => Some(with(&hash(&text).checked_rem(self.modulus).unwrap_or(0).to_string())),
            Action::LabelMap => Some(self.map(&labels)),
            Action::LabelDrop => Some(labels.filter(|name| !self.regex.is_match(name))),
            Action::LabelKeep => Some(labels.filter(|name| self.regex.is_match(name))),
        }
    }

    fn replace(&self, text: &str, labels: Labels) -> Labels {
        let Some(found) = self.regex.captures(text) else { return labels };
        let target = expand(&self.target, &found);
        // A name that came out empty is no name: Prometheus leaves the labels alone.
        if target.is_empty() {
            return labels;
        }
        labels.to_builder().set(&target, &expand(&self.replacement, &found)).build()
    }

    fn map(&self, labels: &Labels) -> Labels {
        let mut mapped = labels.to_builder();
        for (name, value) in labels.iter() {
            if let Some(found) = self.regex.captures(name) {
                let to = expand(&self.replacement, &found);
                if !to.is_empty() {
                    mapped.set(&to, value);
                }
            }
        }
        mapped.build()
    }
}

/// The last eight bytes of the MD5 sum, as a number.
fn hash(text: &str) -> u64 {
    let sum = md5::compute(text.as_bytes());
    sum.0[8..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What Prometheus refuses: fields that an action needs and has not, and fields that it has and does not read.
fn check(config: &RelabelConfig) -> Result<(), String> {
    let action = config.action;
    let target = config.target_label.as_deref().unwrap_or("");
    let replaces = config.replacement.as_deref().is_some_and(|r| r != REPLACEMENT);
    let separates = config.separator.as_deref().is_some_and(|s| s != SEPARATOR);
    let hashes = config.modulus.is_some_and(|m| m != 0);
    if action == Action::HashMod && !hashes {
        return Err("relabel configuration for hashmod requires non-zero modulus".to_owned());
    }
    match action {
        Action::Replace | Action::HashMod if target.is_empty() => Err(needs_target(action)),
        Action::Lowercase | Action::Uppercase | Action::KeepEqual | Action::DropEqual if target.is_empty() => {
            Err(needs_target(action))
        }
        Action::Lowercase | Action::Uppercase | Action::KeepEqual | Action::DropEqual if replaces => {
            Err(format!("'replacement' can not be set for {action} action"))
        }
        Action::KeepEqual | Action::DropEqual if config.regex.is_some() || hashes || separates => {
            Err(format!("{action} action requires only 'source_labels' and `target_label`, and no other fields"))
        }
        Action::LabelMap if config.replacement.as_deref() == Some("") => {
            Err(format!("\"\" is invalid 'replacement' for {action} action"))
        }
        Action::LabelDrop | Action::LabelKeep
            if !config.source_labels.is_empty() || !target.is_empty() || hashes || separates || replaces =>
        {
            Err(format!("{action} action requires only 'regex', and no other fields"))
        }
        _ => Ok(()),
    }
}

fn needs_target(action: Action) -> String {
    format!("relabel configuration for {action} action requires 'target_label' value")
}

#[cfg(test)]
mod tests;
