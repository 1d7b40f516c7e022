//! Many WebSockets in one process, each of which reads the same records.

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{CommitMode, Format, GroupStart, Mode, Pong, RecordsFrame, ServerMessage, WhenSlow, Window};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{self, Client, Credit, Socket};
use crate::frames;
use crate::measurement::Throughput;
use crate::parent::{Parent, tell};
use crate::stopwatch::Stopwatch;
use crate::tally::{Content, Tally};

/// No credit until all sockets are open.
const CLOSED: Window = Window { records: 0, bytes: 0 };
const OPEN: Window = Window { records: 100_000, bytes: 16 * 1024 * 1024 };

/// Opens sockets, reports that, and once it may continue reads the same number of records from each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fan {
    pub address: String,
    /// The sending process, whose CPU time is measured.
    pub watched: u32,
    pub sender: Sender,
    pub sockets: usize,
    /// Records to read from each socket.
    pub records: u64,
}

/// The sender.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Sender {
    /// The bridge: all sockets subscribe to one group, of which the bridge is one member, so that each socket gets every record.
    Bridge { topic: String },
    /// A server that repeats a ready frame to each socket that has sent any frame.
    ReadyFrames,
}

/// The throughput of all sockets together, and the content that each of them has read.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Fanned {
    pub throughput: Throughput,
    /// `None` if the bridge left out records at every socket.
    pub content: Option<Content>,
    /// Records that the bridge has reported as missing, of all sockets together.
    pub left_out: u64,
}

impl Fan {
    pub fn play(self, parent: Parent) -> Result<()> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.run(parent))
    }

    async fn run(self, parent: Parent) -> Result<()> {
        let (go, gone) = watch::channel(());
        let mut reading = tokio::task::JoinSet::new();
        for _ in 0..self.sockets {
            let member = Member::open(&self).await?;
            reading.spawn(member.read(gone.clone(), self.records));
        }
        tell(&self.sockets)?;
        parent.waited().await?;

        let stopwatch = Stopwatch::over(self.watched)?;
        go.send(())?;
        // A finished socket stays open, because closing it would cost the sender time.
        let mut read = Vec::new();
        while let Some(member) = reading.join_next().await {
            read.push(member??);
        }
        let left_out = read.iter().map(|member| member.left_out).sum();
        let delivered = self.records * self.sockets as u64 - left_out;
        let throughput = stopwatch.stop(delivered)?;
        let mut contents = Vec::new();
        for member in read.iter().filter(|member| member.left_out == 0) {
            contents.push(member.tally.content()?);
        }
        let content = contents.first().copied();
        ensure!(contents.iter().all(|other| Some(*other) == content), "not every socket read the same");
        tell(&Fanned { throughput, content, left_out })
    }
}

struct Member {
    socket: Socket,
    /// `None` for a ready frame.
    credit: Option<Credit>,
    tally: Tally,
    left_out: u64,
}

impl Member {
    async fn open(fan: &Fan) -> Result<Self> {
        let (socket, credit) = match &fan.sender {
            Sender::Bridge { topic } => {
                let mut client = Client::connect(&fan.address).await?;
                let group = format!("{topic}-fan");
                let mode = Mode::Group { id: group, start: GroupStart::Earliest, commit: CommitMode::Auto };
                let request = client::subscribe(topic, mode, Format::Binary, CLOSED, WhenSlow::Block);
                let subscription = client.subscribe(request).await?;
                (client.socket, Some(Credit::new(subscription, OPEN)))
            }
            Sender::ReadyFrames => (client::open(&fan.address).await?, None),
        };
        Ok(Self { socket, credit, tally: Tally::default(), left_out: 0 })
    }

    async fn read(mut self, mut gone: watch::Receiver<()>, records: u64) -> Result<Self> {
        // While the other sockets are opened, this one must answer pings.
        loop {
            tokio::select! {
                go = gone.changed() => {
                    go.context("the others failed")?;
                    break;
                }
                frame = self.socket.next() => match frame.context("the socket was closed")?? {
                    Message::Text(text) => self.hear(&text).await?,
                    other => bail!("{other} came before it was asked for"),
                },
            }
        }
        let go = match &self.credit {
            Some(credit) => credit.flow(0),
            None => Message::text("go"),
        };
        self.socket.send(go).await?;
        while self.tally.records() + self.left_out < records {
            match self.socket.next().await.context("the socket was closed")?? {
                Message::Binary(frame) => self.take(&frame).await?,
                Message::Text(text) => self.hear(&text).await?,
                other => bail!("{other} came in between"),
            }
        }
        Ok(self)
    }

    async fn take(&mut self, frame: &[u8]) -> Result<()> {
        let Some(credit) = &mut self.credit else {
            // The offsets of the repeated frame are always the same.
            for record in RecordsFrame::parse(frame)?.records {
                self.tally.push_unnumbered(record?.view()?.value.unwrap_or_default());
            }
            return Ok(());
        };
        let (records, bytes) = (self.tally.records(), self.tally.bytes());
        let through = frames::binary(frame, &mut self.tally)?;
        let (records, bytes) = (self.tally.records() - records, self.tally.bytes() - bytes);
        if let Some(flow) = credit.use_up(through, records, bytes) {
            self.socket.send(flow).await?;
        }
        Ok(())
    }

    /// A reported gap is not an error, but its records were not delivered.
    async fn hear(&mut self, text: &str) -> Result<()> {
        match client::parse(text)? {
            ServerMessage::Gap(gap) => {
                self.left_out += u64::try_from(gap.to.0 - gap.from.0)?;
                self.tally.jump_to(gap.to.0);
            }
            ServerMessage::Ping(_) => self.socket.send(client::text(Pong {})).await?,
            _ => {}
        }
        Ok(())
    }
}
