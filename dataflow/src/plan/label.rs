//! Short names of plan operators, for explanations.

use bellwether_operators::functions::Choice;
use bellwether_operators::functions::RangeFn;
use bellwether_operators::program::{Cardinality, Grouping, Op, PinnedWindow, Reading, SetOp, Source};
use promql_parser::util::display_duration;
use std::time::Duration;

/// One line that says what a node does, without its operands.
pub fn op_label(op: &Op) -> String {
    match op {
        Op::Number(v) => format!("number {}", super::passes::fold::number_text(*v)),
        Op::Time => "time".to_owned(),
        Op::ScalarBinary(op) => format!("scalar {op:?}"),
        Op::ScalarMap(f) => format!("scalar {f:?}"),
        Op::ScalarOf => "scalar of vector".to_owned(),
        Op::VectorOf => "vector of scalar".to_owned(),
        Op::Instant { offset_ms, reading, .. } => format!("instant{}{}", reading_text(*reading), offset(*offset_ms)),
        Op::Range { source, func, range_ms, offset_ms, .. } => {
            let from = match source {
                Source::Selector(_) => "",
                Source::Ring(_) => " of ring",
                Source::Pin(_) => " of pin",
            };
            let window = |range_ms: i64, offset_ms: i64| format!("[{}]{}", duration(range_ms), offset(offset_ms));
            match func {
                RangeFn::Extended(f) => {
                    let (word, window) =
                        (if f.smoothed { "smoothed" } else { "anchored" }, window(f.range_ms, f.offset_ms));
                    format!("range {:?} {window} {word}{from}", f.func)
                }
                func => format!("range {func:?} {}{from}", window(*range_ms, *offset_ms)),
            }
        }
        Op::Pin { at_ms, window, .. } => pin_label(*at_ms, window.as_ref()),
        Op::Ring { retain_ms, .. } => format!("ring keeps {}", duration(*retain_ms)),
        Op::Map(f) => format!("map {f:?}"),
        Op::Arith { op, side, bool_mode } => format!("arith {op:?} scalar {side:?}{}", bool_text(*bool_mode)),
        Op::LabelReplace { dst, .. } => format!("label_replace {dst}"),
        Op::LabelJoin { dst, .. } => format!("label_join {dst}"),
        Op::Aggregate { op, grouping } => format!("aggregate {op:?} {}", grouping_text(grouping, "by", "without")),
        Op::TopK { choice, grouping } => {
            let name = match choice {
                Choice::Greatest => "topk",
                Choice::Least => "bottomk",
                Choice::Any => "limitk",
            };
            format!("{name} {}", grouping_text(grouping, "by", "without"))
        }
        Op::LimitRatio => "limit_ratio".to_owned(),
        Op::CountValues { label, grouping } => {
            let label = label.as_deref().unwrap_or("nothing");
            format!("count_values {label} {}", grouping_text(grouping, "by", "without"))
        }
        Op::Absent { .. } => "absent".to_owned(),
        Op::HistogramQuantile | Op::HistogramFraction | Op::HistogramStat(_) => histogram_label(op),
        Op::Binary { op, bool_mode, matching } => {
            let card = match matching.card {
                Cardinality::OneToOne => String::new(),
                Cardinality::ManyToOne => format!(" group_left ({})", matching.include.join(", ")),
                Cardinality::OneToMany => format!(" group_right ({})", matching.include.join(", ")),
            };
            let fills = if matching.fills() { " fills" } else { "" };
            let key = grouping_text(&matching.key, "on", "ignoring");
            format!("match {op:?}{} {key}{card}{fills}", bool_text(*bool_mode))
        }
        Op::Set { op, key } => format!("{} {}", set_text(*op), grouping_text(key, "on", "ignoring")),
        Op::Info { labels, .. } => {
            format!("info {}", if labels.is_empty() { "all".to_owned() } else { labels.join(", ") })
        }
        Op::DropName { marked } => format!("drop name{}", if *marked { " where marked" } else { "" }),
        Op::Exchange => "exchange".to_owned(),
        Op::Alert(spec) => format!("alert {}", spec.name),
        Op::Record(spec) => format!("record {}", spec.name),
        Op::Broadcast(_) => "broadcast".to_owned(),
        Op::Tap(spec) => format!("tap {}", spec.tag),
    }
}

fn pin_label(at_ms: i64, window: Option<&PinnedWindow>) -> String {
    let window = window.map_or(String::new(), |w| format!(" [{}]{}", duration(w.range_ms), offset(w.offset_ms)));
    format!("pin{window} @ {}", seconds(at_ms))
}

fn reading_text(reading: Reading) -> &'static str {
    match reading {
        Reading::Value => "",
        Reading::Time => " timestamp",
        Reading::StartTime => " start_timestamp",
        Reading::Info => " info",
    }
}

fn bool_text(bool_mode: bool) -> &'static str {
    if bool_mode { " bool" } else { "" }
}

/// `and`, `or`, `unless`.
pub fn set_text(op: SetOp) -> &'static str {
    match op {
        SetOp::And => "and",
        SetOp::Or => "or",
        SetOp::Unless => "unless",
    }
}

fn grouping_text(grouping: &Grouping, by: &str, without: &str) -> String {
    match grouping {
        Grouping::By(l) => format!("{by} ({})", l.join(", ")),
        Grouping::Without(l) => format!("{without} ({})", l.join(", ")),
    }
}

fn offset(ms: i64) -> String {
    match ms {
        0 => String::new(),
        ms if ms < 0 => format!(" offset -{}", duration(-ms)),
        ms => format!(" offset {}", duration(ms)),
    }
}

/// An instant as `@` writes it.
pub fn seconds(at_ms: i64) -> String {
    format!("{}{}.{:03}", if at_ms < 0 { "-" } else { "" }, at_ms.unsigned_abs() / 1000, at_ms.unsigned_abs() % 1000)
}

/// A duration as PromQL writes it.
pub fn duration(ms: i64) -> String {
    display_duration(&Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

fn histogram_label(op: &Op) -> String {
    match op {
        Op::HistogramStat(f) => format!("histogram {f:?}"),
        Op::HistogramFraction => "histogram_fraction".to_owned(),
        _ => "histogram_quantile".to_owned(),
    }
}
