//! A registry in this process with a few schemas, all of which are loaded before the first record.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use serdes::registry::{Registry, RegistrySettings, RegistryUrl, SchemaId};
use serdes::{CompiledSchema, Decoder};

/// The schemas with the ids from 1 on: kind and text.
const SCHEMAS: [(&str, &str); 5] = [
    ("AVRO", include_str!("all.avsc")),
    ("AVRO", "\"bytes\""),
    ("PROTOBUF", include_str!("all.proto")),
    ("JSON", "{}"),
    ("AVRO", r#"["null","long",{"type":"map","values":"string"}]"#),
];

pub const COUNT: u32 = SCHEMAS.len() as u32;

/// A decoder whose values have at most this many bytes, with the schemas 1 to [`COUNT`].
pub fn decoder(max_bytes: usize) -> Decoder {
    static REGISTRY: OnceLock<Registry<CompiledSchema>> = OnceLock::new();
    Decoder::new(Some(REGISTRY.get_or_init(load).clone()), max_bytes)
}

fn load() -> Registry<CompiledSchema> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A connection that breaks is the client's to report.
            let _ = stream.and_then(|stream| answer(&stream));
        }
    });
    let settings = RegistrySettings::new(vec![RegistryUrl::parse(&url).expect("a URL")]);
    let registry = Registry::new(&settings, CompiledSchema::compile).expect("valid settings");
    let ids: Vec<SchemaId> = (1..=COUNT).map(SchemaId::Id).collect();
    registry.load_blocking(&ids, Duration::from_secs(60));
    for id in ids {
        registry.get(id).into_result(id).expect("a schema");
    }
    registry
}

/// Answers one request and closes the connection.
fn answer(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let id = path.strip_prefix("/schemas/ids/").and_then(|id| id.parse::<usize>().ok());
    let found = id.and_then(|id| SCHEMAS.get(id.checked_sub(1)?));
    let mut header = String::new();
    while lines.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, body) = match found {
        Some((kind, text)) => (200, serde_json::json!({ "schemaType": kind, "schema": text }).to_string()),
        None => (404, r#"{"error_code":40403,"message":"not found"}"#.to_owned()),
    };
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes())
}
