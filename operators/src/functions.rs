//! Names of the functions that plan rows refer to: the kernels' own.

pub use crate::aggregate::{AggOp, Choice, limit_fault};
pub use crate::arith::BinOp;
pub use crate::math::MathFn;
pub use crate::native::HistogramFn;
pub use crate::over_time::smoothing_refuses;
pub use crate::range::{Extended, ExtendedFn, RangeFn};
