//! Prometheus's range functions over one window, word by word: the oracle of the kernels. Test code.

use super::RangeFn;
use crate::sum::neumaier;

/// One sample: (ms, value).
pub(crate) type Point = (i64, f64);

/// What a window gives at `t`; `None` = absent.
pub(crate) fn evaluate(f: RangeFn, s: &[Point], t: i64, range_ms: i64, offset_ms: i64, args: &[f64]) -> Option<f64> {
    if s.is_empty() {
        return None;
    }
    let values: Vec<f64> = s.iter().map(|p| p.1).collect();
    let end = t - offset_ms;
    Some(match f {
        RangeFn::Rate => return extrapolated(s, end, range_ms, true, true),
        RangeFn::Increase => return extrapolated(s, end, range_ms, true, false),
        RangeFn::Delta => return extrapolated(s, end, range_ms, false, false),
        RangeFn::Irate => return last_two(s, true),
        RangeFn::Idelta => return last_two(s, false),
        RangeFn::Changes => pairs(&values, |a, b| b != a && !(a.is_nan() && b.is_nan())),
        RangeFn::Resets => pairs(&values, |a, b| b < a),
        RangeFn::Deriv => return (s.len() > 1).then(|| line(s, s[0].0).0),
        RangeFn::PredictLinear => {
            let (slope, intercept) = line(s, t);
            return (s.len() > 1).then(|| slope * args[0] + intercept);
        }
        RangeFn::AvgOverTime => avg(&values),
        RangeFn::MinOverTime => s[compare(s, |cur, best| cur < best || best.is_nan())].1,
        RangeFn::MaxOverTime => s[compare(s, |cur, best| cur > best || best.is_nan())].1,
        RangeFn::SumOverTime => {
            let (sum, c) = values.iter().fold((0.0, 0.0), |(sum, c), v| neumaier(sum, c, *v));
            if sum.is_infinite() { sum } else { sum + c }
        }
        RangeFn::CountOverTime => s.len() as f64,
        RangeFn::LastOverTime => s[s.len() - 1].1,
        RangeFn::FirstOverTime => s[0].1,
        RangeFn::PresentOverTime => 1.0,
        RangeFn::StddevOverTime => variance(&values).sqrt(),
        RangeFn::StdvarOverTime => variance(&values),
        RangeFn::QuantileOverTime => quantile(args[0], &values),
        RangeFn::MadOverTime => mad(&values),
        RangeFn::DoubleExponentialSmoothing => return smoothing(&values, args[0], args[1]),
        RangeFn::Integral => integral(s, args.first().copied()),
        RangeFn::Extended(_) => return None,
        RangeFn::TsOfFirstOverTime => s[0].0 as f64 / 1000.0,
        RangeFn::TsOfLastOverTime => s[s.len() - 1].0 as f64 / 1000.0,
        RangeFn::TsOfMinOverTime => s[compare(s, |cur, best| cur <= best || best.is_nan())].0 as f64 / 1000.0,
        RangeFn::TsOfMaxOverTime => s[compare(s, |cur, best| cur >= best || best.is_nan())].0 as f64 / 1000.0,
    })
}

/// Prometheus's `funcIntegral`.
fn integral(s: &[Point], strategy: Option<f64>) -> f64 {
    let (mut sum, mut c) = (0.0, 0.0);
    for pair in s.windows(2) {
        let [before, now] = [pair[0].1, pair[1].1].map(|v| if v.is_nan() { 0.0 } else { v });
        let (value, error) = match strategy {
            Some(0.0) => (before, 0.0),
            Some(1.0) => (now, 0.0),
            _ if before == 0.0 && now == 0.0 => (0.0, 0.0),
            _ => {
                let (v, e) = neumaier(before, 0.0, now);
                match v.is_infinite() && before.is_finite() && now.is_finite() {
                    true => neumaier(before / 2.0, 0.0, now / 2.0),
                    false => (v / 2.0, e / 2.0),
                }
            }
        };
        if value != 0.0 || error != 0.0 {
            let seconds = (pair[1].0 - pair[0].0) as f64 / 1000.0;
            (sum, c) = neumaier(sum, c + error * seconds, value * seconds);
        }
    }
    if sum.is_infinite() { sum } else { sum + c }
}

