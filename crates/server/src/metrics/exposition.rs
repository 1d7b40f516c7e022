//! The two text formats of `/metrics`: OpenMetrics, which the metrics are encoded in, and Prometheus' older format, to
//! which that text is converted line by line.

use std::fmt::Write;

use warp::http::header::{ACCEPT, HeaderMap};

/// A format that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// <https://github.com/prometheus/OpenMetrics>
    OpenMetrics,
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>; the only format that `promtool` reads.
    Prometheus,
}

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The format that the client prefers; Prometheus' older one if it accepts anything (as `curl` does) or neither.
    /// A request without `Accept` gets OpenMetrics, which was the only format once.
    pub fn accepted(headers: &HeaderMap) -> Self {
        if !headers.contains_key(ACCEPT) {
            return Self::OpenMetrics;
        }
        let ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = ranges.flat_map(|value| value.split(',')).filter_map(AcceptedRange::parse);
        let (mut open_metrics, mut prometheus) = (0.0_f32, 0.0_f32);
        for AcceptedRange { media_type, quality } in ranges {
            match media_type.as_str() {
                "application/openmetrics-text" => open_metrics = open_metrics.max(quality),
                "text/plain" | "text/*" | "*/*" => prometheus = prometheus.max(quality),
                _ => {}
            }
        }
        if open_metrics > 0.0 && open_metrics >= prometheus { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// Converts OpenMetrics' text to this format.
    pub fn convert(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Prometheus => to_prometheus(&open_metrics),
        }
    }
}

/// One element of `Accept` (RFC 9110, 12.5.1).
struct AcceptedRange {
    media_type: String,
    quality: f32,
}

impl AcceptedRange {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let media_type = parts.next()?.trim().to_ascii_lowercase();
        let quality = parts.find_map(|parameter| parameter.trim().strip_prefix("q=")?.parse().ok());
        Some(Self { media_type, quality: quality.unwrap_or(1.0) })
    }
}

/// In Prometheus' older format a family has the name of its samples (`x_total`, `x_info`), there is no type `info`, and
/// the text has no end mark. Samples are the same, because the bridge writes neither exemplars nor timestamps.
fn to_prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            // Written with the type, which follows, because the name depends on it.
            help = described.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|typed| typed.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn accepted(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).expect("a header"));
        Format::accepted(&headers)
    }

    #[test]
    fn format_is_the_one_that_the_client_prefers() {
        for (accept, format) in [
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // Prometheus 3 with `scrape_protocols: [PrometheusText0.0.4]`.
            ("text/plain;version=0.0.4;q=0.6,*/*;q=0.5", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain", Format::Prometheus),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; q=0.2, text/*; q=0.1", Format::OpenMetrics),
            ("application/openmetrics-text;q=0, */*", Format::Prometheus),
            ("application/json", Format::Prometheus),
        ] {
            assert_eq!(accepted(accept), format, "{accept}");
        }
        assert_eq!(Format::accepted(&HeaderMap::new()), Format::OpenMetrics, "no Accept");
    }

    #[test]
    fn families_are_renamed_after_their_samples() {
        let open_metrics = "# HELP a Things.\n# TYPE a counter\na_total{of=\"#\"} 1\n# HELP b Build.\n# TYPE b info\n\
            b_info{version=\"1\"} 1\n# HELP c_seconds Time.\n# TYPE c_seconds gauge\n# UNIT c_seconds seconds\nc_seconds 1.5\n# EOF\n";
        let expected = "# HELP a_total Things.\n# TYPE a_total counter\na_total{of=\"#\"} 1\n# HELP b_info Build.\n\
            # TYPE b_info gauge\nb_info{version=\"1\"} 1\n# HELP c_seconds Time.\n# TYPE c_seconds gauge\nc_seconds 1.5\n";
        assert_eq!(Format::Prometheus.convert(open_metrics.to_owned()), expected);
        assert_eq!(Format::OpenMetrics.convert(open_metrics.to_owned()), open_metrics);
    }
}
