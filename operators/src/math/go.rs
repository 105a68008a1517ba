//! Go's `math` functions where they differ from Rust's.

/// `math.Max`: NaN wins, except over +Inf.
#[inline(always)]
pub fn max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else if a > b {
        a
    } else {
        b
    }
}

/// `math.Min`: NaN wins, except over -Inf.
#[inline(always)]
pub fn min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { a } else { b }
    } else if a < b {
        a
    } else {
        b
    }
}

/// `math.Pow`, with its own multiplication order, so that whole exponents give its bits.
pub fn pow(x: f64, y: f64) -> f64 {
    if let Some(special) = special_pow(x, y) {
        return special;
    }
    let (mut whole, mut fraction) = (y.abs().trunc(), y.abs().fract());
    if fraction != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= (1u64 << 63) as f64 {
        return match () {
            () if x == -1.0 => 1.0,
            () if (x.abs() < 1.0) == (y > 0.0) => 0.0,
            () => f64::INFINITY,
        };
    }
    let (mut product, mut exponent) = (1.0, 0i64);
    if fraction != 0.0 {
        if fraction > 0.5 {
            fraction -= 1.0;
            whole += 1.0;
        }
        product = (fraction * x.ln()).exp();
    }
    let (mut square, mut square_exponent) = frexp(x);
    let mut left = whole as i64;
    while left != 0 {
        if !(-(1 << 12)..=(1 << 12)).contains(&square_exponent) {
            exponent += square_exponent;
            break;
        }
        if left & 1 == 1 {
            product *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent <<= 1;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        left >>= 1;
    }
    if y < 0.0 {
        // One over a product that is not yet scaled neither overflows nor underflows.
        product = 1.0 / product;
        exponent = -exponent;
    }
    ldexp(product, exponent)
}

fn special_pow(x: f64, y: f64) -> Option<f64> {
    let odd = |y: f64| y.abs() < 9.007_199_254_740_992e15 && y.fract() == 0.0 && y as i64 & 1 == 1;
    Some(match () {
        () if y == 0.0 || x == 1.0 => 1.0,
        () if y == 1.0 => x,
        () if x.is_nan() || y.is_nan() => f64::NAN,
        () if x == 0.0 && y < 0.0 => {
            if x.is_sign_negative() && odd(y) {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }
        }
        () if x == 0.0 => {
            if x.is_sign_negative() && odd(y) {
                x
            } else {
                0.0
            }
        }
        () if y.is_infinite() => match () {
            () if x == -1.0 => 1.0,
            () if (x.abs() < 1.0) == (y > 0.0) => 0.0,
            () => f64::INFINITY,
        },
        () if x == f64::NEG_INFINITY => match (y < 0.0, odd(y)) {
            (true, true) => -0.0,
            (true, false) => 0.0,
            (false, true) => f64::NEG_INFINITY,
            (false, false) => f64::INFINITY,
        },
        () if x == f64::INFINITY => {
            if y < 0.0 {
                0.0
            } else {
                f64::INFINITY
            }
        }
        () if y == 0.5 => x.sqrt(),
        () if y == -0.5 => 1.0 / x.sqrt(),
        () => return None,
    })
}

/// A fraction in [0.5, 1) and a power of two; `x` is finite and not 0.
fn frexp(x: f64) -> (f64, i64) {
    let (x, shift) = if x.abs() < f64::MIN_POSITIVE { (x * (1u64 << 52) as f64, -52) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64 - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent + shift)
}

/// `fraction × 2^exponent`, rounded once.
fn ldexp(fraction: f64, exponent: i64) -> f64 {
    if fraction == 0.0 || !fraction.is_finite() {
        return fraction;
    }
    let (f, e) = frexp(fraction);
    let exponent = exponent + e - 1;
    // f is in [0.5, 1): doubled it is a significand.
    match exponent {
        e if e < -1075 => 0.0f64.copysign(fraction),
        e if e > 1023 => f64::INFINITY.copysign(fraction),
        e if e < -1022 => f * 2.0 * power_of_two(e + 53) * power_of_two(-53),
        e => f * 2.0 * power_of_two(e),
    }
}

fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_powers_are_exact() {
        assert_eq!(pow(10.0, 15.0), 1e15);
        assert_eq!(pow(2.0, -1074.0), 5e-324);
        assert_eq!(pow(2.0, 1023.0), f64::MAX / 2.0 + 2f64.powi(970));
        assert_eq!(pow(-2.0, 3.0), -8.0);
        assert_eq!(pow(1.1, 2.0), 1.1 * 1.1);
        assert_eq!(pow(2.0, 0.5), 2f64.sqrt());
        assert_eq!(pow(f64::MAX, 2.0), f64::INFINITY);
        assert_eq!(pow(5e-324, 1.0), 5e-324);
    }

    proptest! {
        /// C's special cases are Go's; ordinary values agree to the last bits.
        #[test]
        fn powers_agree_with_the_platform(x in prop::num::f64::ANY, y in prop_oneof![prop::num::f64::ANY, -20.0..20.0f64, (-5i8..5).prop_map(f64::from)]) {
            let (ours, theirs) = (pow(x, y), x.powf(y));
            let near = (ours - theirs).abs() <= theirs.abs() * 1e-12 + 1e-320;
            prop_assert!(ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan()) || near, "{ours:e} {theirs:e}");
        }

        #[test]
        fn fractions_and_powers_compose(x in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            let (f, e) = frexp(x);
            prop_assert!((0.5..1.0).contains(&f.abs()));
            prop_assert_eq!(ldexp(f, e), x);
        }
    }

    #[test]
    fn special_powers() {
        for (x, y, want) in [
            (-0.0, -3.0, f64::NEG_INFINITY),
            (-0.0, 3.0, -0.0),
            (-1.0, f64::INFINITY, 1.0),
            (f64::NEG_INFINITY, -3.0, -0.0),
            (f64::NAN, 0.0, 1.0),
            (0.5, 1e19, 0.0),
            (2.0, -1e19, 0.0),
            (-1.0, 1e19, 1.0),
        ] {
            assert_eq!(pow(x, y).to_bits(), f64::to_bits(want), "{x} ^ {y}");
        }
        assert!(pow(-8.0, 1.0 / 3.0).is_nan());
    }
}
