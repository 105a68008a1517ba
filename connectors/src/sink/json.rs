//! JSON forms of labels and values.
//!
//! # Semantics
//! A label set is an object with sorted keys and no spaces. JSON has no NaN and no infinities: as in Prometheus's API
//! they are the strings `"NaN"`, `"+Inf"` and `"-Inf"`; other values are numbers, as short as they can be read back.

use bellwether_model::Labels;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A label set as a JSON object.
pub(crate) struct AsObject<'a>(pub(crate) &'a Labels);

impl Serialize for AsObject<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        for (name, value) in self.0.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A value as a JSON number, or a string if JSON has no number for it.
pub(crate) struct AsNumber(pub(crate) f64);

impl Serialize for AsNumber {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            v if v.is_nan() => s.serialize_str("NaN"),
            f64::INFINITY => s.serialize_str("+Inf"),
            f64::NEG_INFINITY => s.serialize_str("-Inf"),
            v => s.serialize_f64(v),
        }
    }
}

/// A label set as JSON text, keys sorted: what a [`VectorFile`](super::VectorFile) takes. To be made once an element.
pub fn labels_json(labels: &Labels) -> String {
    // Strings can't fail to be JSON.
    serde_json::to_string(&AsObject(labels)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_sorted_and_text_escaped() {
        let labels = Labels::from_pairs([("b", "x\"\n"), ("__name__", "up")]);
        assert_eq!(labels_json(&labels), r#"{"__name__":"up","b":"x\"\n"}"#);
        assert_eq!(labels_json(&Labels::empty()), "{}");
        let of = |v| serde_json::to_string(&AsNumber(v)).unwrap();
        assert_eq!(
            [of(f64::NAN), of(f64::INFINITY), of(-f64::INFINITY), of(0.1)],
            ["\"NaN\"", "\"+Inf\"", "\"-Inf\"", "0.1"]
        );
    }
}
