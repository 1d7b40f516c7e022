//! Sends spans to an OpenTelemetry collector, as protobuf over HTTP (OTLP), from a thread of the SDK.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use super::spans::Budget;
use super::{TraceError, TraceSettings};
use crate::log_throttle::LogThrottle;

/// For one export: DNS, connection, TLS and response. OTLP's default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Responses of collectors are a few bytes.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

pub static TRACES: OnceLock<Traces> = OnceLock::new();

pub struct Traces {
    provider: SdkTracerProvider,
    pub tracer: SdkTracer,
    pub sample: f64,
    pub sent: Budget,
    pub delivered: Budget,
}

/// Starts to make and export traces, until the process ends. OpenTelemetry's environment variables have their standard
/// meaning, except those about sampling: `OTEL_SERVICE_NAME` (default: ponte), `OTEL_RESOURCE_ATTRIBUTES`,
/// `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_SCHEDULE_DELAY` and so on.
///
/// # Errors
/// When an address or a header of the environment is invalid.
pub fn start(settings: &TraceSettings) -> Result<(), TraceError> {
    let exporter = SpanExporter::builder().with_http().with_http_client(Client::new()).with_timeout(TIMEOUT);
    let exporter = match &settings.endpoint {
        Some(base) => exporter.with_endpoint(format!("{}/v1/traces", base.trim_end_matches('/'))),
        None => exporter,
    };
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none_or(|name| name.is_empty()) {
        resource = resource.with_service_name("ponte");
    }
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter.build()?)
        // The bridge itself decides which records are traced.
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource.with_attribute(version).build())
        .build();
    let tracer = provider.tracer("ponte");
    let (sent, delivered) = Default::default();
    let traces = Traces { provider, tracer, sample: settings.sample, sent, delivered };
    // Called once, at the start.
    let _ = TRACES.set(traces);
    Ok(())
}

/// Exports the spans that wait. Blocks for at most `within`.
pub fn shut_down(within: Duration) {
    if let Some(traces) = TRACES.get()
        && let Err(error) = traces.provider.shutdown_with_timeout(within)
    {
        tracing::debug!(%error, "the last traces were not exported");
    }
}

/// The HTTP client that the bridge has anyway. It blocks, which is right for the SDK's thread.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("ponte/", env!("CARGO_PKG_VERSION")));
        #[cfg(feature = "tls")]
        let config = {
            use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
            let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier);
            config.tls_config(tls.build())
        };
        Self(config.build().new_agent())
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let response = self.0.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(MAX_RESPONSE_BYTES).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

impl HttpClient for Client {
    // What the macro `async_trait` makes of the trait's `async fn`.
    fn send_bytes<'a, 'f>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        static LOG: LogThrottle = LogThrottle::new();
        Box::pin(async move {
            let url = request.uri().to_string();
            let sent = self.send(request);
            let failure = match &sent {
                Ok(response) if response.status().is_success() => None,
                Ok(response) => Some(response.status().to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(reason) = failure
                && let Some(unlogged) = LOG.line()
            {
                tracing::warn!(url, reason, unlogged, "traces could not be exported; these are lost");
            }
            sent.map_err(HttpError::from)
        })
    }
}
