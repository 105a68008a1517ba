//! Bounds of buckets.
//!
//! # Semantics (Prometheus model/histogram, `getBound`)
//! The bounds of exponential buckets equal those of Prometheus's table bit for bit. Its table was made by multiplying
//! with roots of two, level by level; so are they here, from the same roots.

use super::CUSTOM_SCHEMA;

/// The exponent at which a bound is past the largest number: that bucket ends at the largest number, so that infinite
/// observations have a bucket of their own.
const OVERFLOW: i64 = 1024;

/// `2^(2^-level)` for levels 1 to 8: each is the square root of the one before, but for the first, whose last bit is off
/// in Prometheus's table.
const ROOTS: [f64; 8] = [
    f64::from_bits(0x3ff6_a09e_667f_3bcc),
    1.189207115002721,
    1.0905077326652577,
    1.0442737824274138,
    1.0218971486541166,
    1.0108892860517005,
    1.0054299011128027,
    1.0027112750502025,
];

/// `x × 2^exponent`, also where the power alone is out of range.
fn scale(x: f64, exponent: i64) -> f64 {
    let exponent = exponent.clamp(-2000, 2000);
    let half = exponent / 2;
    let power = |e: i64| f64::from_bits(((e + 1023) as u64) << 52);
    x * power(half) * power(exponent - half)
}

/// Upper bound of the bucket with an index in an exponential schema.
pub(super) fn exponential(index: i32, schema: i8) -> f64 {
    let index = i64::from(index);
    if schema < 0 {
        return whole(index << u32::from(schema.unsigned_abs()));
    }
    let fraction = index & ((1 << schema) - 1);
    let exponent = index >> schema;
    if fraction == 0 {
        return whole(exponent);
    }
    let mut root = 0.5;
    for (level, factor) in ROOTS.iter().enumerate().take(schema as usize) {
        if fraction >> (schema as usize - 1 - level) & 1 == 1 {
            root *= factor;
        }
    }
    scale(root, exponent + 1)
}

fn whole(exponent: i64) -> f64 {
    if exponent == OVERFLOW { f64::MAX } else { scale(1.0, exponent) }
}

/// Upper bound of a bucket; its lower one is that of the index before.
pub(super) fn upper(index: i32, schema: i8, custom_values: &[f64]) -> f64 {
    if schema != CUSTOM_SCHEMA {
        return exponential(index, schema);
    }
    match usize::try_from(index) {
        Ok(i) => custom_values.get(i).copied().unwrap_or(f64::INFINITY),
        Err(_) => f64::NEG_INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_square_roots_but_for_the_first() {
        let mut exact = 2f64.sqrt();
        assert_eq!(ROOTS[0].to_bits() + 1, exact.to_bits());
        for root in &ROOTS[1..] {
            exact = exact.sqrt();
            assert_eq!(root.to_bits(), exact.to_bits());
        }
    }

    #[test]
    fn bounds_are_powers_of_two_and_what_lies_between() {
        assert_eq!([0, 1, 2, -1].map(|i| exponential(i, 0)), [1.0, 2.0, 4.0, 0.5]);
        assert_eq!([0, 1, -1].map(|i| exponential(i, -2)), [1.0, 16.0, 0.0625]);
        assert_eq!(exponential(1, 1), ROOTS[0]);
        assert_eq!(exponential(3, 2), 1.6817928305074288);
        assert_eq!(exponential(1024, 0), f64::MAX);
        assert_eq!(exponential(1025, 0), f64::INFINITY);
        assert_eq!(exponential(-1074, 0), 5e-324);
        assert_eq!(exponential(i32::MAX, 8), f64::INFINITY);
        assert_eq!(exponential(i32::MIN, -9), 0.0);
    }

    #[test]
    fn a_coarser_schema_has_every_other_bound() {
        for schema in 1..=8i8 {
            for index in -600..600 {
                assert_eq!(exponential(2 * index, schema), exponential(index, schema - 1));
                assert!(exponential(index, schema) < exponential(index + 1, schema));
            }
        }
    }

    #[test]
    fn custom_bounds_end_at_infinity() {
        let upper = |i| upper(i, CUSTOM_SCHEMA, &[1.0, 2.5]);
        assert_eq!([-1, 0, 1, 2, 7].map(upper), [f64::NEG_INFINITY, 1.0, 2.5, f64::INFINITY, f64::INFINITY]);
    }
}
