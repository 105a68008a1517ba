//! Disturbs results that were rounded, to find out what depends on rounding.

use super::Env;
use crate::value::{Sampled, Value};
use bellwether_model::Histogram;
use std::sync::Arc;

/// The value, disturbed if the options say so.
pub fn disturbed(value: Value, env: &Env<'_>) -> Value {
    if env.options.noise == 0 {
        return value;
    }
    let seed = env.options.noise ^ (env.at_ms as u64).rotate_left(20);
    match value {
        Value::Scalar(v) => Value::Scalar(shaken(v, seed)),
        Value::Vector(mut elements) => {
            for (i, e) in elements.iter_mut().enumerate() {
                let seed = seed.wrapping_add(i as u64);
                match &mut e.value {
                    Sampled::Float(v) => *v = shaken(*v, seed),
                    Sampled::Histogram(h) => shake(Arc::make_mut(h), seed),
                }
            }
            Value::Vector(elements)
        }
        other => other,
    }
}

fn shake(h: &mut Histogram, seed: u64) {
    for x in [&mut h.count, &mut h.sum, &mut h.zero_count] {
        *x = shaken(*x, seed);
    }
    for side in [&mut h.positive, &mut h.negative] {
        *side = side.iter().map(|(index, count)| (index, shaken(count, seed.wrapping_add(index as u64)))).collect();
    }
}

/// Small multiples of 2^-20 are exact in whatever order they were added.
fn is_exact(v: f64) -> bool {
    v.abs() < 4e9 && (v * 1_048_576.0).fract() == 0.0
}

fn shaken(v: f64, seed: u64) -> f64 {
    if !v.is_finite() || is_exact(v) {
        return v;
    }
    let hash =
        (v.to_bits() ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let part = (hash >> 40) as f64 / (1u64 << 23) as f64 - 1.0;
    v * (1.0 + part * 1e-13)
}
