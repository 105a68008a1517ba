//! Which column of a Parquet file is what: schema in, [`Layout`] out.
//!
//! # Semantics
//! One column holds stamps, one holds values, or, where there is none of these, native histograms as text; every other top-level string column is a label of its name, null or ""
//! meaning that the label is absent. One `map<string, string>` column may hold labels too; where both name a label,
//! the map wins.
//!
//! # Errors
//! A missing column and a column of a type that can't be read are errors that name the column, its type and the option
//! to change.

use super::ParquetOptions;
use crate::source::SourceError;
use bellwether_model::METRIC_NAME;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::schema::types::{SchemaDescriptor, Type};
use std::sync::Arc;

/// The name under which a map column of labels is found without being asked for.
const LABELS_MAP: &str = "labels";

/// The name of the text column that stands for values where samples are native histograms.
const HISTOGRAMS: &str = "histogram";

/// How to turn a stamp into milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum StampUnit {
    /// Multiply.
    Times(i64),
    /// Divide, rounding down.
    Over(i64),
}

impl StampUnit {
    /// The stamp in milliseconds; `None` if it does not fit.
    pub(crate) fn to_ms(self, stamp: i64) -> Option<i64> {
        match self {
            Self::Times(f) => stamp.checked_mul(f),
            Self::Over(d) => Some(stamp.div_euclid(d)),
        }
    }
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ValueKind {
    /// f64.
    Double,
    /// f32.
    Float,
    /// i32 or narrower.
    Int32,
    /// u32 or narrower.
    Uint32,
    /// i64.
    Int64,
    /// u64.
    Uint64,
    /// A native histogram as text.
    Histogram,
}

/// One source of labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LabelColumn {
    /// A string column.
    Text {
        /// Index of the leaf column.
        leaf: usize,
        /// Name of the label.
        label: String,
    },
    /// A map from string to string.
    Map {
        /// Index of the leaf column of the keys; the values' leaf is the next one.
        leaf: usize,
        /// Name of the column.
        column: String,
    },
}

impl LabelColumn {
    /// Name of the label or the map column, for messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Text { label, .. } => label,
            Self::Map { column, .. } => column,
        }
    }
}

/// What is where in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    /// Leaf column of the stamps.
    pub(crate) stamp_leaf: usize,
    /// Their unit.
    pub(crate) stamp_unit: StampUnit,
    /// Leaf column of the values.
    pub(crate) value_leaf: usize,
    /// Their kind.
    pub(crate) value_kind: ValueKind,
    /// Label columns in the order of the file.
    pub(crate) labels: Vec<LabelColumn>,
}

/// Finds stamps, values and labels in a schema.
pub(crate) fn layout(place: &str, schema: &SchemaDescriptor, o: &ParquetOptions) -> Result<Layout, SourceError> {
    let (mut stamp, mut value, mut others) = (None, None, Vec::new());
    let mut leaf = 0;
    for field in schema.root_schema().get_fields() {
        let name = field.name();
        let first = leaf;
        leaf += leaves(field);
        if name == o.timestamp_column {
            stamp = Some((first, stamp_unit(place, field)?));
        } else if name == o.value_column {
            value = Some((first, value_kind(place, field)?));
        } else if !o.ignore_columns.iter().any(|c| c == name) {
            others.push((field, first));
        }
    }
    let missing = |column: &str, option: &str| {
        let names: Vec<_> = schema.root_schema().get_fields().iter().map(|f| f.name()).collect();
        let what = format!("there is no column '{column}' (columns: {})", names.join(", "));
        SourceError::invalid(place, what, format!("name the right one by the option {option}"))
    };
    let (stamp_leaf, stamp_unit) = stamp.ok_or_else(|| missing(&o.timestamp_column, "timestamp_column"))?;
    let is_histogram = |(field, _): &(&Arc<Type>, usize)| field.name() == HISTOGRAMS && is_text(field);
    if value.is_none()
        && let Some(at) = others.iter().position(is_histogram)
    {
        value = Some((others.remove(at).1, ValueKind::Histogram));
    }
    let (value_leaf, value_kind) = value.ok_or_else(|| missing(&o.value_column, "value_column"))?;
    // Labels after that: a mistyped stamp column must not be refused as a label first.
    let mut labels: Vec<LabelColumn> =
        others.into_iter().map(|(field, first)| label(place, field, first, o)).collect::<Result<_, _>>()?;
    if let Some(map) = &o.labels_column
        && !labels.iter().any(|l| matches!(l, LabelColumn::Map { column, .. } if column == map))
    {
        return Err(missing(map, "labels_column"));
    }
    // The map comes last so that it wins.
    labels.sort_by_key(|l| matches!(l, LabelColumn::Map { .. }));
    Ok(Layout { stamp_leaf, stamp_unit, value_leaf, value_kind, labels })
}

fn leaves(field: &Type) -> usize {
    if field.is_primitive() { 1 } else { field.get_fields().iter().map(|f| leaves(f)).sum() }
}

fn is_repeated(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.has_repetition() && info.repetition() == parquet::basic::Repetition::REPEATED
}

fn physical(field: &Type) -> Option<Physical> {
    (field.is_primitive() && !is_repeated(field)).then(|| field.get_physical_type())
}

fn type_name(field: &Type) -> String {
    let info = field.get_basic_info();
    match (field.is_primitive(), info.logical_type_ref(), info.converted_type()) {
        (_, Some(LogicalType::String), _) | (_, _, ConvertedType::UTF8) => "text".to_owned(),
        (_, Some(logical), _) => format!("{logical:?}"),
        (true, None, ConvertedType::NONE) => field.get_physical_type().to_string(),
        (true, None, converted) => converted.to_string(),
        (false, None, _) => "a group of columns".to_owned(),
    }
}

