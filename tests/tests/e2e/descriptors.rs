//! File descriptors: a low limit is raised or logged, and `/healthz` responds even if all are in use.

use hyper::StatusCode;
use tests::{Bridge, Client, Raw, Watch, unique};

/// The soft and the hard limit of open files of a process.
fn open_files(process: u32) -> (u64, u64) {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).expect("the process runs");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("Linux has this limit");
    let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap_or(u64::MAX));
    (numbers.next().expect("a soft limit"), numbers.next().expect("a hard limit"))
}

#[tokio::test]
async fn soft_limit_of_open_files_is_raised_to_the_hard_limit() {
    let bridge = Bridge::start().demo().limited("-S -n 200").await;
    let (soft, hard) = open_files(bridge.id());
    assert_eq!(soft, hard.min(1 << 20));
    assert!(!bridge.output().contains("limit of open files"), "{}", bridge.output());
}

#[tokio::test]
async fn healthz_answers_while_every_descriptor_is_in_use() {
    let topic = unique("exhausted");
    let bridge = Bridge::start().demo().topic(&topic).limited("-n 160").await;
    bridge.logged("the limit of open files allows fewer sockets than --max-sockets").await;
    let is_healthy = async || {
        assert_eq!(bridge.get("/healthz").await.status, StatusCode::OK);
    };

    // First clients alone: sockets until none is accepted, and idle connections.
    let mut clients: Vec<Client> = Vec::new();
    while let Ok(socket) = bridge.handshake().try_open().await {
        clients.push(Client::hello(socket).await);
        assert!(clients.len() < 160, "as many sockets as descriptors");
    }
    assert!(clients.len() > 10, "only {} sockets", clients.len());
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(Raw::connect(&bridge.address).await);
    }
    for _ in 0..3 {
        is_healthy().await;
    }

    // Then connections of the bridge to Kafka, until no descriptor is left.
    'exhausting: for client in clients.iter_mut().take(4) {
        for _ in 0..16 {
            client.send(Watch::tail(&topic).message()).await;
            let used = std::fs::read_dir(format!("/proc/{}/fd", bridge.id())).map_or(0, Iterator::count);
            if used >= 158 {
                break 'exhausting;
            }
        }
    }
    for _ in 0..5 {
        is_healthy().await;
    }
    let lines = bridge.stderr.all();
    let refused = lines.iter().filter(|line| line.contains("a connection could not be accepted")).count();
    assert!(refused <= 5, "{refused} lines about it");
}
