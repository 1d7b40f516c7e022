//! Every interleaving of a few steps of an outbox, over a real socket whose buffers are small, so that direct writes are
//! also partial ones. The client must receive each frame whole, and in the order in which the frames were created.

use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

use super::*;
use crate::http::Stream;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A frame goes through the queue, if there is room.
    Queue,
    /// A frame is written directly, or is queued if other frames come first.
    WriteAtOnce,
    /// The writer runs until it waits.
    Writer,
    /// The client reads what has arrived.
    Read,
}

const STEPS: [Step; 4] = [Step::Queue, Step::WriteAtOnce, Step::Writer, Step::Read];

/// 4^6 interleavings take a second.
const LENGTH: u32 = 6;

/// More than the socket's buffers hold, and less than twice as much.
const FRAME_BYTES: usize = 12 * 1024;

/// The smallest buffers that the kernel gives.
const BUFFER_BYTES: u32 = 4 * 1024;

async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpSocket::new_v4().expect("a socket");
    listener.set_recv_buffer_size(BUFFER_BYTES).expect("a buffer size");
    listener.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener = listener.listen(1).expect("a listener");
    let client = TcpSocket::new_v4().expect("a socket");
    client.set_send_buffer_size(BUFFER_BYTES).expect("a buffer size");
    let address = listener.local_addr().expect("an address");
    let (ours, theirs) = tokio::join!(client.connect(address), listener.accept());
    (ours.expect("a connection"), theirs.expect("a connection").0)
}

/// The number of the frame is in each of its bytes.
fn frame(number: u8) -> Frame {
    let letter = char::from(b'a' + number);
    Frame::text(&letter.to_string().repeat(FRAME_BYTES))
}

struct Run {
    outbox: Outbox,
    client: TcpStream,
    received: Vec<u8>,
    created: u8,
    partial_writes: usize,
}

impl Run {
    fn take(&mut self, step: Step) {
        match step {
            Step::Queue => self.queue(),
            Step::WriteAtOnce => {
                let number = self.created;
                match self.outbox.write_at_once(|| Some(frame(number))) {
                    AtOnce::Written => {
                        self.created += 1;
                        let socket = self.outbox.wire.socket.try_lock().expect("the writer does not run");
                        self.partial_writes += usize::from(socket.partial.is_some());
                    }
                    AtOnce::Busy => self.queue(),
                    AtOnce::Nothing => panic!("there was a frame"),
                }
            }
            Step::Writer => {}
            Step::Read => {
                let mut buffer = [0; 64 * 1024];
                while let Ok(read) = self.client.try_read(&mut buffer) {
                    self.received.extend_from_slice(&buffer[..read]);
                }
            }
        }
    }

    fn queue(&mut self) {
        if self.outbox.queue.try_send(self.outbox.outgoing(frame(self.created), false)).is_ok() {
            self.created += 1;
        }
    }
}

/// Returns the number of direct writes that were partial.
async fn run(steps: &[Step]) -> usize {
    let (ours, client) = connection().await;
    let (reader, half) = Stream::Plain(ours).into_split();
    let (outbox, writer) = Outbox::new(half, Replies::default());
    let mut run = Run { outbox, client, received: Vec::new(), created: 0, partial_writes: 0 };
    let mut writing = Box::pin(writer.run());
    for &step in steps {
        run.take(step);
        if matches!(step, Step::Writer) {
            // One turn of the writer: it writes until the socket is full or nothing waits.
            let turn = std::future::poll_fn(|context| std::task::Poll::Ready(writing.as_mut().poll(context)));
            assert!(turn.await.is_pending(), "the writer ends only with the outbox");
        }
        // The runtime notices what the kernel has sent and received.
        tokio::task::yield_now().await;
    }
    let Run { outbox, mut client, mut received, created, partial_writes } = run;
    drop(outbox);
    let (_open, ()) = tokio::join!(
        async {
            drop(writing.await);
            drop(reader);
        },
        async {
            client.read_to_end(&mut received).await.expect("the rest");
        }
    );
    let mut expected = Vec::new();
    for number in 0..created {
        let frame = frame(number);
        let mut slices = Vec::new();
        frame.slices(&mut slices);
        slices.iter().for_each(|slice| expected.extend_from_slice(slice));
    }
    assert!(received == expected, "{steps:?}: {} of {} bytes, or in another order", received.len(), expected.len());
    partial_writes
}

#[tokio::test]
async fn frames_arrive_whole_and_in_order_under_every_interleaving() {
    let mut partial_writes = 0;
    for number in 0..STEPS.len().pow(LENGTH) {
        let steps: Vec<Step> = (0..LENGTH).map(|place| STEPS[number / STEPS.len().pow(place) % STEPS.len()]).collect();
        partial_writes += run(&steps).await;
    }
    assert!(partial_writes > 0, "the buffers are too large for partial writes");
}
