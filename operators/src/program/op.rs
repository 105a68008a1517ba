//! What a node computes.

use super::{Grid, Matcher, ResultOrder};
use crate::functions::{AggOp, BinOp, Choice, Extended, HistogramFn, MathFn, RangeFn};
use bellwether_model::NodeId;
use serde::{Deserialize, Serialize};

/// Where windows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// Series of a selector: index into `Program::selectors`.
    Selector(usize),
    /// The samples that an [`Op::Ring`] node keeps: its node index.
    Ring(usize),
    /// What an [`Op::Pin`] node keeps: its node index. The window is the same at every instant.
    Pin(usize),
}

impl Source {
    /// The node whose samples are read: a ring, or a pin.
    pub fn sampled(self) -> Option<usize> {
        match self {
            Self::Ring(n) | Self::Pin(n) => Some(n),
            Self::Selector(_) => None,
        }
    }
}

/// The window that an [`Op::Pin`] node keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PinnedWindow {
    /// Selector or ring.
    pub source: Source,
    /// ms.
    pub range_ms: i64,
    /// ms; may be negative.
    pub offset_ms: i64,
}

/// Which operand of a vector-scalar operator is the scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScalarSide {
    /// `scalar op vector`
    Left,
    /// `vector op scalar`
    Right,
}

/// What an instant selector gives of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reading {
    /// Its value.
    Value,
    /// Its time in seconds (`timestamp(selector)`); drops the name.
    Time,
    /// When its counter began to count, in seconds, 0 where that is not known (`start_timestamp(selector)`); drops the name.
    StartTime,
    /// Of a float its time in seconds, a histogram as it is: by what [`Op::Info`] chooses. Keeps the name.
    Info,
}

impl Reading {
    /// Whether elements lose their name.
    pub fn drops_name(self) -> bool {
        self.function().is_some()
    }

    /// The function of a selector that reads so.
    pub fn function(self) -> Option<&'static str> {
        match self {
            Self::Time => Some("timestamp"),
            Self::StartTime => Some("start_timestamp"),
            Self::Value | Self::Info => None,
        }
    }
}

/// `by (…)` or `without (…)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Grouping {
    /// Keep these labels only; sorted.
    By(Vec<String>),
    /// Drop these labels, the metric name and what goes with it; sorted.
    Without(Vec<String>),
}

/// Which side of a match may have several elements in a match group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cardinality {
    /// One element on each side.
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

/// How a vector match pairs elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Matching {
    /// `on` = [`Grouping::By`]; `ignoring` and the default = [`Grouping::Without`].
    pub key: Grouping,
    /// Sides.
    pub card: Cardinality,
    /// Labels of `group_left(…)`: copied from the one side; sorted.
    pub include: Vec<String>,
    /// `fill_left(…)`: bits of the value that stands for a left element where a right one has no match.
    pub fill_left: Option<u64>,
    /// `fill_right(…)`: likewise for a right element.
    pub fill_right: Option<u64>,
}

impl Matching {
    /// Whether elements without a match have a result.
    pub fn fills(&self) -> bool {
        self.fill_left.is_some() || self.fill_right.is_some()
    }
}

/// Set operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SetOp {
    /// Left elements with a match.
    And,
    /// Left elements, and right ones without a match.
    Or,
    /// Left elements without a match.
    Unless,
}

/// An alerting rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertSpec {
    /// State identity: H(tenant, file, group, name, constant labels).
    pub rule_id: u128,
    /// Version of the rule: H of everything that is written in it.
    pub version: u128,
    /// Rule file as named.
    pub file: String,
    /// Group name.
    pub group: String,
    /// Alert name.
    pub name: String,
    /// Hold duration, ms.
    pub for_ms: i64,
    /// ms; 0 = off.
    pub keep_firing_for_ms: i64,
    /// Templates of the rule's labels, group labels merged; sorted by name.
    pub labels: Vec<(String, String)>,
    /// Templates of the annotations; sorted by name.
    pub annotations: Vec<(String, String)>,
    /// What the templates query, as far as the program answers it; by text.
    pub queries: Vec<TemplateQuery>,
    /// Most alerts at a step; 0 = any number.
    pub limit: usize,
    /// A step is `t + query_offset_ms`.
    pub query_offset_ms: i64,
    /// How long samples have to be known before what is absent is so, ms; 0 where nothing of the result rests on absence.
    pub absence_ms: i64,
    /// How far back its result reads, ms: where samples were lost, an alert that is not seen is not ended sooner after it.
    pub reads_ms: i64,
    /// Producer number of its `ALERTS` and `ALERTS_FOR_STATE` series, where a selector reads them.
    pub producer: Option<usize>,
    /// Of a rule whose decisions are looked at again once late samples are in.
    pub late: Option<LateSpec>,
}

impl AlertSpec {
    /// Whether this is a second evaluation.
    pub fn is_again(&self) -> bool {
        self.late.is_some_and(|late| late.again)
    }
}

