//! Arithmetic as Prometheus does it, so that sums agree beyond the last digits.

/// Adds with Neumaier's compensation: the new sum and compensation.
pub fn kahan(increment: f64, sum: f64, compensation: f64) -> (f64, f64) {
    let total = sum + increment;
    let c = if total.is_infinite() {
        0.0
    } else if sum.abs() >= increment.abs() {
        compensation + ((sum - total) + increment)
    } else {
        compensation + ((increment - total) + sum)
    };
    (total, c)
}

/// The compensated sum.
pub fn sum(values: &[f64]) -> f64 {
    let (s, c) = values.iter().fold((0.0, 0.0), |(s, c), v| kahan(*v, s, c));
    if s.is_infinite() { s } else { s + c }
}

/// The mean: sum over count, or an incremental mean where the sum overflows.
pub fn mean(values: &[f64]) -> f64 {
    let (mut total, mut c) = (values[0], 0.0);
    let mut incremental = None;
    for (i, v) in values.iter().enumerate().skip(1) {
        let count = i as f64 + 1.0;
        if incremental.is_none() {
            let (s, k) = kahan(*v, total, c);
            if !s.is_infinite() {
                (total, c) = (s, k);
                continue;
            }
            c /= count - 1.0;
        }
        let mean = incremental.unwrap_or(total / (count - 1.0));
        let q = (count - 1.0) / count;
        let (m, k) = kahan(v / count, q * mean, q * c);
        incremental = Some(m);
        c = k;
    }
    let count = values.len() as f64;
    incremental.map_or(total / count + c / count, |m| m + c)
}

/// The population variance of a window, compensated.
pub fn variance_over_time(values: &[f64]) -> f64 {
    let (mut mean, mut c_mean, mut aux, mut c_aux) = (0.0, 0.0, 0.0, 0.0);
    for (i, v) in values.iter().enumerate() {
        let delta = v - (mean + c_mean);
        (mean, c_mean) = kahan(delta / (i as f64 + 1.0), mean, c_mean);
        (aux, c_aux) = kahan(delta * (v - (mean + c_mean)), aux, c_aux);
    }
    (aux + c_aux) / values.len() as f64
}

/// The population variance of a group of elements.
pub fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut aux) = (0.0, 0.0);
    for (i, v) in values.iter().enumerate() {
        let delta = v - mean;
        mean += delta / (i as f64 + 1.0);
        aux += delta * (v - mean);
    }
    aux / values.len() as f64
}

/// The q-quantile, interpolated; NaN values are the smallest.
pub fn quantile(q: f64, values: &[f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = q * (sorted.len() as f64 - 1.0);
    let lower = rank.floor().max(0.0) as usize;
    let upper = (lower + 1).min(sorted.len() - 1);
    let weight = rank - rank.floor();
    if weight == 0.0 {
        // Nothing times an infinite neighbour would be NaN.
        return sorted[lower];
    }
    sorted[lower] * (1.0 - weight) + sorted[upper] * weight
}

/// The larger one; NaN only if all are.
pub fn maximum(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, |m, v| if v > m || m.is_nan() { v } else { m })
}

/// The smaller one; NaN only if all are.
pub fn minimum(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, |m, v| if v < m || m.is_nan() { v } else { m })
}

/// Go's `math.Max` and `math.Min`: NaN if either is, unless the other one is the last word anyway.
pub fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// See [`go_max`].
pub fn go_min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// Go's `strconv.FormatFloat(v, 'f', -1, 64)`.
pub fn format_float(v: f64) -> String {
    if v.is_infinite() {
        return if v > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    v.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compensation_keeps_what_plain_addition_loses() {
        assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
    }

    #[test]
    fn a_mean_survives_an_overflowing_sum() {
        assert!((mean(&[f64::MAX, f64::MAX, f64::MAX]) / f64::MAX - 1.0).abs() < 1e-15);
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(0.5, &[4.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(0.75, &[0.0, 1.0, 2.0]), 1.5);
        assert_eq!(quantile(2.0, &[1.0]), f64::INFINITY);
    }
}
