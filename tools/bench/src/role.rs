//! The roles of the other processes of a measurement: this program again, with a role.

use std::process::Command;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::child::Process;
use crate::parent::Parent;
use crate::roles::{
    audience, echo, fan, first_record, hand_written_page, idle_sockets, memory_decoder, native_consumer, native_echo,
    native_producer, newest_by_hand, paced_producer, ready_frames, relay, searcher, sink, source, warp_server,
};

/// The hidden command under which this program plays a role.
pub const COMMAND: &str = "role";

/// What a process of a measurement does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Role {
    NativeConsumer(native_consumer::NativeConsumer),
    NativeProducer(native_producer::NativeProducer),
    Relay(relay::Relay),
    Sink(sink::Sink),
    Source(source::Source),
    NativeEcho(native_echo::NativeEcho),
    Echo(echo::Echo),
    Fan(fan::Fan),
    Audience(audience::Audience),
    FirstRecord(first_record::FirstRecord),
    WarpServer(warp_server::WarpServer),
    IdleSockets(idle_sockets::IdleSockets),
    ReadyFrames(ready_frames::ReadyFrames),
    PacedProducer(paced_producer::PacedProducer),
    HandWrittenPage(hand_written_page::HandWrittenPage),
    MemoryDecoder(memory_decoder::MemoryDecoder),
    Searcher(searcher::Searcher),
    NewestByHand(newest_by_hand::NewestByHand),
}

/// Plays a role in this process.
pub fn play(text: &str) -> Result<()> {
    let role = serde_json::from_str(text).context("not a role")?;
    let parent = Parent::listen();
    match role {
        Role::NativeConsumer(role) => role.play(),
        Role::NativeProducer(role) => role.play(),
        Role::Relay(role) => role.play(),
        Role::Sink(role) => role.play(),
        Role::Source(role) => role.play(),
        Role::NativeEcho(role) => role.play(),
        Role::Echo(role) => role.play(),
        Role::Fan(role) => role.play(parent),
        Role::Audience(role) => role.play(),
        Role::FirstRecord(role) => role.play(),
        Role::WarpServer(role) => role.play(parent),
        Role::IdleSockets(role) => role.play(parent),
        Role::ReadyFrames(role) => role.play(parent),
        Role::PacedProducer(role) => role.play(parent),
        Role::HandWrittenPage(role) => role.play(parent),
        Role::MemoryDecoder(role) => role.play(),
        Role::Searcher(role) => role.play(),
        Role::NewestByHand(role) => role.play(),
    }
}

impl Process {
    /// Starts this program in a role.
    pub fn start(role: &Role) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let text = serde_json::to_string(role)?;
        let mut command = Command::new(program);
        command.arg(COMMAND).arg(&text);
        Self::spawn(command, text)
    }
}

/// Plays a role in its own process to the end, and returns its message.
pub fn run<T: DeserializeOwned>(role: &Role) -> Result<T> {
    Process::start(role)?.hear()
}