fn extrapolated(s: &[Point], end: i64, range_ms: i64, counter: bool, rate: bool) -> Option<f64> {
    let n = s.len() - 1;
    if n == 0 {
        return None;
    }
    let mut result = s[n].1 - s[0].1;
    if counter {
        for p in s.windows(2) {
            if p[1].1 < p[0].1 {
                result += p[0].1;
            }
        }
    }
    let mut to_start = (s[0].0 - (end - range_ms)) as f64 / 1000.0;
    let mut to_end = (end - s[n].0) as f64 / 1000.0;
    let sampled = (s[n].0 - s[0].0) as f64 / 1000.0;
    let average = sampled / n as f64;
    let threshold = average * 1.1;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if counter && result > 0.0 && s[0].1 >= 0.0 {
        let to_zero = sampled * (s[0].1 / result);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if rate {
        factor /= (range_ms / 1000) as f64 + ((range_ms % 1000) * 1_000_000) as f64 / 1e9;
    }
    Some(result * factor)
}

fn last_two(s: &[Point], rate: bool) -> Option<f64> {
    let [.., a, b] = s else { return None };
    let result = if rate && b.1 < a.1 { b.1 } else { b.1 - a.1 };
    Some(if rate { result / ((b.0 - a.0) as f64 / 1000.0) } else { result })
}

fn pairs(values: &[f64], hit: impl Fn(f64, f64) -> bool) -> f64 {
    values.windows(2).filter(|p| hit(p[0], p[1])).count() as f64
}

fn compare(s: &[Point], wins: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for i in 0..s.len() {
        if wins(s[i].1, s[best].1) {
            best = i;
        }
    }
    best
}

fn line(s: &[Point], origin: i64) -> (f64, f64) {
    let (mut n, mut sx, mut sy, mut sxy, mut sxx) = (0.0, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
    let mut level = true;
    for (i, (t, y)) in s.iter().enumerate() {
        if i > 0 && *y != s[0].1 {
            level = false;
        }
        n += 1.0;
        let x = (t - origin) as f64 / 1e3;
        sx = neumaier(sx.0, sx.1, x);
        sy = neumaier(sy.0, sy.1, *y);
        sxy = neumaier(sxy.0, sxy.1, x * y);
        sxx = neumaier(sxx.0, sxx.1, x * x);
    }
    if level {
        return if s[0].1.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, s[0].1) };
    }
    let (x, y, xy, xx) = (sx.0 + sx.1, sy.0 + sy.1, sxy.0 + sxy.1, sxx.0 + sxx.1);
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

fn avg(values: &[f64]) -> f64 {
    let (mut sum, mut count, mut mean, mut c, mut incremental) = (values[0], 1.0, 0.0, 0.0, false);
    for (i, f) in values[1..].iter().enumerate() {
        count = (i + 2) as f64;
        if !incremental {
            let (s, new_c) = neumaier(sum, c, *f);
            if !s.is_infinite() {
                (sum, c) = (s, new_c);
                continue;
            }
            incremental = true;
            mean = sum / (count - 1.0);
            c /= count - 1.0;
        }
        let q = (count - 1.0) / count;
        (mean, c) = neumaier(q * mean, q * c, f / count);
    }
    if incremental { mean + c } else { sum / count + c / count }
}

fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut aux) = (0.0, (0.0, 0.0), (0.0, 0.0));
    for f in values {
        count += 1.0;
        let delta = f - (mean.0 + mean.1);
        mean = neumaier(mean.0, mean.1, delta / count);
        aux = neumaier(aux.0, aux.1, delta * (f - (mean.0 + mean.1)));
    }
    (aux.0 + aux.1) / count
}

pub(crate) fn quantile(q: f64, values: &[f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let mut v: Vec<f64> = values.to_vec();
    v.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.total_cmp(b),
        (x, y) => y.cmp(&x),
    });
    let n = v.len() as f64;
    let rank = q * (n - 1.0);
    let lower = rank.floor().max(0.0);
    let upper = (lower + 1.0).min(n - 1.0);
    let weight = rank - rank.floor();
    if weight == 0.0 {
        return v[lower as usize];
    }
    v[lower as usize] * (1.0 - weight) + v[upper as usize] * weight
}

fn mad(values: &[f64]) -> f64 {
    if values.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let median = quantile(0.5, values);
    quantile(0.5, &values.iter().map(|v| (v - median).abs()).collect::<Vec<_>>())
}

fn smoothing(values: &[f64], sf: f64, tf: f64) -> Option<f64> {
    if values.len() < 2 || sf <= 0.0 || sf >= 1.0 || tf <= 0.0 || tf >= 1.0 {
        return None;
    }
    let (mut s0, mut s1, mut b) = (0.0, values[0], values[1] - values[0]);
    for (i, v) in values.iter().enumerate().skip(1) {
        let x = sf * v;
        b = if i == 1 { b } else { tf * (s1 - s0) + (1.0 - tf) * b };
        let y = (1.0 - sf) * (s1 + b);
        (s0, s1) = (s1, x + y);
    }
    Some(s1)
}
