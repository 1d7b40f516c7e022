//! B14: how soon the failure of a broker is reported and repaired, and how soon processes exit.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use nix::sys::signal::Signal;
use protocol::{
    ClusterRequest, ClusterState, Format, Mode, Produce, ProduceRecord, ServerMessage, TailStart, WhenSlow, Window,
    WireBytes,
};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;

use crate::browser;
use crate::case::{Case, Metric};
use crate::child::Process;
use crate::client::{self, Client};
use crate::lab::{Bridge, Lab};
use crate::measurement::{Measurement, Unit};
use crate::role::Role;
use crate::roles::warp_server::WarpServer;
use crate::suite::floor;

const SECOND_US: f64 = 1_000_000.0;

/// From the broker's end, or from its first answer after a restart, until a client is told.
const TOLD_LIMIT: f64 = 2.0 * SECOND_US;
/// From the broker's first answer until a record that waited is acknowledged and delivered.
const REPAIRED_LIMIT: f64 = 5.0 * SECOND_US;

/// Five seconds after the first signal the bridge stops to wait for anything, and exits.
const EXIT_LIMIT: f64 = 5.5 * SECOND_US;
const SECOND_SIGNAL_LIMIT: f64 = SECOND_US;
const SOCKETS: usize = 10;

/// The commands of the terminal give brokers that still start ten seconds.
const NO_BROKER_LIMIT: f64 = 12.0 * SECOND_US;
/// Four records with half a second between them.
const FOUR_RECORDS: &str = "4";
const FOUR_RECORDS_LIMIT: f64 = 2.5 * SECOND_US;

const TOPIC: &str = "failure";
const WAITING_RECORDS: usize = 20;
const WINDOW: Window = Window { records: 1000, bytes: 1024 * 1024 };

const POLL_INTERVAL: Duration = Duration::from_millis(5);
const CLOSES_WITHIN: Duration = Duration::from_secs(10);

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    let within = |name, limit| Metric::within(name, Unit::Microseconds, limit);
    measure(&mut Case {
        row: "B14",
        name: "broker killed and started again".to_owned(),
        metrics: vec![
            within("killed → socket", TOLD_LIMIT),
            within("killed → page", TOLD_LIMIT),
            within("back → socket", TOLD_LIMIT),
            within("back → record delivered", REPAIRED_LIMIT),
        ],
        floors: Vec::new(),
        ours: Box::new(|| broker_killed_and_started(lab)),
    });
    measure(&mut Case {
        row: "B14",
        name: format!("SIGTERM with {SOCKETS} sockets"),
        metrics: vec![within("signal → exit", EXIT_LIMIT)],
        floors: vec![floor("bare warp", &[None], || {
            let mut server = Process::start(&Role::WarpServer(WarpServer {}))?;
            let _address: String = server.hear()?;
            exit_after(&mut server, Signal::SIGTERM)
        })],
        ours: Box::new(|| sigterm_with_sockets(lab)),
    });
    measure(&mut Case {
        row: "B14",
        name: "signals while the broker is gone".to_owned(),
        metrics: vec![
            within("SIGTERM → exit, records waiting", EXIT_LIMIT),
            within("second SIGINT → exit", SECOND_SIGNAL_LIMIT),
        ],
        floors: Vec::new(),
        ours: Box::new(|| signals_without_broker(lab)),
    });
    measure(&mut Case {
        row: "B14",
        name: "terminal commands".to_owned(),
        metrics: vec![
            within("produce, no broker", NO_BROKER_LIMIT),
            within("consume, no broker", NO_BROKER_LIMIT),
            within("produce, four records", FOUR_RECORDS_LIMIT),
        ],
        floors: Vec::new(),
        ours: Box::new(|| terminal_commands(lab)),
    });
    Ok(())
}

fn broker_killed_and_started(lab: &Lab) -> Result<Vec<Measurement>> {
    let mut cluster = lab.own_cluster()?;
    let bridge = lab.bridge_on(&cluster.bootstrap_servers(), &[])?;
    let window = browser::Window::open()?;
    window.go(&format!("http://{}/", bridge.address))?;
    let page_shows = |state: &str| {
        let condition = format!("document.querySelector('[data-testid=broker]')?.dataset.state === '{state}'");
        window.until(&format!("the broker {state}"), &condition)
    };
    page_shows("up")?;
    let runtime = runtime()?;
    // One client writes and is told; another one reads.
    let (mut writer, mut reader) = runtime.block_on(async {
        let mut writer = writer(&bridge).await?;
        let mut reader = Client::connect(&bridge.address).await?;
        let mode = Mode::Tail { start: TailStart::Latest };
        reader.subscribe(client::subscribe(TOPIC, mode, Format::Binary, WINDOW, WhenSlow::Block)).await?;
        is_up(&mut writer).await?;
        anyhow::Ok((writer, reader))
    })?;

    let killed = Instant::now();
    cluster.kill();
    runtime.block_on(becomes(&mut writer, ClusterState::Down))?;
    let down_told = killed.elapsed();
    page_shows("down")?;
    let down_shown = killed.elapsed();

    runtime.block_on(send(&mut writer, 1, WAITING_RECORDS))?;
    // In a thread of its own: both clients answer pings meanwhile.
    let restarting = std::thread::spawn(move || {
        cluster.restart()?;
        anyhow::Ok((Instant::now(), cluster))
    });
    let (up_told, delivered) = runtime.block_on(async {
        let told = async {
            becomes(&mut writer, ClusterState::Up).await?;
            anyhow::Ok(Instant::now())
        };
        tokio::try_join!(told, delivered(&mut reader))
    })?;
    let (back, _cluster) = restarting.join().map_err(|_| anyhow!("restarting Kafka panicked"))??;
    // The bridge may have reached Kafka before the restart was known to be complete.
    let (up_told, delivered) = (up_told.saturating_duration_since(back), delivered.saturating_duration_since(back));
    Ok([down_told, down_shown, up_told, delivered].map(Measurement::of_time).to_vec())
}

