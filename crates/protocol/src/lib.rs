//! # Ponte's wire protocol, version 1
//!
//! What crosses the WebSocket at `/ws` (subprotocol `ponte.v1`) between a client — the page, or any program — and
//! the bridge. This page is the specification: a client can be written from it alone. Every message has a golden
//! file under `crates/protocol/golden/`, and a change edits specification, golden file and changelog together.
//!
//! ## Frames
//! - A text frame is one JSON object with a `type`. Control messages are always text.
//! - A binary frame is a batch of records with raw bytes ([`binary`] has its layout, `crates/protocol/golden/binary/` examples byte by byte): `records` to a client that
//!   subscribed with `"format": "binary"`, `produce` from any client that prefers it. It means the same as its JSON
//!   form. One that cannot be read closes the socket with 4501.
//! - `id`, a number of the client's choice (0 to 2⁶⁴−1), makes a client message a request; its reply carries the same
//!   `id`. A message without `id` is a push. An `id` of another type is answered by `bad_request` without an `id`.
//! - Kafka offsets are strings in JSON (they have 64 bits, JavaScript's numbers 53). Sequence numbers, counts,
//!   partitions and milliseconds are numbers.
//! - Keys, values and header values ([`WireBytes`]) are `null` (Kafka's null; as a value, a tombstone),
//!   `{"text": "…"}`, `{"json": …}` (raw JSON, passed through untouched) or `{"base64": "…"}`. From a client a bare
//!   string means text. To a client: valid JSON comes as `json`, else valid UTF-8 as `text`, else `base64`; the
//!   empty value is `{"text": ""}`, never null. JSON with white space around it comes as `text`, so that its bytes
//!   stay what they are. JSON that a receiver's parser may refuse, and with it the whole frame, comes as `text` as well:
//!   nested more than 128 levels deep ([`MAX_JSON_DEPTH`]; the frame itself adds up to six), or with an escape of half a
//!   character (`"\ud800"` without its second half). Numbers of any size and duplicate names stay `json`, untouched.
//! - Headers are an ordered list of `[name, bytes]`; duplicates are kept.
//! - A receiver ignores fields that it does not know.
//!
//! ## A session
//! ```text
//! > {"type":"hello","protocol":"ponte.v1","client":"example/1.0"}
//! < {"type":"welcome","session":"9f2c…","resumed":false,"cluster":{…},"defaults":{…},"limits":{…},"heartbeat_ms":20000,"read_only":false}
//! > {"type":"subscribe","id":1,"topics":["foobar"],"mode":{"group":{"id":"my-group","start":"earliest","commit":"auto"}},"window":{"records":1000,"bytes":1048576},"format":"json","when_slow":"block"}
//! < {"type":"subscribed","id":1,"subscription":1}
//! < {"type":"assigned","subscription":1,"partitions":[{"topic":"foobar","partition":0,"offset":"0"}]}
//! > {"type":"produce","seq":0,"records":[{"topic":"foobar","key":null,"value":{"json":{"id":0,"text":"messaggio 0"}},"headers":[]}]}
//! < {"type":"produced","acks":[{"first":0,"last":0,"topic":"foobar","partition":0,"offset":"0","timestamp":1763800000000,"took_us":1400}],"errors":[]}
//! < {"type":"records","subscription":1,"seq":1,"topic":"foobar","partition":0,"records":[{"offset":"0","timestamp":1763800000000,"key":null,"value":{"json":{"id":0,"text":"messaggio 0"}},"headers":[]}]}
//! > {"type":"flow","subscription":1,"through":1,"records":1000,"bytes":1048576}
//! < {"type":"committed","subscription":1,"positions":[{"topic":"foobar","partition":0,"offset":"1"}]}
//! < {"type":"ping"}
//! > {"type":"pong"}
//! > {"type":"unsubscribe","id":2,"subscription":1}
//! < {"type":"unsubscribed","id":2,"subscription":1}
//! ```
//! [`Hello`] comes first and within 10 s (else 4502), then the bridge answers [`Welcome`]. The first message has at most
//! [`MAX_HELLO_BYTES`] (else 1009). `hello.client` is a [`ClientName`]: at most 100 characters, no control or format
//! characters (else 4501). At most 64 sockets wait for their `hello`: when another one comes, the oldest of the address that
//! has the most of them is closed with 4013. A `hello` beyond the number of sockets that the bridge (or one address) may have
//! open is closed with 4504.
//!
//! The bridge sends `ping` every `heartbeat_ms` and closes with 4012 when not one byte arrives until the one after; a part of
//! a message and a WebSocket ping count. A bridge that was started with an access token closes with 4500 where `hello` has
//! none or another; after several wrong tokens from one address, the bridge takes up to 2 s to answer the next one.
//! Tokens are never in the URL.
//!
//! [`ClusterChanged`] is pushed whenever Kafka goes away or comes back.
//!
//! ## Produce
//! [`Produce`] carries records numbered from `seq` on; numbers only rise within a session. [`Produced`] brings each
//! record exactly one outcome: *acked* (a range of consecutive numbers at consecutive offsets), *failed* (not in the
//! log), or *unknown* (`"unknown": true` in its error: it may be in the log, since no answer came in time). When the
//! produce window (`limits.produce_window` records without outcome) or librdkafka's queue is full, the bridge stops
//! reading the socket; it never drops.
//!
//! After a lost socket the session lingers for 60 s. A client that says `hello` with `resume` gets it back
//! (`"resumed": true`) and sends again what has no outcome yet; the bridge answers what it has already written with
//! the same outcome and writes nothing twice. This holds across a lost socket, not across a crash of the bridge.
//! A number belongs to one record: the same number with other content is `sequence_reused`, one that is older than what the bridge
//! remembers (100,000 records) is `sequence_expired`; neither is written, nor is what follows it in the same message. A record is
//! the same whether it comes in JSON or in a binary frame.
//!
//! Outcomes of many records come in several `produced` messages of about 128 KiB. When very many records of a session fail for
//! different reasons, later errors keep their code and lose their text. Sessions that wait for their client are bounded in number
//! and in memory; beyond that the one that waits longest is forgotten before its 60 s are over.
//!
//! The socket that comes back takes the session from one that still has it (4510). With `resume.attempt`, a number that
//! rises with each `hello` of the client, a late `hello` of a socket that was given up is the one that is closed.
//!
//! ## Subscribe
//! [`Subscribe`] opens a stream in one of two modes ([`Mode`]): `tail` looks on without a group, `group` joins one and
//! gets [`Revoked`] and [`Committed`]. Both get [`Assigned`] before the first record of a partition, with the offset
//! where reading starts. `latest` is what is latest then, not when `subscribe` was sent: who wants to see what it
//! sends itself waits for `assigned`. A tail reads the partitions that the topic has at that time; with `offsets`, those
//! that are named.
//!
//! An [`ErrorMessage`] with a `subscription` says what hinders it (its topic does not exist yet, say). The subscription
//! stays and goes on by itself.
//!
//! [`Records`] is a batch of one partition, at most 256 records or 128 KiB; a larger record travels alone. The
//! records of a subscription are numbered 1, 2, 3 …; `seq` is the number of the batch's last record.
//!
//! Credit is not acknowledgement. [`Flow`] is absolute: handled through `through`, beyond it so many records and bytes
//! more; zero records pause. [`Ack`] moves what may be committed; with `"commit": "auto"` `flow` does that as well.
//! Only what is contiguous is committed, never beyond what the client acknowledged.
//!
//! [`WhenSlow`] says what happens to a client that falls behind: `block` (default of groups), `skip` (default of
//! tails: a [`Gap`] in the place of what is missing) or `close` (4008). A jump in `seq` is a loss and always comes
//! with a gap; a jump in offsets is not, since compaction and transaction markers leave holes. Never a silent reset.
//!
//! Only gaps whose reason is `slow` move `seq`, by the number of records that they stand for: those were read from Kafka and
//! counted. What Kafka no longer has (`retention`, `recreated`, `out_of_range`) was never counted. Gaps that are `slow` come
//! before the next record or event: while a client allows no record, what it misses is added to the gap that waits, so that
//! there is one for each partition.
//!
//! Positions in `offsets` and `resume` name topics of the subscription, each partition once; partitions, offsets and times
//! count from 0 (else `bad_request`). A partition that the topic does not have (`unknown_partition`), or an offset of
//! `offsets` beyond the end of its partition (`bad_request`), is told with the subscription's number; reading begins when it
//! is there, of other partitions that are named at once where one is unknown. The same codes answer [`Fetch`], and `topic_missing` where there is no such topic.
//!
//! The bridge has at most 64 consumers, 32 of them for one subscription alone: tails that `block`, and tails that have not read
//! to the end since they started elsewhere than at the latest record. One more is `too_many_readers`. A subscription counts until
//! its consumer has ended. A tail that has caught up shares a consumer with others; its client notices nothing.
//!
//! A gap is `recreated` only when two different topic ids were observed under the topic's name. A group's committed offset
//! that Kafka does not have for another reason is a gap `out_of_range`: reading starts at the group's `start`, and nothing of
//! that partition is committed until the client sends [`ResumeCommits`].
//!
//! [`RecordsWaiting`] lists the partitions whose next records are not visible yet, because a transaction that began before them
//! is still open; [`ProduceWaiting`] says why a record that was sent has no outcome, or is not visible, yet.
//!
//! [`Unsubscribe`] ends it; its reply comes after the last record. [`Fetch`] reads a range once.
//!
//! ## Requests
//! Each has an `id`; its reply is the same `type` with `_result` added, or an `error` with that `id`. Eight requests of a socket
//! are answered at once, 64 more wait for their turn; a further one is `too_many_requests`, with `retry_after_ms`.
//! - Topics: [`TopicsRequest`], [`TopicRequest`] (partitions and settings), [`CreateTopic`], [`AlterTopicConfig`],
//!   [`AddPartitions`], [`EmptyTopic`], [`DeleteTopic`].
//! - Groups: [`GroupsRequest`], [`GroupRequest`] (members, positions, lag), [`DeleteGroup`], and the reset of positions in
//!   two steps: [`PlanOffsetReset`] shows old and new, [`ResetOffsets`] applies what was shown, or nothing.
//! - Cluster: [`ClusterRequest`] (who the brokers are; answered from memory), [`ClusterDetailsRequest`] (controller, racks,
//!   versions, features, partitions in trouble; asks Kafka). Versions and features come from each broker by itself and may
//!   be ten seconds old; a broker that does not tell them is no error, `features_error` says why.
//!
//! What destroys (`add_partitions`, `empty_topic`, `delete_topic`, `delete_group`) carries `confirm`, the name once more as
//! the user typed it; without it the answer is `not_confirmed`. Topics whose name begins with `__` are Kafka's own and stay
//! as they are (`internal_topic`). A bridge that is read-only (`welcome.read_only`) refuses every change with `read_only`;
//! joining a group commits, so that is refused as well.
//!
//! ## Live views
//! `watch_cluster`, `watch_topics`, `watch_topic`, `watch_groups` and `watch_group` are answered by [`Watching`] with a
//! number, and from then on what was asked for is pushed as it changes ([`ClusterDetailsChanged`], [`TopicsChanged`],
//! [`TopicChanged`], [`GroupsChanged`], [`GroupChanged`]), about once a second; rarer where Kafka takes long to answer. The
//! first push is complete. In those that follow a list holds only what is new or different, `removed` names what is gone,
//! and an absent field is as it was. A client that takes its time misses steps in between, never the last state.
//! [`WatchTrouble`] says why nothing new comes; the view goes on by itself. [`Unwatch`] ends it. However many sockets look
//! at the same thing, Kafka is asked once.
//!
//! ## Errors
//! [`ErrorMessage`] carries an [`ErrorBody`]: number and name ([`ErrorCode`]), a message that says what failed and what
//! to do, whether trying again can help, and Kafka's own code where there is one. A frame that is no message closes
//! the socket (4501); an unknown type or a bad field gets an error and the session stays. [`CloseCode`] lists why a
//! socket closes, and [`CloseCode::should_reconnect`] what to do about it.

