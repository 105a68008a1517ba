//! Functions of one number, and `round` and `clamp`, applied to each element.

use super::{Env, map, scalar, vector};
use crate::numeric::{go_max, go_min};
use crate::value::{Element, Fault, fail};
use promql_parser::parser::Call;

/// The function of that name.
pub fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "rad" => |v| v * (std::f64::consts::PI / 180.0),
        "deg" => |v| v * (180.0 / std::f64::consts::PI),
        "sgn" => |v| {
            if v < 0.0 {
                -1.0
            } else if v > 0.0 {
                1.0
            } else {
                v
            }
        },
        _ => return None,
    })
}

/// `round(v, to)`.
pub fn round(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let (v, to) = match c.args.args.as_slice() {
        [v] => (v, 1.0),
        [v, to] => (v, scalar(to, env)?),
        _ => return fail("wrong number of arguments"),
    };
    // Prometheus multiplies by the inverse, for exact results of small fractions.
    let inverse = 1.0 / to;
    map(vector(v, env)?, |x| (x * inverse + 0.5).floor() / inverse)
}

/// `clamp(v, min, max)`, `clamp_min(v, min)` and `clamp_max(v, max)`.
pub fn clamp(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let args = c.args.args.as_slice();
    let (v, min, max) = match (c.func.name, args) {
        ("clamp", [v, min, max]) => (v, scalar(min, env)?, scalar(max, env)?),
        ("clamp_min", [v, min]) => {
            let min = scalar(min, env)?;
            return map(vector(v, env)?, |x| go_max(min, x));
        }
        ("clamp_max", [v, max]) => {
            let max = scalar(max, env)?;
            return map(vector(v, env)?, |x| go_min(max, x));
        }
        _ => return fail("wrong number of arguments"),
    };
    // An error of the vector comes first.
    let elements = vector(v, env)?;
    if max < min {
        return Ok(Vec::new());
    }
    map(elements, |x| go_max(min, go_min(max, x)))
}
