//! HTTP requests with any header. Responses are neither decompressed nor redirected.

use std::fmt::Debug;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wait::PATIENCE;

#[derive(Debug)]
pub struct Request {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    pub fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), headers: Vec::new() }
    }

    pub fn post(path: &str) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// `Host` is the address unless the test says otherwise.
    pub async fn send(self, address: &str) -> Response {
        let what = format!("{self:?} to {address}");
        timeout(PATIENCE, self.exchange(address)).await.unwrap_or_else(|_| panic!("no answer: {what}"))
    }

    async fn exchange(self, address: &str) -> Response {
        let stream = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a fresh connection");
        let connection = tokio::spawn(connection);

        let mut request = hyper::Request::builder().method(self.method).uri(&self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", address);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Empty::<Bytes>::new()).expect("the test's headers are legal");
        let response = sender.send_request(request).await.unwrap_or_else(|error| panic!("{}: {error}", self.path));
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("{}: {error}", self.path)).to_bytes();
        connection.abort();
        Response { status: parts.status, headers: parts.headers, body }
    }
}

impl Response {
    /// The header's value; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("printable headers"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    pub fn json<T: DeserializeOwned + Debug>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }
}
