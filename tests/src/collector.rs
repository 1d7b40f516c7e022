//! An OpenTelemetry collector for one test: it receives spans as protobuf over HTTP (OTLP).

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

use crate::wait::eventually;

#[derive(Debug)]
pub struct Collector {
    address: String,
    received: Received,
}

type Received = Arc<Mutex<Vec<Exported>>>;

/// A span with the name of the service that it is from.
#[derive(Clone, Debug)]
pub struct Exported {
    pub service: String,
    pub span: Span,
}

impl Exported {
    /// The value of an attribute as text.
    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.span.attributes, name)
    }
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        let received = Received::default();
        tokio::spawn(serve(listener, Arc::clone(&received)));
        Self { address, received }
    }

    /// The base address, for `--otlp-endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn spans(&self) -> Vec<Exported> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there are as many spans with this name; returns them.
    pub async fn spans_named(&self, name: &str, count: usize) -> Vec<Exported> {
        eventually(&format!("{count} spans {name:?}"), || async {
            let named: Vec<Exported> = self.spans().into_iter().filter(|exported| exported.span.name == name).collect();
            assert!(named.len() <= count, "too many spans: {named:?}");
            (named.len() == count).then_some(named)
        })
        .await
    }
}

async fn serve(listener: TcpListener, received: Received) {
    while let Ok((stream, _)) = listener.accept().await {
        let received = Arc::clone(&received);
        let service = service_fn(move |request| export(request, Arc::clone(&received)));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn export(request: Request<Incoming>, received: Received) -> Result<Response<Empty<Bytes>>, Infallible> {
    let is_protobuf = request.headers().get("content-type").is_some_and(|kind| kind == "application/x-protobuf");
    let mut response = Response::new(Empty::new());
    if request.uri().path() != "/v1/traces" || !is_protobuf {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Ok(response);
    }
    let body = request.into_body().collect().await.expect("a whole request").to_bytes();
    let exported = ExportTraceServiceRequest::decode(body).expect("OTLP's protobuf");
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    for of_resource in exported.resource_spans {
        let attributes = of_resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = attribute(&attributes, "service.name").unwrap_or_default();
        for span in of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans) {
            received.push(Exported { service: service.clone(), span });
        }
    }
    Ok(response)
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    match attributes.iter().find(|attribute| attribute.key == name)?.value.clone()? {
        AnyValue { value: Some(Value::StringValue(text)) } => Some(text),
        AnyValue { value: Some(Value::IntValue(number)) } => Some(number.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}
