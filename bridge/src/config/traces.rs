//! The options of OpenTelemetry traces.

use clap::Args;
use server::traces::TraceSettings;

/// Few enough traces for a busy topic, and enough to see a slow minute.
const DEFAULT_SAMPLE: f64 = 0.01;

#[derive(Args, Debug, Clone)]
pub struct TraceArgs {
    /// Send OpenTelemetry traces of sampled records to this collector (OTLP over HTTP), such as http://localhost:4318
    #[arg(long, env = "PONTE_OTLP_ENDPOINT", value_parser = parse_endpoint, value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Probability that the first record of a produced frame starts a trace and gets a `traceparent` header; a record that has such a header
    /// is traced if it says so [default: 0.01 with --otlp-endpoint, else 0]
    #[arg(long, env = "PONTE_TRACE_SAMPLE", value_parser = parse_sample, value_name = "0…1")]
    pub trace_sample: Option<f64>,
}

impl TraceArgs {
    /// `None` unless an option or one of OpenTelemetry's standard variables names a collector.
    pub fn settings(self) -> Option<TraceSettings> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let is_in_environment = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
            .iter()
            .any(|name| variable(name).is_some());
        let is_on = self.otlp_endpoint.is_some() || (is_in_environment && !is_disabled);
        // A variable that a platform sets for all of its programs must not change the user's records.
        let default_sample = if self.otlp_endpoint.is_some() { DEFAULT_SAMPLE } else { 0.0 };
        let sample = self.trace_sample.unwrap_or(default_sample);
        is_on.then_some(TraceSettings { endpoint: self.otlp_endpoint, sample })
    }
}

fn parse_endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.starts_with('/') && !text.contains(['?', '#', ' ']) => {
            Ok(text.to_owned())
        }
        _ => Err("the base address of a collector, such as http://localhost:4318".to_owned()),
    }
}

fn parse_sample(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(sample) if (0.0..=1.0).contains(&sample) => Ok(sample),
        _ => Err("use a number from 0 to 1".to_owned()),
    }
}
