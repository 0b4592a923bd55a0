//! What is said of the variables that OpenTelemetry's SDK reads.

use super::*;

/// What is warned of, where traces are sent.
fn told(variables: &[(&str, &str)]) -> Vec<String> {
    let endpoint = [("APP_TELEMETRY__OTLP_ENDPOINT", "http://localhost:4318")];
    let warnings = load(&given(&[&endpoint, variables].concat())).unwrap().warnings;
    warnings
        .into_iter()
        .map(|fault| format!("{} {}: {}", fault.key, fault.problem, fault.suggestion))
        .collect()
}

#[test]
fn a_sampler_that_is_none_is_told_with_what_is_used_instead() {
    let [told] =
        &told(&[("OTEL_TRACES_SAMPLER", "parentbased_traceidratoi"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")])[..]
    else {
        panic!("one warning")
    };
    for part in ["OTEL_TRACES_SAMPLER is `parentbased_traceidratoi`", "parentbased_always_on is used"] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn a_share_that_is_none_is_told_with_what_is_used_instead() {
    for sampler in ["traceidratio", "parentbased_traceidratio"] {
        for (share, part) in [
            ("0,1", "is `0,1`, which is no number from 0 to 1: every trace"),
            ("10%", "every trace"),
            ("10", "every trace"),
            ("-0.1", "no trace"),
            ("", "is not set"),
        ] {
            let told = told(&[("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", share)]);
            assert!(told.len() == 1 && told[0].contains(part), "{share}: {told:?}");
        }
    }
}

#[test]
fn what_is_sound_is_not_warned_of_nor_what_nobody_reads() {
    let (sampler, share) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    for variables in [
        &[(sampler, "parentbased_traceidratio"), (share, "0.1")][..],
        &[(sampler, "traceidratio"), (share, "1")],
        &[(sampler, "always_off")],
        &[(sampler, "")],
        &[(share, "0,1")],
        &[(sampler, "none"), ("OTEL_SDK_DISABLED", "TRUE")],
        &[("OTEL_SDK_DISABLED", "false")],
    ] {
        assert_eq!(told(variables), [""; 0], "{variables:?}");
    }
    assert_eq!(load(&given(&[(sampler, "none")])).unwrap().warnings, [], "nothing is traced");
}

#[test]
fn a_switch_that_is_neither_on_nor_off_is_told() {
    let told = told(&[("OTEL_SDK_DISABLED", "1")]);
    assert_eq!(told, ["OTEL_SDK_DISABLED is `1`, which is neither true nor false: it counts as false"]);
}
