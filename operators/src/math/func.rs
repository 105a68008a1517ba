//! Names of the element-wise functions.

use serde::{Deserialize, Serialize};

macro_rules! functions {
    ($($variant:ident $name:literal,)*) => {
        /// A function of a value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum MathFn {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        const NAMES: &[(MathFn, &str)] = &[$((MathFn::$variant, $name),)*];
    };
}

functions! {
    Abs "abs",
    Ceil "ceil",
    Floor "floor",
    Exp "exp",
    Ln "ln",
    Log2 "log2",
    Log10 "log10",
    Sqrt "sqrt",
    Sgn "sgn",
    Round "round",
    Clamp "clamp",
    ClampMin "clamp_min",
    ClampMax "clamp_max",
    Negate "-",
    Present "present",
    Sin "sin",
    Cos "cos",
    Tan "tan",
    Asin "asin",
    Acos "acos",
    Atan "atan",
    Sinh "sinh",
    Cosh "cosh",
    Tanh "tanh",
    Asinh "asinh",
    Acosh "acosh",
    Atanh "atanh",
    Deg "deg",
    Rad "rad",
    Minute "minute",
    Hour "hour",
    DayOfWeek "day_of_week",
    DayOfMonth "day_of_month",
    DayOfYear "day_of_year",
    DaysInMonth "days_in_month",
    Month "month",
    Year "year",
    MaxOf "max_of",
    MinOf "min_of",
}

impl MathFn {
    /// The function that PromQL calls `name`; the unary minus is `-`, and `present` (1 where an element is) has no name there.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, n)| *n == name).map(|(f, _)| *f)
    }

    /// Its name in PromQL.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(f, _)| *f == self).map_or("", |(_, n)| n)
    }

    /// Most scalar parameters it takes; `round` may also have none.
    pub fn parameters(self) -> usize {
        match self {
            Self::Clamp => 2,
            Self::Round | Self::ClampMin | Self::ClampMax | Self::MaxOf | Self::MinOf => 1,
            _ => 0,
        }
    }
}