pub mod binary;
mod client;
mod cluster;
mod error;
mod groups;
mod json_batch;
mod message;
mod name;
mod offset_reset;
mod plain_json;
mod printable;
mod record_view;
mod server;
mod topics;
mod watch;
mod wire_bytes;

pub use binary::{BadBatch, BinaryBatch, ProduceBatch, ProduceFrame, RecordsFrame, RecordsHead};
pub use client::*;
pub use cluster::*;
pub use error::{CloseCode, ErrorBody, ErrorBroker, ErrorCode, KafkaError};
pub use groups::*;
pub use json_batch::JsonBatch;
pub use message::{Frame, ParseError, RequestId};
pub use name::{ClientName, GroupId, InvalidName, Offset, Position, TopicName};
pub use offset_reset::*;
pub use plain_json::MAX_JSON_DEPTH;
pub use printable::is_printable;
pub use record_view::{HeaderView, ProduceView, RecordView};
pub use server::*;
pub use topics::*;
pub use watch::*;
pub use wire_bytes::WireBytes;

/// The WebSocket subprotocol, and what `hello.protocol` says.
pub const SUBPROTOCOL: &str = "ponte.v1";

/// The most records in one `records` frame.
pub const MAX_BATCH_RECORDS: usize = 256;

/// The most bytes in one `records` frame; a single larger record travels alone.
pub const MAX_BATCH_BYTES: usize = 128 * 1024;

/// The most bytes in the first message of a socket, which must be `hello`.
pub const MAX_HELLO_BYTES: usize = 16 * 1024;

/// How long a session waits for its client after the socket is lost.
pub const SESSION_LINGER_SECS: u64 = 60;
