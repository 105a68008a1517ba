//! The functions that a template may call, and what they take.

use super::value::Value;

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Param {
    Any,
    Str,
    Sample,
    Samples,
}

impl Param {
    /// Go's name of the type.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Str => "string",
            Self::Sample => "*template.sample",
            Self::Samples => "template.queryResult",
        }
    }

    /// Whether a value may be passed as it is.
    pub fn takes(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Str => matches!(value, Value::Str(_)),
            Self::Sample => matches!(value, Value::Sample(_) | Value::Nil),
            Self::Samples => matches!(value, Value::Samples(_) | Value::Nil),
        }
    }
}

/// What a function takes: fixed parameters, and whether any number of others may follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    name: &'static str,
    pub fixed: &'static [Param],
    pub variadic: bool,
}

const fn fixed(name: &'static str, fixed: &'static [Param]) -> Signature {
    Signature { name, fixed, variadic: false }
}

const fn variadic(name: &'static str, fixed: &'static [Param]) -> Signature {
    Signature { name, fixed, variadic: true }
}

use Param::{Any, Sample, Samples, Str};

#[rustfmt::skip]
const FUNCTIONS: &[Signature] = &[
    // Go's.
    variadic("and", &[Any]), variadic("or", &[Any]), fixed("not", &[Any]), fixed("len", &[Any]),
    variadic("index", &[Any]), variadic("slice", &[Any]), variadic("html", &[]), variadic("js", &[]),
    variadic("urlquery", &[]), variadic("print", &[]), variadic("printf", &[Str]), variadic("println", &[]),
    variadic("eq", &[Any]), fixed("ne", &[Any, Any]), fixed("lt", &[Any, Any]), fixed("le", &[Any, Any]),
    fixed("gt", &[Any, Any]), fixed("ge", &[Any, Any]), variadic("call", &[Any]),
    // Prometheus's.
    fixed("query", &[Str]), fixed("first", &[Samples]), fixed("label", &[Str, Sample]), fixed("value", &[Sample]),
    fixed("strvalue", &[Sample]), variadic("args", &[]), fixed("reReplaceAll", &[Str, Str, Str]),
    fixed("safeHtml", &[Str]), fixed("match", &[Str, Str]), fixed("title", &[Str]), fixed("toUpper", &[Str]),
    fixed("toLower", &[Str]), fixed("graphLink", &[Str]), fixed("tableLink", &[Str]),
    fixed("sortByLabel", &[Str, Samples]), fixed("stripPort", &[Str]), fixed("stripDomain", &[Str]),
    fixed("humanize", &[Any]), fixed("humanize1024", &[Any]), fixed("humanizeDuration", &[Any]),
    fixed("humanizePercentage", &[Any]), fixed("humanizeTimestamp", &[Any]), fixed("toTime", &[Any]),
    fixed("toDuration", &[Any]), fixed("now", &[]), fixed("pathPrefix", &[]), fixed("externalURL", &[]),
    fixed("parseDuration", &[Str]), fixed("urlQueryEscape", &[Str]),
];

/// The signature of a function.
pub(super) fn signature(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.iter().find(|f| f.name == name)
}

/// Whether there is such a function.
pub(super) fn is_function(name: &str) -> bool {
    signature(name).is_some()
}