fn stamp_unit(place: &str, field: &Type) -> Result<StampUnit, SourceError> {
    let info = field.get_basic_info();
    let unit = match (physical(field), info.logical_type_ref(), info.converted_type()) {
        (Some(Physical::INT64), Some(LogicalType::Timestamp(t)), _) => match t.unit {
            TimeUnit::MILLIS => Some(StampUnit::Times(1)),
            TimeUnit::MICROS => Some(StampUnit::Over(1_000)),
            TimeUnit::NANOS => Some(StampUnit::Over(1_000_000)),
        },
        (Some(Physical::INT64), None, ConvertedType::TIMESTAMP_MICROS) => Some(StampUnit::Over(1_000)),
        (Some(Physical::INT64), None | Some(LogicalType::Integer(_)), _) => Some(StampUnit::Times(1)),
        _ => None,
    };
    unit.ok_or_else(|| {
        let what = format!("the timestamp column '{}' is {}", field.name(), type_name(field));
        SourceError::invalid(place, what, "make it a timestamp, or an int64 of milliseconds since 1970")
    })
}

fn value_kind(place: &str, field: &Type) -> Result<ValueKind, SourceError> {
    let info = field.get_basic_info();
    let plain = matches!(info.logical_type_ref(), None | Some(LogicalType::Integer(_)))
        && info.converted_type() != ConvertedType::DECIMAL;
    let unsigned = matches!(
        info.converted_type(),
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
    );
    match (physical(field).filter(|_| plain), unsigned) {
        (Some(Physical::DOUBLE), _) => Ok(ValueKind::Double),
        (Some(Physical::FLOAT), _) => Ok(ValueKind::Float),
        (Some(Physical::INT32), false) => Ok(ValueKind::Int32),
        (Some(Physical::INT32), true) => Ok(ValueKind::Uint32),
        (Some(Physical::INT64), false) => Ok(ValueKind::Int64),
        (Some(Physical::INT64), true) => Ok(ValueKind::Uint64),
        _ => {
            let what = format!("the value column '{}' is {}", field.name(), type_name(field));
            Err(SourceError::invalid(place, what, "make it a double, a float or an integer"))
        }
    }
}

fn label(place: &str, field: &Type, leaf: usize, o: &ParquetOptions) -> Result<LabelColumn, SourceError> {
    let name = field.name();
    if is_text(field) {
        let label = if name == o.name_column { METRIC_NAME } else { name };
        return Ok(LabelColumn::Text { leaf, label: label.to_owned() });
    }
    if o.labels_column.as_deref().unwrap_or(LABELS_MAP) == name && is_string_map(field) {
        return Ok(LabelColumn::Map { leaf, column: name.to_owned() });
    }
    let what = format!("the column '{name}' is {}, and a label has to be a string", type_name(field));
    Err(SourceError::invalid(
        place,
        what,
        "turn it into strings, leave it out, or name it by the option ignore_columns",
    ))
}

fn is_text(field: &Type) -> bool {
    physical(field) == Some(Physical::BYTE_ARRAY) && field.get_basic_info().converted_type() != ConvertedType::DECIMAL
}

fn is_string_map(field: &Type) -> bool {
    let [entries] = (if field.is_primitive() { &[] } else { field.get_fields() }) else { return false };
    let [key, value] = (if entries.is_primitive() { &[] } else { entries.get_fields() }) else { return false };
    let text = |t: &Type| physical(t) == Some(Physical::BYTE_ARRAY);
    !is_repeated(field) && is_repeated(entries) && text(key) && text(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use parquet::schema::parser::parse_message_type;

    fn of(message: &str, o: &ParquetOptions) -> Result<Layout, SourceError> {
        layout("f", &SchemaDescriptor::new(Arc::new(parse_message_type(message).unwrap())), o)
    }

    #[test]
    fn every_string_is_a_label_and_a_map_holds_more() {
        let l = of(
            "message m { optional int64 timestamp (TIMESTAMP(NANOS,true));
               optional group labels (MAP) { repeated group e { required binary key (UTF8); optional binary value (UTF8); } }
               optional binary job (UTF8); required float value; }",
            &ParquetOptions::default(),
        )
        .unwrap();
        assert_eq!((l.stamp_unit, l.value_leaf, l.value_kind), (StampUnit::Over(1_000_000), 4, ValueKind::Float));
        let want =
            [LabelColumn::Text { leaf: 3, label: "job".into() }, LabelColumn::Map { leaf: 1, column: "labels".into() }];
        assert_eq!(l.labels, want);
    }

    #[test]
    fn wrong_types_and_missing_columns_are_named() {
        let o = ParquetOptions::default();
        for (message, want) in [
            ("message m { required int64 timestamp; }", "no column 'value'"),
            (
                "message m { required double value; required binary x (UTF8); }",
                "no column 'timestamp' (columns: value, x)",
            ),
            ("message m { required binary timestamp (UTF8); }", "timestamp column 'timestamp' is text"),
            ("message m { required int64 timestamp; required binary value (UTF8); }", "value column 'value' is text"),
            (
                "message m { required int64 timestamp; required double value; required int32 shard; }",
                "'shard' is INT32",
            ),
        ] {
            let text = of(message, &o).unwrap_err().to_string();
            assert!(text.contains(want), "{text}");
        }
        let o = ParquetOptions { ignore_columns: vec!["shard".into()], ..o };
        assert!(of("message m { required int64 timestamp; required double value; required int32 shard; }", &o).is_ok());
    }

    #[test]
    fn stamps_before_1970_round_down() {
        assert_eq!(StampUnit::Over(1_000).to_ms(-1), Some(-1));
        assert_eq!(StampUnit::Times(1_000).to_ms(i64::MAX), None);
    }
}
