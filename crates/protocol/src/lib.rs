//! # Ponte's wire protocol, version 1
//!
//! This is the specification of the messages on the WebSocket at `/ws` (subprotocol `ponte.v1`) between a client (the page, or
//! any other program) and the bridge. A client can be written from it alone; `docs/examples/` has one in Python and one in
//! JavaScript. `docs/protocol.md` and `docs/protocol.schema.json` are generated from the crate `protocol` (`cargo xtask protocol`).
//! Every message has a golden file under `crates/protocol/golden/`, which is also its example in the document. A change of the
//! protocol edits this crate, the golden file and the changelog together.
//!
//! ## Connecting
//! A client sends the opening handshake of a WebSocket (RFC 6455, version 13, HTTP/1.1) to `/ws`, below the path of
//! `--base-path` if the bridge has one. It should offer the subprotocol `ponte.v1`, which the bridge then selects. A client
//! that offers none is accepted, too; a client that offers only others is refused. A browser sends the header `Origin`, which must be the
//! origin of the bridge itself or one of `--allowed-origins`. Programs need not send it. Extensions (such as permessage-deflate) are not
//! negotiated. The access token is part of `hello`, never of the URL.
//!
//! The bridge refuses a handshake with an HTTP status:
//!
//! | status | reason | body |
//! |---|---|---|
//! | 400 | no single valid `Sec-WebSocket-Key`, a request body, HTTP/1.0, or only other subprotocols | `error`: `bad_handshake` |
//! | 426 | not a WebSocket handshake, or a version other than 13; the headers `Upgrade` and `Sec-WebSocket-Version` say what is supported | `error`: `bad_handshake` |
//! | 403 | the origin of the page may not connect | `error`: `origin_refused` |
//! | 503 | the maximum number of sockets is open, in total or from this address, or the bridge has no file descriptor left | `error`: `too_many_sockets` |
//! | 400, 403 | the header `Host` is invalid, or names a host that is not served (`--allowed-hosts`) | plain text |
//! | 404 | the path is not below `--base-path` | plain text |
//! | 405 | another method than GET | plain text |
//!
//! The body of the first four is an [`ErrorMessage`] as JSON (`Content-Type: application/json`, `Cache-Control: no-store`). A proxy in
//! front of the bridge may answer with statuses and bodies of its own. Browsers hide the answer to a refused handshake from a page. A
//! page can ask again by a plain GET of the same address, with its origin in the header `ponte-origin`; `bad_handshake` then means that
//! the bridge would accept the page, and that a proxy does not pass on the handshake.
//!
//! ## Frames
//! - A text frame is one JSON object with a `type`. Control messages are always text frames.
//! - A binary frame is a batch of records with raw bytes: `records` for a client that subscribed with `"format": "binary"`, and
//!   `produce` from any client that prefers it. It has the same meaning as its JSON form. [`binary`] specifies the layout. An invalid
//!   binary frame closes the socket with 4501.
//! - `id`, a number that the client chooses (0 to 2⁶⁴−1), makes a client message a request. The reply has the same
//!   `id`. A message from the bridge without `id` is a push. An `id` of another type is answered by `bad_request`
//!   without an `id`.
//! - `"more": true` in a message from the bridge means that the message is one part of several, because its lists do not fit into one
//!   text frame. The lists continue in the next message with the same `type` and the same `id`, `watch` or `subscription`; the last part has no
//!   `more`. The lists of all parts, one after the other, are the lists of the whole message; other fields have the same value in all
//!   parts. The list inside an element may be divided, too: if the first element of a part has the same `member` or `group` as the last
//!   element of the part before, it continues that element. Other messages may come between two parts.
//! - Kafka offsets are strings in JSON, because they have 64 bits and JavaScript's numbers have 53. Sequence numbers,
//!   counts, partitions and milliseconds are numbers.
//! - Keys, values and header values ([`WireBytes`]) are `null` (Kafka's null; as a value, a tombstone),
//!   `{"text": "…"}`, `{"json": …}` (raw JSON, whose bytes are not changed) or `{"base64": "…"}`. A client may also
//!   send a plain string, which means text.
//! - The bridge sends valid JSON as `json`, other valid UTF-8 as `text`, and everything else as `base64`. The empty
//!   value is `{"text": ""}`, never null. Three kinds of JSON are sent as `text`: JSON with white space around it,
//!   because embedding would lose the white space; JSON nested more than 128 levels deep (the frame
//!   itself adds up to six); and JSON that escapes only half of a surrogate pair (`"\ud800"` without its second half).
//!   A receiver's parser might refuse the last two, and the whole frame with them. Numbers of any size and duplicate
//!   names are sent as `json`, unchanged.
//! - Headers are an ordered list of `[name, bytes]`, which may contain duplicates.
//! - A choice with parameters is an object with exactly one member, whose name is the choice and whose value has the parameters; a
//!   choice without parameters is a plain string. So `mode` is `{"tail": {"start": …}}` or `{"group": {"id": …, "start": …, "commit": …}}`,
//!   `start` of a tail is `"latest"`, `"earliest"`, `{"last": 100}`, `{"timestamp": 1763800000000}`, `{"offsets": […]}` or `{"resume": […]}`,
//!   and `to` of an offset reset is `"earliest"` or `{"shift": -10}`.
//! - A receiver must ignore fields that it does not know, and a client must ignore messages whose `type` it does not know.
//!
//! ## A session
//! ```text
//! > {"type":"hello","protocol":"ponte.v1","client":"example/1.0"}
//! < {"type":"welcome","session":"9f2c…","resumed":false,"cluster":{…},"defaults":{…},"limits":{…},"heartbeat_ms":10000,"read_only":false,"cluster_name":"default","clusters":[…]}
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
//! The client must send [`Hello`] first, within 10 s (else 4502). The bridge answers with [`Welcome`]. `hello.client` has at most 100
//! characters, without control and format characters (else 4501).
//!
//! `hello.cluster` names the Kafka cluster that the whole socket is for; absent means the bridge's first one. It has 1 to 64 letters,
//! digits, dots, underscores and hyphens (else 4501). [`Welcome`] lists the bridge's clusters, each with its colour and whether it is
//! read-only, and names the socket's own one. A bridge that was configured without clusters has one, `default`. If the bridge has no
//! cluster of that name, it sends an `unknown_cluster` error that lists the names of its clusters, and closes the socket with 4508.
//! [`Welcome`] has Kafka's id of the cluster in `cluster.id`.
//!
//! Many sockets may be open before their `hello`, 64 by default. When another one is opened, the bridge closes the oldest socket
//! of the address that has the most of them, with 4013. A `hello` beyond the maximum number of open sockets (in total,
//! or from one address) closes the socket with 4504.
//!
//! The bridge sends `ping` every `heartbeat_ms`; the client answers with `pong`. The bridge closes the socket with 4012 if it receives
//! no byte during three of these intervals; a part of a message and a WebSocket ping count. If the bridge was started with an access
//! token, a missing or wrong token in `hello` closes the socket with 4500. After several wrong tokens from one address, the bridge
//! delays its answer to the next one by up to 2 s.
//!
//! If users can sign in with OpenID Connect, a browser goes to `auth/sign-in?next=PATH` next to `/ws`, and gets a cookie that it sends with the
//! upgrade request. A token in `hello` has precedence over the cookie. A `hello` without a token on a socket without a valid cookie closes the
//! socket with 4509; so does the end of the sign-in later: sign-out (`POST auth/sign-out`, whose answer `{"location": …}` says where to go), or expiry.
//!
//! The bridge pushes [`ClusterChanged`] when Kafka becomes unreachable or reachable, and when the brokers change. If the cluster has a schema
//! registry, it pushes [`RegistryChanged`] after `welcome`, and when the registry becomes unreachable or reachable.
//!
//! ## Produce
//! [`Produce`] sends records, numbered from `seq` on. Sequence numbers must increase within a session; they may have holes. [`Produced`]
//! reports exactly one outcome for each record: *acknowledged* (a range of consecutive numbers at consecutive offsets),
//! *failed* (the record is not in the log), or *unknown* (`"unknown": true` in its error: no acknowledgement came in
//! time, so the record may be in the log). When the produce window (`limits.produce_window` records without an outcome)
//! or librdkafka's queue is full, the bridge stops reading the socket. It never drops a record.
//!
//! A record may have at most `limits.message_bytes` (the bridge's option `--max-message-bytes`), and its topic may take less
//! (`max.message.bytes`). A larger one fails with `record_too_large`, which names the smaller of the two limits. The largest
//! frame that the bridge reads is `limits.frame_bytes`: 4 MiB, or more if a record in JSON may need more (twice `message_bytes`
//! and 64 KiB). A larger frame closes the socket with 1009. While many sockets send frames above 4 MiB at the same time, some of
//! them are not read. A frame above 4 MiB that has not arrived 60 s after the bridge began to read it closes the socket with
//! 1009, too.
//!
//! `produce` has no reply. If the bridge does not process it, or only its first records, it sends an [`ErrorMessage`] whose `seq` is the
//! number of the first record that was not processed. This record and those after it have used no number: the client may use the numbers
//! again. The records of the message before `seq` were processed, and get their outcomes. Which errors use a number:
//!
//! | error | where | uses the number |
//! |---|---|---|
//! | an invalid field (`bad_request`), too many records (`batch_too_large`), `seq` too large (`bad_request`) | `error` with the `seq` of the message; without `seq` if it cannot be read | no |
//! | `sequence_reused`, `sequence_expired` | `error` with the `seq` of the first such record | no further one; the number itself stays that of the earlier record |
//! | everything else, for example `forbidden`, `read_only`, `invalid_topic`, `record_too_large`, `unknown_partition`, `not_delivered`, `delivery_unknown` | `produced.errors` | yes; the same record sent with the same number again gets the same error |
//! | an invalid binary frame, or a text frame that is not a message | close code 4501 | no |
//!
//! So a record that has failed is sent again with a new number. A record whose outcome is unknown may be in the log: sent again with a
//! new number, it may be written twice.
//!
//! A sequence number belongs to one record. A number that was used for a record with other content, or that was
//! skipped, is refused with `sequence_reused`. A number older than the last 100,000 outcomes, which the bridge keeps,
//! is refused with `sequence_expired`. A record in JSON and the same record in a binary frame have the same content.
//!
//! Outcomes of many records are split into several `produced` messages of about 128 KiB. If very many records of a
//! session fail with different errors, later errors keep their code but lose their text.
//!
//! ## Resume
//! After a socket is lost, the bridge keeps its session for 60 s. A client whose next `hello` has `resume` gets the session back
//! (`"resumed": true`). What a resumed session restores is the state of producing, and nothing else:
//!
//! - The sequence numbers go on: the client continues with numbers higher than those that it has used.
//! - The outcomes that were not sent to the lost socket follow `welcome`. The client sends every record without an outcome again, with
//!   the same number. For records that it has already produced, the bridge reports the same outcome and writes nothing twice. This
//!   guarantee holds when a socket is lost, not when the bridge crashes.
//!
//! Subscriptions, searches, live views and requests end with their socket, also in a resumed session: the client subscribes again. The numbers of
//! subscriptions, searches and live views start again at 1, and so does `seq` of the records. A tail that wants to continue where it was names its
//! positions in `{"resume": […]}`. The member of a group stays in the group for 60 s; a client that subscribes to the same group
//! and topics again within this time continues with the first record that was not acknowledged.
//!
//! `"resumed": false` begins a new session: sequence numbers may start at 0 again, and the outcomes that were missing are unknown. The
//! number and the memory of sessions that wait for their client are limited. Beyond the limit, the session that has waited longest is
//! removed before its 60 s are over. A session belongs to its cluster and to its user: a `resume` with another `hello.cluster`, or by
//! another user, gets a new session.
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
//! In a group, the bridge is one member. All sockets of one bridge that join the same group with the same topics and the same `start` share this member, and **each of
//! them gets every record** of the partitions that the group has assigned to it: records are not divided among these sockets. Records are divided among the
//! members of the group: several bridges, and other consumers. A position is committed when one of these sockets has acknowledged it, so
//! a client that must see every record, acknowledged by itself, needs a group of its own.
//!
//! An [`ErrorMessage`] with a `subscription` reports why that subscription receives no records, for example because its
//! topic does not exist yet. The subscription stays open and continues when the cause is gone.
//!
//! [`Records`] is a batch of one partition, with at most 256 records or 128 KiB; a single larger record is sent alone.
//! The records of a subscription are numbered 1, 2, 3 …; `seq` is the number of the last record of the batch.
//!
//! ### Typed records
//! With `decode`, the bridge decodes keys and values ([`Decode`], [`RecordFormat`]) to JSON; headers are never decoded. `auto` takes the format that the bytes
//! seem to have: a schema of the registry if they name one, else MessagePack, CBOR, or what a compressed value contains; JSON, XML and other text stay as
//! they are. A key or value that was decoded has the form `{"decoded": …, "format": …}`, with the `schema` ([`SchemaReference`]), the `compression` and,
//! for `auto`, the `reason` if there are any. One that cannot be decoded is sent as it is, with `decode_error` ([`DecodeFailure`]) as a further member: it never
//! affects other records. Kafka's null and empty values are never decoded.
//!
//! All formats have one JSON mapping. Integers and decimals are exact numbers, of any size. Bytes are strings in base64; timestamps, dates and times
//! are strings as in RFC 3339; enums are their names; NaN and the infinities are the strings `NaN`, `Infinity` and `-Infinity`. Values of a union are written
//! without the name of the branch. Protobuf has the mapping of ProtoJSON besides that; fields without presence are always written.
//!
//! Records whose schema is in no registry are decoded with the schema that the bridge's configuration has for their topic, or with one that the
//! client has sent: [`AddSchema`] returns an id, which [`Decode`] and [`Encoding`] may name. The id is the same for the same schema. The bridge
//! keeps such schemas in memory and may forget them; records then arrive with `schema_not_found`, and requests are refused with
//! `schema_forgotten`. A client sends its schemas again after it has connected.
//!
//! Credit and limits count the bytes that Kafka has. A decoded value larger than the bridge's `--max-decoded-bytes` is sent as it is, with `too_large`. While
//! the registry does not answer, records arrive with `schema_unavailable`; `fetch` with `decode` gets them decoded later.
//!
//! ### Flow control
//! Flow control and acknowledgement are separate. [`Flow`] grants credit in absolute terms: the client has handled the
//! records up to number `through`, and accepts that many further records and bytes. Zero records pause the
//! subscription. [`Ack`] acknowledges positions, which may then be committed; with `"commit": "auto"`, `flow`
//! acknowledges too. The bridge commits only contiguously acknowledged positions, and never a position beyond what the
//! client acknowledged. Only records use credit; every other message is sent without any. `flow` and `ack` have no reply; only if
//! they are refused, an `error` follows.
//!
//! [`WhenSlow`] decides what happens when a client falls behind: `block` (the default of groups), `skip` (the default
//! of tails: the client receives a [`Gap`] in place of the missing records) or `close` (4008). A jump in `seq` means
//! lost records, and always comes with a gap. A jump in offsets does not, since compaction and transaction markers
//! leave holes. A position is never reset silently.
//!
//! Only gaps with the reason `slow` increase `seq`, by the number of records that they stand for, because the bridge
//! has read and counted those records. `through` of a `flow` may include their numbers, and they use no credit. Records that Kafka does not have (`retention`,
//! `recreated`, `out_of_range`) were never counted; such a gap is sent at once, even to a client that grants no credit. A `slow` gap is
//! sent before the next record, so it waits for credit for that record, or before the next event. While a client grants no credit, further
//! missed records extend the waiting gap, so there is at most one for each partition.
//!
//! Positions in `offsets` and `resume` must name topics of the subscription, and each partition once. Partitions,
//! offsets and times must not be negative (else `bad_request`). A partition that the topic does not have
//! (`unknown_partition`), or a position in `offsets` beyond the end of its partition (`bad_request`), is reported by an
//! error with the subscription's number. Reading starts when the partition or the position exists; an unknown partition
//! does not delay the others. [`Fetch`] is answered with the same codes, and with `topic_missing` if the topic does not
//! exist.
//!
//! A bridge has at most 64 consumers, fewer if it may open few files. At most half of them may be private to one subscription, as those of tails that
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
//! [`Unsubscribe`] ends a subscription; the reply comes after the last record. [`Fetch`] reads a range of offsets once. Its reply
//! ends early (`next`) when it has as many records as fit into one frame; the client sends the next `fetch` from there.
//!
//! ## Search
//! [`Search`] reads the history of topics: the records of a range that match a [`Filter`], or all of them, page by page. [`SearchStarted`] answers with the
//! offsets that will be read; [`SearchRecords`] has what is found, [`SearchProgress`] how far the search is, and [`SearchDone`] why it has ended. A
//! search ends after `count` records. A further `search` with the `cursor` of [`SearchDone`] continues exactly there: no record is found twice or left out,
//! whatever is produced meanwhile. So a client gets no more than it asked for, and needs no `flow`. [`SearchStop`] ends a search early; what it has found
//! before follows, and a cursor. A search ends with its socket.
//!
//! Records arrive in the order of their timestamps, across partitions, `newest` first unless the search says otherwise; within a partition in the order of
//! their offsets. If timestamps in a partition do not increase with its offsets, the order across partitions is approximate. The range is fixed when the search starts, and partitions that are
//! added later are not part of it. Offsets that Kafka deletes before they are read are listed in `deleted`. Counts in `left` are upper limits, since
//! offsets need not have records.
//!
//! All conditions of a filter must hold. `text` and `regex` look at the bytes that Kafka has, or at the JSON of decoded keys and values. With masks, the filter sees
//! the masked form. `key` is compared byte for byte; with a `partitioner`, only the partition of the key is read. `expression` is written in CEL, the Common Expression Language (<https://cel.dev>),
//! over `key`, `value`, `headers` (a map; of equal names the last), `topic`, `partition`, `offset`, `timestamp` and `size` (bytes of key, value and headers). A key or value is
//! JSON if it can be read as JSON, so a key `4711` is a number; else it is a string, or bytes. Numbers are compared exactly. A field that a record does not have is no match, and neither is any
//! operation on null besides `==` and `!=`. Other errors, such as the comparison of a string with a number, are no match either; they are counted in `failed`. Functions reach neither
//! files nor the network, and the cost of an expression is limited for each record. A filter that cannot be used is refused with `invalid_filter`, which names
//! the line and the column.
//!
//! [`TimelineRequest`] counts the records of a topic in buckets of time, from their offsets; no record is read. librdkafka's mock, and so the demo broker,
//! cannot do this (`not_on_this_cluster`).
//!
//! A bridge runs a limited number of searches at the same time (`--max-searches`, else `too_many_searches`), and may limit how many bytes a second they read together.
//!
//! ## Requests
//! A request has an `id`. Its reply has the same `type` with the suffix `_result`, or is an `error` with that `id`. The table has every
//! request and the exceptions: `hello`, `subscribe`, `unsubscribe`, `fetch`, `search`, `unwatch` and the `watch_…` requests have replies with
//! names of their own. A request is processed without an `id`, too; its reply then has none. `pong`, `produce`, `flow` and `ack` have no reply; an
//! `error` after them reports what was refused. The bridge processes eight requests of a socket at the same time, so replies may come in another order
//! than their requests, and 64 more wait. A further one is refused with `too_many_requests` and `retry_after_ms`.
//!
//! <!-- table: requests -->
//!
//! [`PlanOffsetReset`] returns the old and new positions, and [`ResetOffsets`] applies exactly that plan, or nothing. [`ClusterRequest`] is
//! answered without asking Kafka; [`ClusterDetailsRequest`] asks Kafka. Each broker reports its version and features separately, and the
//! bridge caches them for ten seconds. If a broker does not report them, `features_error` says why, and the request still succeeds.
//!
//! The lists of groups have every group of the cluster, of any type ([`GroupKind`]) and with any name: a name
//! may be empty or have line breaks. Only consumer groups can be joined, reset and deleted; for another group the request is
//! refused with `not_a_consumer_group`, and `subscribe` reports the same error with the subscription's number. What Kafka did
//! not report about a group is missing, and `not_described` says why. If Kafka requires SASL, the type of a group that is
//! neither `classic` nor `consumer` is `other`. The bridge joins and creates only groups whose name has 1 to 255 bytes
//! without control and format characters.
//!
//! Counts of records and lags are differences of offsets. Compaction and transactions leave offsets without records, so the
//! counts are upper limits.
//!
//! A destructive request (`add_partitions`, `empty_topic`, `delete_topic`, `delete_group`) has a field `confirm`, which
//! must repeat the name as the user typed it; otherwise it is refused with `not_confirmed`. Topics whose name begins
//! with `__` are internal topics of Kafka and cannot be changed (`internal_topic`). A read-only bridge
//! (`welcome.read_only`) refuses every change with `read_only`, and also joining a group, because a member commits
//! offsets.
//!
//! ## Schemas
//! If the cluster has a schema registry, clients list its subjects ([`SubjectsRequest`], [`SubjectRequest`], [`SchemaRequest`]), compare a schema with the
//! versions of a subject ([`CheckSchema`]), register and delete versions ([`RegisterSchema`], [`DeleteSubject`]) and set compatibility levels
//! ([`SetCompatibility`]). The bridge asks the registry for each request and keeps nothing of these answers. Without a registry they are refused with
//! `no_registry`. A read-only bridge refuses changes.
//!
//! ### Writing typed records
//! [`Encode`] turns JSON into the bytes of keys or values, in any format of [`Encoding`]. It takes the JSON mapping in which decoded records arrive. It writes nothing to Kafka: the
//! client checks the answer, and produces the bytes. A text that does not fit has an error with the path of the field; the others are encoded
//! nevertheless. A value that fits several types of a union is refused; an object with one member that is named after a type, `{"shop.Card": {…}}`,
//! names it. The bridge never registers a schema by itself. [`DescribeEncoding`] returns the structure of the values, from which a form can be
//! made, and an example.
//!
//! ## Live views
//! `watch_cluster`, `watch_topics`, `watch_topic`, `watch_groups` and `watch_group` open a live view. The bridge
//! replies with [`Watching`], which has the view's number, and then pushes changes ([`ClusterDetailsChanged`],
//! [`TopicsChanged`], [`TopicChanged`], [`GroupsChanged`], [`GroupChanged`]) about once a second (lists: every two seconds), less often if Kafka
//! is slow to answer. The first push is complete. In later ones, lists contain only new or different elements,
//! `removed` names the elements that are gone, and an absent field is unchanged. A slow client misses intermediate
//! states, but never the latest one. [`WatchTrouble`] reports why there are no updates; the view continues when Kafka
//! answers again. [`Unwatch`] ends a view. The bridge queries Kafka once for all sockets that watch the same object.
//!
//! ## Access rules
//! `welcome.user` names the user whom the bridge has recognized; it is absent if the bridge admits everyone. `welcome.rights`
//! says what the user may do in the socket's cluster; it is absent without rules, when everything is allowed. It is a list of grants
//! ([`Grant`]); each allows actions on the topics, groups and subjects whose names match a pattern ([`NamePattern`]). The table of requests says which
//! action each request needs on which object; a record needs `write` on its topic, and also `create` if the topic does not
//! exist.
//!
//! What the rules do not allow is refused with `forbidden`, whether the object exists or not; a record fails with it.
//! `welcome.clusters` lists the clusters in which the user may do something. `hello` for another one is answered as if it did
//! not exist (`unknown_cluster`, 4508); if there is none at all, the socket is closed with 4507. A session is resumed only for
//! the same user. When the rules or the users are replaced, every socket is closed with 4006, and its client connects again.
//!
//! Lists and live views have only the topics, groups and subjects that the user may describe. The references of a schema are filtered likewise, and its
//! structure is left out unless the user may describe all subjects or the schema references none. In a group, the topics, positions and
//! assigned partitions of other topics are left out, and `lag` is the sum over the rest. In the details of a cluster,
//! `troubled` is filtered in the same way, while the counts are of the whole cluster. A plan for an offset reset that names no
//! topic has the positions in topics that the user may describe. The text of an error may name other objects.
//!
//! The bridge may mask fields of records for some users. `masked` of [`Subscribed`], of [`Fetched`] and of [`SearchStarted`] lists the masked
//! fields of all topics of the subscription, as they are configured (`value.email`, `headers.user`); without masks it is
//! absent. A masked member of a JSON object, a header, or a whole key or value is replaced by the text `***`, or by `#` and
//! 16 hexadecimal digits, which are the same for equal values until the bridge is restarted; or the member or header is left
//! out. A key or value is replaced as a whole if a mask concerns a part of it and the bridge cannot read it as JSON. Null
//! stays null, all other bytes are unchanged, and so are offsets, timestamps and the number of records. A masked topic is not read with a schema
//! of the client, nor as `text`, `xml` or `connect`, because these change the paths of fields (`forbidden`). A client should not
//! send masked records again as if they were the original ones.
//!
//! ## Limits
//! Limits that depend on the configuration are in `limits` of [`Welcome`]. The others are the same for every bridge of this version, and may be raised in later
//! versions:
//!
//! <!-- table: limits -->
//!
//! A frame from the bridge is larger than the limit of text frames in two cases. A frame with a single large record: base64 takes 4/3 of the
//! record's bytes, and JSON writes a control character as six characters, so the frame has up to 1.4 times the size of the record in practice. At worst it
//! has six times that size and 20 bytes for each header. A frame of `records` with masks: a replacement may be longer than what it stands for (17 characters for a number of one
//! digit), so the frame has up to ten times 128 KiB at worst. The maximum size of a record is a setting of each topic (`max.message.bytes`). So a client
//! without masks that sets no limit of its own for frames is safe, and one that must have a limit sets it to twice the largest record, but at least 2 MiB.
//!
//! The credits and the size of a record count the keys, values and headers that Kafka has, before masking and without the names of the fields.
//!
//! ## The demo broker
//! `welcome.cluster.demo` is true if Kafka is the demo broker: a single broker in the memory of the bridge, which speaks Kafka's protocol, but not all
//! of it. Everything in it is lost when the bridge ends.
//!
//! - `not_on_this_cluster` is the answer to `groups`, `alter_topic_config`, `add_partitions`, `empty_topic`, `delete_topic`,
//!   `delete_group` and `reset_offsets`, and to `create_topic` with settings or with more than one replica. A
//!   `plan_offset_reset_result` has the plan, with this error in `refused`.
//! - `topic_result` has no settings (`settings_error`), `cluster_details_result` has no controller, versions and features
//!   (`features_error`), and `group_result` has the positions, but the state `Unknown` and no members.
//! - A topic that is read, described or written to is created. A topic has at most 1,000 partitions.
//! - `timestamp` of an acknowledgement is null. Transactions, retention and compaction do not exist.
//!
//! ## Errors
//! [`ErrorMessage`] has the number and the name of the error, a message that says what failed
//! and what to do, whether the same request may succeed later, and Kafka's own error code if there is one. A text frame
//! that is not a message closes the socket (4501). An unknown type or an invalid field is answered with an error, and
//! the session continues. A client should decide by `code` or `name`, which never change, and show `message`, which may.
//!
//! <!-- table: errors -->
//!
//! ## Close codes
//! A client connects again after a code below 4500 other than 1009, and after a connection that ends without a close frame: with a
//! back-off that grows and a random part. It does not connect again by itself after 1009 and the codes from 4500 on, because the socket would be closed for
//! the same reason. The reason of the close frame is readable text.
//!
//! <!-- table: close codes -->

