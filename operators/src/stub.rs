//! TEMPORARY stand-ins for kernels that are being written; removed when they land.
#![allow(missing_docs, unused_variables, dead_code)]

use crate::functions::{AggOp, BinOp, MathFn, RangeFn};
use bellwether_model::{Block, Labels, Row, RowMut, StepRange};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> { pub base_ms: i64, pub stamps: &'a [u32], pub values: &'a [f64] }
#[derive(Clone, Copy, Debug)]
pub struct WindowSpec { pub range_ms: i64, pub offset_ms: i64 }
#[derive(Debug, Default)]
pub struct Scratch;
pub fn instant(s: Samples<'_>, steps: StepRange, offset: i64, lookback: i64, mask: Option<&[u64]>, out: RowMut<'_>) {}
pub fn timestamp(s: Samples<'_>, steps: StepRange, offset: i64, lookback: i64, mask: Option<&[u64]>, out: RowMut<'_>) {}
#[allow(clippy::too_many_arguments)]
pub fn range(f: RangeFn, s: Samples<'_>, steps: StepRange, spec: WindowSpec, args: &[Row<'_>], mask: Option<&[u64]>, k: &mut Scratch, out: RowMut<'_>) {}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partial;
impl Partial {
    pub fn new(op: AggOp, steps: usize) -> Self { Self }
    pub fn reset(&mut self, op: AggOp, steps: usize) {}
    pub fn add(&mut self, row: Row<'_>) {}
    pub fn merge(&mut self, other: &Partial) {}
    pub fn finish(&self, param: Option<Row<'_>>, out: RowMut<'_>) {}
    pub fn is_absent(&self) -> bool { true }
}
pub struct TopK;
impl TopK {
    pub fn new(bottom: bool, k: Row<'_>, steps: usize) -> Self { Self }
    pub fn add(&mut self, row: Row<'_>, rank: u64) {}
    pub fn selected(&self) -> Vec<(usize, u64)> { Vec::new() }
}
pub fn vector_vector(op: BinOp, b: bool, l: Row<'_>, r: Row<'_>, out: RowMut<'_>) {}
pub fn vector_scalar(op: BinOp, side: crate::program::ScalarSide, b: bool, s: Row<'_>, out: RowMut<'_>) {}
pub fn scalar_scalar(op: BinOp, l: f64, r: f64) -> f64 { 0.0 }
pub fn apply_math(f: MathFn, args: &[Row<'_>], out: RowMut<'_>) {}
#[derive(Debug, Default)]
pub struct HistogramScratch;
pub fn parse_le(s: &str) -> Option<f64> { None }
pub fn histogram_quantile(q: Row<'_>, bounds: &[f64], rows: &Block, k: &mut HistogramScratch, out: RowMut<'_>) {}
#[derive(Debug)]
pub struct LabelReplace;
impl LabelReplace {
    pub fn new(dst: &str, replacement: &str, src: &str, regex: &str) -> Result<Self, String> { Ok(Self) }
    pub fn apply(&self, l: &Labels) -> Labels { l.clone() }
}
pub fn label_join(l: &Labels, dst: &str, sep: &str, src: &[String]) -> Labels { l.clone() }
impl RangeFn { pub fn keeps_name(self) -> bool { matches!(self, Self::LastOverTime | Self::FirstOverTime) } }
impl BinOp { pub fn is_comparison(self) -> bool { matches!(self, Self::Eq | Self::Ne | Self::Gt | Self::Lt | Self::Ge | Self::Le) } }
