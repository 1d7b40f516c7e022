//! A small HTTP server whose answers a test chooses, and which records the requests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The method and the path.
    pub line: String,
    pub headers: Vec<(String, String)>,
}

pub(crate) struct Reply {
    pub status: u16,
    pub body: String,
    pub headers: &'static str,
    pub delay: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), headers: "", delay: Duration::ZERO }
    }

    pub(crate) fn schema(text: &str) -> Self {
        Self::new(200, serde_json::json!({ "schema": text }).to_string())
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, r#"{"error_code":40403,"message":"Schema not found"}"#)
    }

    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// Closes its port when it is dropped.
pub(crate) struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on(0, answer)
    }

    pub(crate) fn start_on(port: u16, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        let port = listener.local_addr().expect("an address").port();
        let (requests, is_stopped) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (recorded, stop, answer) = (requests.clone(), is_stopped.clone(), Arc::new(answer));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (recorded, answer) = (recorded.clone(), answer.clone());
                std::thread::spawn(move || serve(&stream.expect("a connection"), &recorded, &*answer));
            }
        });
        Self { port, requests, is_stopped, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    /// The requests for schemas by their ids, without those for their subjects.
    pub(crate) fn id_requests(&self) -> usize {
        let is_load = |line: &str| line.starts_with("GET /schemas/ids/") && !line.ends_with("/versions");
        self.requests().iter().filter(|request| is_load(&request.line)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers one request and closes the connection.
fn serve(stream: &TcpStream, recorded: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) {
    let mut lines = BufReader::new(stream);
    let mut read_line = || {
        let mut line = String::new();
        lines.read_line(&mut line).map(|_| line.trim_end().to_owned()).unwrap_or_default()
    };
    let line = read_line();
    if line.is_empty() {
        return;
    }
    let mut headers = Vec::new();
    loop {
        let header = read_line();
        let Some((name, value)) = header.split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
    lines.read_exact(&mut vec![0; length]).expect("the body");
    let request = Request { line: line.trim_end_matches(" HTTP/1.1").to_owned(), headers };
    recorded.lock().expect("no panic").push(request.clone());
    let reply = answer(&request);
    std::thread::sleep(reply.delay);
    let Reply { status, body, headers, .. } = reply;
    let head =
        format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len());
    let _ = (&*stream).write_all((head + &body).as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
}
