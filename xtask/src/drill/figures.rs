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
    rounded(time.as_secs_f64() * 1000.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.95, 1.0].map(|share| quantile(&values, share)), [1.0, 10.0, 19.0, 20.0]);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
