//! What many measurements come to.

use std::time::Duration;

use super::Findings;

/// Notes the least, the median, the 95th percentile and the most, and gives the third.
pub fn spread(findings: &mut Findings, name: &str, mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    for (label, share) in [("min", 0.0), ("p50", 0.5), ("p95", 0.95), ("max", 1.0)] {
        findings.figure(&format!("{name}_{label}"), quantile(&values, share));
    }
    quantile(&values, 0.95)
}

pub fn milliseconds(time: Duration) -> f64 {
    rounded(milliseconds_exactly(time))
}

/// Not rounded, for what takes less than one and is compared.
pub fn milliseconds_exactly(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// To one decimal.
pub fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The smallest value that at least this share of the sorted values does not exceed.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// How likely two sorted samples of the same distribution differ as much as these do (the two-sample
/// Kolmogorov–Smirnov test, with Stephens' correction for small samples).
pub fn kolmogorov_smirnov(one: &[f64], other: &[f64]) -> f64 {
    let below = |sorted: &[f64], value: f64| {
        sorted.partition_point(|item| *item <= value) as f64 / sorted.len() as f64
    };
    let gaps = one.iter().chain(other).map(|value| (below(one, *value) - below(other, *value)).abs());
    let distance = gaps.fold(0.0, f64::max);
    let (n, m) = (one.len() as f64, other.len() as f64);
    let root = (n * m / (n + m)).sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * distance;
    if lambda < 0.2 {
        // The series does not converge there, and its limit is 1.
        return 1.0;
    }
    let terms = (1..=100).map(|k| {
        let k = f64::from(k);
        let sign = if k % 2.0 == 0.0 { -1.0 } else { 1.0 };
        2.0 * sign * (-2.0 * k * k * lambda * lambda).exp()
    });
    terms.sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.95, 1.0].map(|share| quantile(&values, share)), [1.0, 10.0, 19.0, 20.0]);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn samples_that_differ_are_told_from_samples_that_do_not() {
        let even: Vec<f64> = (0..100).map(|n| f64::from(n) * 2.0).collect();
        let odd: Vec<f64> = even.iter().map(|value| value + 1.0).collect();
        let later: Vec<f64> = even.iter().map(|value| value + 40.0).collect();
        assert_eq!(kolmogorov_smirnov(&even, &even), 1.0);
        assert!(kolmogorov_smirnov(&even, &odd) > 0.99);
        // A distance of 0.2 between two hundred values: 0.036 by the tables.
        let p = kolmogorov_smirnov(&even, &later);
        assert!((0.03..0.04).contains(&p), "{p}");
    }
}
