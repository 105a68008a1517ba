//! Values of attributes as labels have them: texts.
//!
//! # Semantics (opentelemetry's pdata, `Value.AsString`)
//! A text is itself, numbers and truth are as JSON writes them, bytes are base64, lists and maps are JSON.

use super::message::{AnyValue, KeyValue};

/// An attribute's value as text; nothing is the empty one, which is no label.
pub(super) fn text(value: Option<&AnyValue>) -> String {
    let mut text = String::new();
    if let Some(value) = value {
        write(value, false, &mut text);
    }
    text
}

/// The text of an attribute by its name; `None` where there is none.
pub(super) fn find(attributes: &[KeyValue], name: &str) -> Option<String> {
    attributes.iter().find(|a| a.key == name).map(|a| text(a.value.as_ref()))
}

fn write(value: &AnyValue, quoted: bool, out: &mut String) {
    if let Some(text) = value.string_value.as_ref().or(value.base64_value.as_ref()) {
        if quoted { quote(text, out) } else { out.push_str(text) }
    } else if let Some(truth) = value.bool_value {
        out.push_str(if truth { "true" } else { "false" });
    } else if let Some(n) = value.int_value {
        out.push_str(&n.to_string());
    } else if let Some(x) = value.double_value {
        out.push_str(&float(x));
    } else if let Some(list) = &value.array_value {
        out.push('[');
        for (i, item) in list.values.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            write(item, true, out);
        }
        out.push(']');
    } else if let Some(map) = &value.kvlist_value {
        let mut entries: Vec<&KeyValue> = map.values.iter().collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        out.push('{');
        for (i, entry) in entries.into_iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            quote(&entry.key, out);
            out.push(':');
            match &entry.value {
                Some(value) => write(value, true, out),
                None => out.push_str("null"),
            }
        }
        out.push('}');
    } else if let Some(bytes) = &value.bytes_value {
        let text = crate::base64::encode(bytes);
        if quoted { quote(&text, out) } else { out.push_str(&text) }
    } else if quoted {
        out.push_str("null");
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// A float as JavaScript and Go's JSON write it: with an exponent where it is very small or very large.
fn float(x: f64) -> String {
    if x.is_infinite() {
        return if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if x != 0.0 && (x.abs() < 1e-6 || x.abs() >= 1e21) {
        let text = format!("{x:e}");
        return if x.abs() < 1.0 { text } else { text.replace('e', "e+") };
    }
    x.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::message::{ArrayValue, KeyValueList};
    use super::*;

    #[test]
    fn values_are_texts_as_prometheus_has_them() {
        let of = |value: AnyValue| text(Some(&value));
        let word = |text: &str| AnyValue { string_value: Some(text.to_owned()), ..AnyValue::default() };
        let float = |x| of(AnyValue { double_value: Some(x), ..AnyValue::default() });
        assert_eq!(of(word("a\"b")), "a\"b");
        assert_eq!(of(AnyValue { bool_value: Some(true), ..AnyValue::default() }), "true");
        assert_eq!(of(AnyValue { int_value: Some(-7), ..AnyValue::default() }), "-7");
        assert_eq!(
            [1.0, 0.1, 1e21, 1.5e-7, f64::NAN, f64::NEG_INFINITY].map(float),
            ["1", "0.1", "1e+21", "1.5e-7", "NaN", "-Infinity"]
        );
        assert_eq!(of(AnyValue { bytes_value: Some(vec![0xfb, 0xff]), ..AnyValue::default() }), "+/8=");
        let list = ArrayValue { values: vec![word("<\n"), AnyValue::default()] };
        let list = AnyValue { array_value: Some(list), ..AnyValue::default() };
        let entry = |key: &str, value| KeyValue { key: key.to_owned(), value: Some(value) };
        let map = KeyValueList { values: vec![entry("b", list), entry("a", word("x"))] };
        let map = AnyValue { kvlist_value: Some(map), ..AnyValue::default() };
        assert_eq!(of(map), r#"{"a":"x","b":["<\n",null]}"#);
        assert_eq!((of(AnyValue::default()), text(None)), (String::new(), String::new()));
    }
}