/// When the first record reaches the reader.
async fn delivered(reader: &mut Client) -> Result<Instant> {
    loop {
        match reader.socket.next().await.context("the bridge closed the socket")?? {
            Message::Binary(_) => return Ok(Instant::now()),
            // An error of the subscription while the broker is gone is expected here.
            Message::Text(text) if text.contains(r#""type":"ping""#) => {
                reader.socket.send(client::text(protocol::Pong {})).await?;
            }
            _ => {}
        }
    }
}

fn sigterm_with_sockets(lab: &Lab) -> Result<Vec<Measurement>> {
    let mut bridge = lab.bridge()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        for _ in 0..SOCKETS {
            let mut client = Client::connect(&bridge.address).await?;
            // Reading answers the close frame, as every browser does.
            tokio::spawn(async move { while let Some(Ok(_)) = client.socket.next().await {} });
        }
        anyhow::Ok(())
    })?;
    exit_after(&mut bridge.process, Signal::SIGTERM)
}

fn signals_without_broker(lab: &Lab) -> Result<Vec<Measurement>> {
    let mut cluster = lab.own_cluster()?;
    let runtime = runtime()?;
    let servers = cluster.bootstrap_servers();
    let (mut patient, mut impatient) = (lab.bridge_on(&servers, &[])?, lab.bridge_on(&servers, &[])?);
    let mut writers = runtime.block_on(async { anyhow::Ok([writer(&patient).await?, writer(&impatient).await?]) })?;
    cluster.kill();
    for writer in &mut writers {
        runtime.block_on(send(writer, 1, WAITING_RECORDS))?;
    }
    let first = exit_after(&mut patient.process, Signal::SIGTERM)?;

    impatient.process.signal(Signal::SIGINT)?;
    // The bridge stops to accept connections first: then it has handled the first signal.
    let deadline = Instant::now() + CLOSES_WITHIN;
    while TcpStream::connect(&impatient.address).is_ok() {
        ensure!(Instant::now() < deadline, "the bridge accepts connections after SIGINT");
        std::thread::sleep(POLL_INTERVAL);
    }
    let second = exit_after(&mut impatient.process, Signal::SIGINT)?;
    Ok([first, second].concat())
}

fn terminal_commands(lab: &Lab) -> Result<Vec<Measurement>> {
    let nobody = nobodys_address()?;
    let topic = lab.topic()?;
    let group = format!("{}-group", topic.name);
    let kafka = lab.kafka();
    let no_broker = ["--bootstrap-servers", &nobody, "--topic", &topic.name];
    let produce = lab.command(&[&["produce", "--count", "1"][..], &no_broker].concat());
    let consume = lab.command(&[&["consume", "--group", &group][..], &no_broker].concat());
    let four = ["produce", "--bootstrap-servers", &kafka, "--topic", &topic.name, "--count", FOUR_RECORDS];
    Ok(vec![run_command(produce, false)?, run_command(consume, false)?, run_command(lab.command(&four), true)?])
}

/// How long a command takes that is to succeed, or to fail.
fn run_command(mut command: Command, succeeds: bool) -> Result<Measurement> {
    let began = Instant::now();
    let status = command.status().context("cannot start the bridge")?;
    ensure!(status.success() == succeeds, "{command:?}: {status}");
    Ok(Measurement::of_time(began.elapsed()))
}

fn exit_after(process: &mut Process, signal: Signal) -> Result<Vec<Measurement>> {
    let began = Instant::now();
    process.signal(signal)?;
    process.exited()?;
    Ok(vec![Measurement::of_time(began.elapsed())])
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// A client whose first record was acknowledged: the topic exists, and the producer is connected.
async fn writer(bridge: &Bridge) -> Result<Client> {
    let mut client = Client::connect(&bridge.address).await?;
    send(&mut client, 0, 1).await?;
    client.acknowledged(1).await?;
    Ok(client)
}

/// Sends records and waits until the bridge has read them, but not until they have an outcome.
async fn send(client: &mut Client, seq: u64, count: usize) -> Result<()> {
    let record = ProduceRecord { topic: TOPIC.to_owned(), value: WireBytes::text("x"), ..ProduceRecord::default() };
    client.socket.send(client::text(Produce { seq, records: vec![record; count] })).await?;
    if seq > 0 {
        client.socket.send(client::text(ClusterRequest {})).await?;
        client.find(|message| matches!(message, ServerMessage::ClusterResult(_)).then_some(())).await?;
    }
    Ok(())
}

async fn is_up(client: &mut Client) -> Result<()> {
    client.socket.send(client::text(ClusterRequest {})).await?;
    let state = client.find(|message| match message {
        ServerMessage::ClusterResult(result) => Some(result.cluster.state),
        _ => None,
    });
    if state.await? == ClusterState::Up { Ok(()) } else { becomes(client, ClusterState::Up).await }
}

async fn becomes(client: &mut Client, state: ClusterState) -> Result<()> {
    let changed = client.find(|message| match message {
        ServerMessage::ClusterChanged(changed) if changed.cluster.state == state => Some(()),
        _ => None,
    });
    changed.await
}

fn nobodys_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    drop(listener);
    if TcpStream::connect(&address).is_ok() {
        bail!("{address} is in use");
    }
    Ok(address)
}