/// A rule that is evaluated twice: at once, and again when samples that came late are in. What the two decide differently is
/// corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateSpec {
    /// The rule, whichever of the two this is: state identity of the first one.
    pub rule_id: u128,
    /// Whether this is the second evaluation.
    pub again: bool,
    /// Grid of the first one.
    pub first: Grid,
    /// Grid of the second one.
    pub second: Grid,
    /// How much later the second one is, ms.
    pub within_ms: i64,
    /// Whether its decisions count; else it is evaluated again because others read it.
    pub decides: bool,
    /// Whether receivers are to hear of corrections.
    pub amends: bool,
}

/// A query that is written out in a template of an alerting rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateQuery {
    /// As written.
    pub text: String,
    /// Which operand of the alert answers it: an [`Op::Broadcast`]; or why it cannot be answered.
    pub answer: Result<usize, String>,
}

/// A recording rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordSpec {
    /// State identity, as in [`AlertSpec`].
    pub rule_id: u128,
    /// Group name.
    pub group: String,
    /// Metric name of the result.
    pub name: String,
    /// Labels to set, group labels merged; sorted by name.
    pub labels: Vec<(String, String)>,
    /// Most elements at a step; 0 = any number.
    pub limit: usize,
    /// Stamps are `t`; a step is `t + query_offset_ms`.
    pub query_offset_ms: i64,
    /// Producer number, where a selector reads the series.
    pub producer: Option<usize>,
    /// Whether this is a second evaluation, as in [`LateSpec`].
    pub again: bool,
}

/// Hands a rule's or query's result vector to the output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TapSpec {
    /// Index that the reader of the output gave the rule or query.
    pub tag: usize,
    /// A step is `t + query_offset_ms`.
    pub query_offset_ms: i64,
    /// How whoever shows the result of one instant orders it.
    pub order: ResultOrder,
    /// Of a pin's samples, the window that is cut out of them: `anchored` or `smoothed` as a whole query.
    pub framed: Option<Extended>,
}

/// What a node computes. `inputs` are given in brackets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// A scalar literal. []
    Number(f64),
    /// `time()`: the instant in seconds, a scalar. []
    Time,
    /// Operator of two scalars (comparisons with `bool`). [left, right]
    ScalarBinary(BinOp),
    /// A scalar function of scalars, `-x` included. [args…]
    ScalarMap(MathFn),
    /// `scalar(v)`. (operands: vector); sending: every worker gets the value.
    ScalarOf,
    /// `vector(s)`: one element without labels, on the owner of the empty key. (operands: scalar)
    VectorOf,
    /// Instant selector; its window is `(t - offset - lookback, t - offset]`. []
    Instant {
        /// Index into `Program::selectors`.
        selector: usize,
        /// ms; may be negative.
        offset_ms: i64,
        /// ms.
        lookback_ms: i64,
        /// What is read of the sample.
        reading: Reading,
    },
    /// Range function over `(t - offset - range, t - offset]`; of a pin, `t` is the pin's instant. [scalar parameters…]
    Range {
        /// Selector, ring or pin.
        source: Source,
        /// The function.
        func: RangeFn,
        /// ms.
        range_ms: i64,
        /// ms; may be negative.
        offset_ms: i64,
        /// Whether start timestamps count.
        starts: bool,
    },
    /// Keeps the results of a subquery's inner expression on the inner grid as samples. (operands: vector)
    Ring {
        /// How far back its readers look from their instant, ms.
        retain_ms: i64,
        /// Identity of what it keeps, wherever that is placed: results go where a new program wants them.
        of: NodeId,
    },
    /// Keeps what was there at one instant: the operand's elements, or the samples of a window. On a grid of that instant
    /// only. (operands: vector, or none with a window)
    Pin {
        /// The instant, ms.
        at_ms: i64,
        /// Keeps this window's samples instead.
        window: Option<PinnedWindow>,
        /// Identity of what it keeps, wherever that is placed: it goes where a new program wants it.
        of: NodeId,
    },
    /// Element-wise function; drops the name. [vector, scalar parameters…]
    Map(MathFn),
    /// Vector-scalar operator. [vector, scalar] whatever the side.
    Arith {
        /// Operator.
        op: BinOp,
        /// Which operand of the expression the scalar is.
        side: ScalarSide,
        /// `bool`: 0 or 1 instead of a filter.
        bool_mode: bool,
    },
    /// `label_replace(v, dst, replacement, src, regex)`. (operands: vector)
    LabelReplace {
        /// Label to write.
        dst: String,
        /// Replacement with `$1`.
        replacement: String,
        /// Label to read.
        src: String,
        /// Anchored regex.
        regex: String,
    },
    /// `label_join(v, dst, sep, src…)`. (operands: vector)
    LabelJoin {
        /// Label to write.
        dst: String,
        /// Separator.
        sep: String,
        /// Labels to read.
        src: Vec<String>,
    },
    /// Aggregation. [vector, scalar parameter?]; where `exchange` is set, partials of aligned subtrees travel.
    Aggregate {
        /// Function.
        op: AggOp,
        /// Grouping.
        grouping: Grouping,
    },
    /// `topk`, `bottomk`, `limitk`: elements keep their labels. [vector, scalar k]
    TopK {
        /// Which elements of a group.
        choice: Choice,
        /// Grouping.
        grouping: Grouping,
    },
    /// `limit_ratio`: elements keep their labels. [vector, scalar ratio]
    LimitRatio,
    /// `count_values("label", v)`: an element for each value of a group. (operands: vector); needs whole groups.
    CountValues {
        /// The label that gets the value; `None` where the grouping drops it.
        label: Option<String>,
        /// Grouping by the other labels.
        grouping: Grouping,
    },
    /// `absent(v)`: one element with these labels at instants without any element. (operands: vector); sending (to the owner of
    /// the empty key).
    Absent {
        /// Labels of the element; sorted.
        labels: Vec<(String, String)>,
    },
    /// `histogram_quantile(q, v)`, native or classic. [scalar q, vector]; groups by all labels but `le` and the name.
    HistogramQuantile,
    /// `histogram_fraction(lower, upper, v)`, native or classic. [scalar lower, scalar upper, vector]; groups likewise.
    HistogramFraction,
    /// `histogram_count` and its kin: a float of each native histogram; drops the name. (operand: vector)
    HistogramStat(HistogramFn),
    /// Operator of two vectors. [left, right]
    Binary {
        /// Operator.
        op: BinOp,
        /// `bool`
        bool_mode: bool,
        /// Matching.
        matching: Matching,
    },
    /// Set operator. [left, right]
    Set {
        /// Operator.
        op: SetOp,
        /// Match key.
        key: Grouping,
    },
    /// `info(v, {…})`: elements get the labels that they have not from info series with their `instance` and `job`.
    /// [vector, info series read by [`Reading::Info`]]
    Info {
        /// Matchers of the name that tell info series, which get no labels themselves.
        names: Vec<Matcher>,
        /// Labels that are added; sorted. None: all.
        labels: Vec<String>,
        /// Whether elements without an info series are dropped.
        required: bool,
    },
    /// Drops the names of elements, or of marked ones only, in a program that leaves them until the end. (operands: vector)
    DropName {
        /// Only of elements with the label [`bellwether_model::DROPPED`].
        marked: bool,
    },
    /// Moves elements to the owner of `Node::exchange`'s key; labels and values stay. (operands: vector); sending.
    Exchange,
    /// The elements on every worker, at each instant in this order: what templates query. (operands: vector); sending. Ends
    /// verdicts: where its operand fails there is no answer, and nobody else fails.
    Broadcast(ResultOrder),
    /// Alerting rule. [vector, answers to what its templates query…]; sending (its verdict): the send part finds identities and duplicates, the eval part
    /// applies the transitions.
    Alert(Box<AlertSpec>),
    /// Recording rule. (operands: vector); sending (its verdict).
    Record(Box<RecordSpec>),
    /// Result of a rule or query as it is; of a pin the samples that it keeps. (operands: vector, scalar or pin)
    Tap(TapSpec),
}