pub mod binary;
mod client;
mod cluster;
mod decode;
mod encoding;
mod error;
mod filter;
mod from_json;
mod groups;
mod json_batch;
pub mod limits;
mod local_schema;
mod message;
mod name;
mod offset_reset;
mod parts;
mod plain_json;
mod printable;
mod record;
mod record_view;
mod request;
mod rights;
mod schema_structure;
mod schemas;
mod search;
mod server;
mod topics;
mod watch;
mod wire_bytes;

pub use binary::{BadBatch, BinaryBatch, Notes, ProduceBatch, ProduceFrame, RecordNotes, RecordsFrame, RecordsHead};
pub use client::*;
pub use cluster::*;
pub use decode::{Decode, DecodeFailure, DecodeNote, RecordFormat, SchemaReference, UnknownFormat};
pub use encoding::*;
pub use error::{CloseCode, ErrorBody, ErrorBroker, ErrorCode, KafkaError};
pub use filter::{Filter, FilterPart, HeaderFilter, PathFilter, RegexFilter, TextFilter};
pub use from_json::{from_json, from_json_bytes};
pub use groups::*;
pub use json_batch::JsonBatch;
pub use local_schema::*;
pub use message::{Frame, MessageBody, MessageText, ParseError, RequestId, sequence_number};
pub use name::{ClientName, ClusterName, GroupId, GroupName, InvalidName, Offset, Position, TopicName};
pub use offset_reset::*;
pub use plain_json::{JsonEvents, MAX_JSON_DEPTH, is_plain_json, scan_plain_json};
pub use printable::{is_printable, shown_name};
pub use record::Record;
pub use record_view::{HeaderView, ProduceView, RecordView};
pub use request::{Kind, LiveView, Request};
pub use rights::{Action, Grant, NamePattern, Need, Object, Rights};
pub use schema_structure::*;
pub use schemas::*;
pub use search::*;
pub use server::*;
pub use topics::*;
pub use watch::*;
pub use wire_bytes::WireBytes;

/// The WebSocket subprotocol, and the value of `hello.protocol`.
pub const SUBPROTOCOL: &str = "ponte.v1";

pub use limits::{
    BATCH_BYTES as MAX_BATCH_BYTES, BATCH_RECORDS as MAX_BATCH_RECORDS, HELLO_BYTES as MAX_HELLO_BYTES,
    SESSION_LINGER_SECS,
};
