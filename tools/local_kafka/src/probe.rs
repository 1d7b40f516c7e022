//! Checks that a server answers in its own protocol, since a starting JVM may open its port long before it answers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, ensure};

const TIMEOUT: Duration = Duration::from_secs(2);
/// Far more than the metadata of a new cluster. Another protocol on the port would give absurd lengths.
const MAX_RESPONSE_BYTES: i32 = 1 << 20;

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// How many live brokers the broker on `port` knows, including itself, from a Metadata request (version 1) without
/// topics. <https://kafka.apache.org/protocol#The_Messages_Metadata>
pub(crate) fn known_brokers(port: u16) -> Result<i32> {
    const METADATA: i16 = 3;
    const VERSION: i16 = 1;
    const CORRELATION: i32 = 1;
    const NO_CLIENT_ID: i16 = -1;
    const NO_TOPICS: i32 = 0;

    let mut request = Vec::new();
    request.extend(METADATA.to_be_bytes());
    request.extend(VERSION.to_be_bytes());
    request.extend(CORRELATION.to_be_bytes());
    request.extend(NO_CLIENT_ID.to_be_bytes());
    request.extend(NO_TOPICS.to_be_bytes());

    let mut stream = connect(port)?;
    stream.write_all(&u32::try_from(request.len())?.to_be_bytes())?;
    stream.write_all(&request)?;

    let mut read_i32 = || -> Result<i32> {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes)?;
        Ok(i32::from_be_bytes(bytes))
    };
    let length = read_i32()?;
    ensure!((12..=MAX_RESPONSE_BYTES).contains(&length), "port {port} does not speak Kafka's protocol");
    ensure!(read_i32()? == CORRELATION, "port {port} answered with another correlation id");
    read_i32()
}

/// Sends ZooKeeper's health check command.
pub(crate) fn zookeeper_is_ok(port: u16) -> Result<bool> {
    let mut stream = connect(port)?;
    stream.write_all(b"ruok")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer == "imok")
}
