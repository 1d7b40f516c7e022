//! # Ponte's wire protocol, version 1
//!
//! This page specifies the messages on the WebSocket at `/ws` (subprotocol `ponte.v1`) between a client (the page, or
//! any other program) and the bridge. A client can be written from this page alone. Every message has a golden file
//! under `crates/protocol/golden/`. A change of the protocol edits this specification, the golden file and the
//! changelog together.
//!
//! ## Frames
//! - A text frame is one JSON object with a `type`. Control messages are always text frames.
//! - A binary frame is a batch of records with raw bytes: `records` for a client that subscribed with
//!   `"format": "binary"`, and `produce` from any client that prefers it. [`binary`] specifies its layout, and
//!   `crates/protocol/golden/binary/` has examples byte by byte. It has the same meaning as its JSON form. An invalid
//!   binary frame closes the socket with 4501.
//! - `id`, a number that the client chooses (0 to 2⁶⁴−1), makes a client message a request. The reply has the same
//!   `id`. A message from the bridge without `id` is a push. An `id` of another type is answered by `bad_request`
//!   without an `id`.
//! - Kafka offsets are strings in JSON, because they have 64 bits and JavaScript's numbers have 53. Sequence numbers,
//!   counts, partitions and milliseconds are numbers.
//! - Keys, values and header values ([`WireBytes`]) are `null` (Kafka's null; as a value, a tombstone),
//!   `{"text": "…"}`, `{"json": …}` (raw JSON, whose bytes are not changed) or `{"base64": "…"}`. A client may also
//!   send a plain string, which means text.
//! - The bridge sends valid JSON as `json`, other valid UTF-8 as `text`, and everything else as `base64`. The empty
//!   value is `{"text": ""}`, never null. Three kinds of JSON are sent as `text`: JSON with white space around it,
//!   because embedding would lose the white space; JSON nested more than 128 levels deep ([`MAX_JSON_DEPTH`]; the frame
//!   itself adds up to six); and JSON that escapes only half of a surrogate pair (`"\ud800"` without its second half).
//!   A receiver's parser might refuse the last two, and the whole frame with them. Numbers of any size and duplicate
//!   names are sent as `json`, unchanged.
//! - Headers are an ordered list of `[name, bytes]`, which may contain duplicates.
//! - A receiver must ignore fields that it does not know.
//!
//! ## A session
//! ```text
//! > {"type":"hello","protocol":"ponte.v1","client":"example/1.0"}
//! < {"type":"welcome","session":"9f2c…","resumed":false,"cluster":{…},"defaults":{…},"limits":{…},"heartbeat_ms":20000,"read_only":false,"cluster_name":"default","clusters":[…]}
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
//! The client must send [`Hello`] first, within 10 s (else 4502). The bridge answers with [`Welcome`]. The first
//! message may have at most [`MAX_HELLO_BYTES`] (else 1009). `hello.client` is a [`ClientName`]: at most 100
//! characters, without control and format characters (else 4501).
//!
//! `hello.cluster` names the Kafka cluster that the whole socket is for; absent means the bridge's first one. It is a
//! [`ClusterName`]: 1 to 64 letters, digits, dots, underscores and hyphens (else 4501). [`Welcome`] lists
//! the bridge's clusters, each with its colour and whether it is read-only, and names the socket's own one. A bridge
//! that was configured without clusters has one, `default`. If the bridge has no cluster of that name, it sends an `unknown_cluster` error that lists the
//! names of its clusters, and closes the socket with 4508. [`Welcome`] has Kafka's id of the cluster in `cluster.id`.
//!
//! At most 64 sockets may be open before their `hello`. When another one is opened, the bridge closes the oldest socket
//! of the address that has the most of them, with 4013. A `hello` beyond the maximum number of open sockets (in total,
//! or from one address) closes the socket with 4504.
//!
//! A refused handshake is answered with an HTTP status and an [`ErrorMessage`] as JSON: `origin_refused` (403),
//! `too_many_sockets` (503) or `bad_handshake` (400 or 426). Browsers hide this answer from a page. A page can ask again
//! by a plain GET of the same address, with its origin in the header `ponte-origin`; `bad_handshake` then means that the
//! bridge would accept the page, and that a proxy does not pass on the handshake.
//!
//! The bridge sends `ping` every `heartbeat_ms`. It closes the socket with 4012 if it receives no byte during three of
//! these intervals; a part of a message and a WebSocket ping count. If the bridge was started with an access token, a missing or
//! wrong token in `hello` closes the socket with 4500. After several wrong tokens from one address, the bridge delays
//! its answer to the next one by up to 2 s. Tokens are never part of the URL.
//!
//! The bridge pushes [`ClusterChanged`] when Kafka becomes unreachable or reachable, and when the brokers change.
//!
//! ## Produce
//! [`Produce`] sends records, numbered from `seq` on. Sequence numbers must increase within a session. [`Produced`]
//! reports exactly one outcome for each record: *acknowledged* (a range of consecutive numbers at consecutive offsets),
//! *failed* (the record is not in the log), or *unknown* (`"unknown": true` in its error: no acknowledgement came in
//! time, so the record may be in the log). When the produce window (`limits.produce_window` records without an outcome)
//! or librdkafka's queue is full, the bridge stops reading the socket. It never drops a record.
//!
//! After a socket is lost, the bridge keeps its session for 60 s. A client whose next `hello` has `resume` gets the
//! session back (`"resumed": true`), and sends every record without an outcome again. For records that it has already
//! produced, the bridge reports the same outcome and writes nothing twice. This guarantee holds when a socket is lost,
//! not when the bridge crashes.
//!
//! A sequence number belongs to one record. A number that was used for a record with other content, or that was
//! skipped, is refused with `sequence_reused`. A number older than the last 100,000 outcomes, which the bridge keeps,
//! is refused with `sequence_expired`. Neither that record nor the records after it in the same message are written. A
//! record in JSON and the same record in a binary frame have the same content.
//!
//! Outcomes of many records are split into several `produced` messages of about 128 KiB. If very many records of a
//! session fail with different errors, later errors keep their code but lose their text. The number and the memory of
//! sessions that wait for their client are limited. Beyond the limit, the session that has waited longest is removed
//! before its 60 s are over.
//!
//! A session belongs to its cluster: a `resume` with another `hello.cluster` gets a new session (`"resumed": false`).
//!
//! If another socket still has the resumed session, that socket is closed with 4510. `resume.attempt` is a number that
//! the client increases with each `hello`. With it, a late `hello` of an abandoned socket cannot take the session from
//! a newer one: the abandoned socket is closed with 4510 instead.
//!
//! ## Subscribe
//! [`Subscribe`] opens a stream of records in one of two modes ([`Mode`]). `tail` reads without a consumer group.
//! `group` joins a consumer group, and also receives [`Revoked`] and [`Committed`]. In both modes, [`Assigned`] comes
//! before the first record of a partition and has the offset where reading starts. `latest` means the latest offset at
//! that moment, not when `subscribe` was sent; a client that wants to receive the records that it produces waits for
//! `assigned`. A tail reads the partitions that the topic has at that time, or, with `offsets`, the given partitions.
//!
//! An [`ErrorMessage`] with a `subscription` reports why that subscription receives no records, for example because its
//! topic does not exist yet. The subscription stays open and continues when the cause is gone.
//!
//! [`Records`] is a batch of one partition, with at most 256 records or 128 KiB; a single larger record is sent alone.
//! The records of a subscription are numbered 1, 2, 3 …; `seq` is the number of the last record of the batch.
//!
//! Flow control and acknowledgement are separate. [`Flow`] grants credit in absolute terms: the client has handled the
//! records up to number `through`, and accepts that many further records and bytes. Zero records pause the
//! subscription. [`Ack`] acknowledges positions, which may then be committed; with `"commit": "auto"`, `flow`
//! acknowledges too. The bridge commits only contiguously acknowledged positions, and never a position beyond what the
//! client acknowledged.
//!
//! [`WhenSlow`] decides what happens when a client falls behind: `block` (the default of groups), `skip` (the default
//! of tails: the client receives a [`Gap`] in place of the missing records) or `close` (4008). A jump in `seq` means
//! lost records, and always comes with a gap. A jump in offsets does not, since compaction and transaction markers
//! leave holes. A position is never reset silently.
//!
//! Only gaps with the reason `slow` increase `seq`, by the number of records that they stand for, because the bridge
//! has read and counted those records. Records that Kafka does not have (`retention`, `recreated`, `out_of_range`) were
//! never counted. A `slow` gap is sent before the next record or event. While a client grants no credit, further missed
//! records extend the waiting gap, so there is at most one for each partition.
//!
//! Positions in `offsets` and `resume` must name topics of the subscription, and each partition once. Partitions,
//! offsets and times must not be negative (else `bad_request`). A partition that the topic does not have
//! (`unknown_partition`), or a position in `offsets` beyond the end of its partition (`bad_request`), is reported by an
//! error with the subscription's number. Reading starts when the partition or the position exists; an unknown partition
//! does not delay the others. [`Fetch`] is answered with the same codes, and with `topic_missing` if the topic does not
//! exist.
//!
//! The bridge has at most 64 consumers. At most 32 of them may be private to one subscription, as those of tails that
//! `block` are, and of tails that started elsewhere than at `latest` and have not reached the end yet. A subscription
//! that needs another consumer is refused with `too_many_readers`. A subscription counts until its consumer has ended.
//! A tail that reaches the end moves to a shared consumer; its client does not notice.
//!
//! A gap has the reason `recreated` only if two different topic ids were observed for the topic's name. If Kafka does
//! not have a group's committed offset for another reason, the gap has the reason `out_of_range`: reading starts at the
//! group's `start`, and the bridge commits nothing in that partition until the client sends [`ResumeCommits`].
//!
//! [`RecordsWaiting`] lists the partitions whose next records are not visible yet, because a transaction that began
//! before them is still open. [`ProduceWaiting`] says why a produced record has no outcome yet, or is not visible yet.
//!
//! [`Unsubscribe`] ends a subscription; the reply comes after the last record. [`Fetch`] reads a range of offsets once.
//!
//! ## Requests
//! Each request below has an `id`. Its reply has the same `type` with the suffix `_result` (`fetch` is answered by
//! `fetched`), or is an `error` with that `id`. The bridge processes eight requests of a socket at the same time, and
//! 64 more wait. A further one is refused with `too_many_requests` and `retry_after_ms`.
//! - Topics: [`TopicsRequest`], [`TopicRequest`] (partitions and settings), [`CreateTopic`], [`AlterTopicConfig`],
//!   [`AddPartitions`], [`EmptyTopic`], [`DeleteTopic`].
//! - Groups: [`GroupsRequest`], [`GroupRequest`] (members, positions, lag), [`DeleteGroup`], and an offset reset in two
//!   steps: [`PlanOffsetReset`] returns old and new positions, [`ResetOffsets`] applies exactly that plan, or nothing.
//! - Cluster: [`ClusterRequest`] (the brokers; answered without asking Kafka), [`ClusterDetailsRequest`] (controller,
//!   racks, versions, features, under-replicated and offline partitions; asks Kafka). Each broker reports its version
//!   and features separately, and the bridge caches them for ten seconds. If a broker does not report them,
//!   `features_error` says why, and the request still succeeds.
//!
//! A destructive request (`add_partitions`, `empty_topic`, `delete_topic`, `delete_group`) has a field `confirm`, which
//! must repeat the name as the user typed it; otherwise it is refused with `not_confirmed`. Topics whose name begins
//! with `__` are internal topics of Kafka and cannot be changed (`internal_topic`). A read-only bridge
//! (`welcome.read_only`) refuses every change with `read_only`, and also joining a group, because a member commits
//! offsets.
//!
//! ## Live views
//! `watch_cluster`, `watch_topics`, `watch_topic`, `watch_groups` and `watch_group` open a live view. The bridge
//! replies with [`Watching`], which has the view's number, and then pushes changes ([`ClusterDetailsChanged`],
//! [`TopicsChanged`], [`TopicChanged`], [`GroupsChanged`], [`GroupChanged`]) about once a second, less often if Kafka
//! is slow to answer. The first push is complete. In later ones, lists contain only new or different elements,
//! `removed` names the elements that are gone, and an absent field is unchanged. A slow client misses intermediate
//! states, but never the latest one. [`WatchTrouble`] reports why there are no updates; the view continues when Kafka
//! answers again. [`Unwatch`] ends a view. The bridge queries Kafka once for all sockets that watch the same object.
//!
//! ## Access rules
//! The bridge may mask fields of records for some users. `masked` of [`Subscribed`] and of [`Fetched`] lists the masked
//! fields of all topics of the subscription, as they are configured (`value.email`, `headers.user`); without masks it is
//! absent. A masked member of a JSON object, a header, or a whole key or value is replaced by the text `***`, or by `#` and
//! 16 hexadecimal digits, which are the same for equal values until the bridge is restarted; or the member or header is left
//! out. A key or value is replaced as a whole if a mask concerns a part of it and the bridge cannot read it as JSON. Null
//! stays null, all other bytes are unchanged, and so are offsets, timestamps and the number of records. A client should not
//! send masked records again as if they were the original ones.
//!
//! The limits and credits in bytes count the keys, values and headers that Kafka has. As replacements may be longer than
//! what they stand for, a frame with masked records may be larger than 128 KiB.
//!
//! The records of the same topics are sent in at most eight variants (formats × masks) at the same time. A subscription that
//! needs another variant is refused with `too_many_variants` and `retry_after_ms`.
//!
//! ## Errors
//! [`ErrorMessage`] has an [`ErrorBody`]: number and name of the error ([`ErrorCode`]), a message that says what failed
//! and what to do, whether the same request may succeed later, and Kafka's own error code if there is one. A text frame
//! that is not a message closes the socket (4501). An unknown type or an invalid field is answered with an error, and
//! the session continues. [`CloseCode`] lists the reasons for closing a socket, and [`CloseCode::should_reconnect`]
//! says whether to connect again.

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
mod request;
mod rights;
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
pub use message::{Frame, MessageBody, ParseError, RequestId};
pub use name::{ClientName, ClusterName, GroupId, InvalidName, Offset, Position, TopicName};
pub use offset_reset::*;
pub use plain_json::MAX_JSON_DEPTH;
pub use printable::is_printable;
pub use record_view::{HeaderView, ProduceView, RecordView};
pub use request::{Kind, LiveView, Request};
pub use rights::{Action, Grant, NamePattern, Need, Object, Rights};
pub use server::*;
pub use topics::*;
pub use watch::*;
pub use wire_bytes::WireBytes;

/// The WebSocket subprotocol, and the value of `hello.protocol`.
pub const SUBPROTOCOL: &str = "ponte.v1";

/// The maximum number of records in one `records` frame.
pub const MAX_BATCH_RECORDS: usize = 256;

/// The maximum number of bytes in one `records` frame; a single larger record is sent alone.
pub const MAX_BATCH_BYTES: usize = 128 * 1024;

/// The maximum number of bytes in the first message of a socket, which must be `hello`.
pub const MAX_HELLO_BYTES: usize = 16 * 1024;

/// How long the bridge keeps a session after its socket is lost.
pub const SESSION_LINGER_SECS: u64 = 60;