impl Op {
    /// The labels by which [`Op::Info`] finds the info series of an element.
    pub fn info_key() -> Grouping {
        Grouping::By(vec!["instance".to_owned(), "job".to_owned()])
    }

    /// Where windows come from, for operators that read any.
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Instant { selector, .. } => Some(Source::Selector(*selector)),
            Self::Range { source, .. } => Some(*source),
            Self::Pin { window, .. } => window.map(|w| w.source),
            _ => None,
        }
    }

    /// The node whose samples are read: a ring, or a pin.
    pub fn sampled(&self) -> Option<usize> {
        self.source().and_then(Source::sampled)
    }

    /// The same, to be numbered anew.
    pub fn sampled_mut(&mut self) -> Option<&mut usize> {
        let source = match self {
            Self::Range { source, .. } => source,
            Self::Pin { window: Some(window), .. } => &mut window.source,
            _ => return None,
        };
        match source {
            Source::Ring(n) | Source::Pin(n) => Some(n),
            Source::Selector(_) => None,
        }
    }

    /// How far the instant of an effect lies before its step, ms.
    pub fn query_offset_ms(&self) -> i64 {
        match self {
            Self::Alert(spec) => spec.query_offset_ms,
            Self::Record(spec) => spec.query_offset_ms,
            Self::Tap(spec) => spec.query_offset_ms,
            _ => 0,
        }
    }

    /// Whether it is an effect of a second evaluation, as in [`LateSpec`].
    pub fn is_again(&self) -> bool {
        match self {
            Self::Alert(spec) => spec.is_again(),
            Self::Record(spec) => spec.again,
            _ => false,
        }
    }

    /// The rule of an effect, as `group/name`; a recorded series by its name.
    pub fn rule(&self) -> Option<String> {
        match self {
            Self::Alert(spec) => Some(format!("{}/{}", spec.group, spec.name)),
            Self::Record(spec) => Some(format!("{}/{}", spec.group, spec.name)),
            _ => None,
        }
    }

    /// The producer number of a rule whose series are read.
    pub fn producer(&self) -> Option<usize> {
        match self {
            Self::Alert(spec) => spec.producer,
            Self::Record(spec) => spec.producer,
            _ => None,
        }
    }
}
