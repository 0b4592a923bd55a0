//! OpenTelemetry's own variables, which are read by its SDK. What it cannot read it leaves out, as the standard
//! wants it to; that it did so is said here.

use super::report::{Fault, Origin};
use super::sections::Config;
use super::sources::Sources;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// Samplers that have no argument, and those that have one.
const PLAIN: [&str; 4] = ["always_on", "always_off", "parentbased_always_on", "parentbased_always_off"];
const BY_RATIO: [&str; 2] = ["traceidratio", "parentbased_traceidratio"];

/// Values that do not do what they were meant to.
pub(super) fn doubts(config: &Config, sources: &Sources) -> Vec<Fault> {
    // An empty one is the same as none.
    let value = |name| sources.variables.get(name).filter(|value| !value.is_empty()).map(String::as_str);
    let is = |value: Option<&str>, word| value.is_some_and(|value| value.eq_ignore_ascii_case(word));
    let disabled = value(DISABLED).filter(|value| !is(Some(value), "true") && !is(Some(value), "false"));
    let disabled =
        disabled.map(|value| doubt(DISABLED, value, "neither true nor false", "it counts as false"));
    let traces = config.telemetry.otlp_endpoint.is_some() && !is(value(DISABLED), "true");
    let sampler = traces.then(|| sampling(value(SAMPLER)?, value(ARGUMENT))).flatten();
    disabled.into_iter().chain(sampler).collect()
}

fn sampling(sampler: &str, argument: Option<&str>) -> Option<Fault> {
    if PLAIN.contains(&sampler) {
        return None;
    }
    if !BY_RATIO.contains(&sampler) {
        let instead = format!(
            "parentbased_always_on is used; known are {}",
            [&PLAIN[..], &BY_RATIO].concat().join(", ")
        );
        return Some(doubt(SAMPLER, sampler, "no sampler that is known here", instead));
    }
    let Some(argument) = argument else {
        let problem = format!("is not set, and {SAMPLER} is {sampler}");
        return Some(Fault::new(
            ARGUMENT,
            origin(ARGUMENT),
            problem,
            "every trace is recorded: set a number from 0 to 1",
        ));
    };
    let share = match argument.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => return None,
        Ok(ratio) if ratio.is_nan() || ratio < 0.0 => "no",
        _ => "every",
    };
    Some(doubt(ARGUMENT, argument, "no number from 0 to 1", format!("{share} trace is recorded")))
}

fn doubt(name: &'static str, value: &str, what: &str, instead: impl Into<String>) -> Fault {
    Fault::new(name, origin(name), format!("is `{value}`, which is {what}"), instead)
}

fn origin(name: &str) -> Origin {
    Origin::Variable(name.to_owned())
}
