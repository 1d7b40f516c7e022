//! The app state of the page and its decisions, in plain Rust: no browser, no signals, no texts. The page's store
//! (`frontend/src/app/store.rs`) passes frames, clicks and the clock to the state, sends the state's outbox to the bridge
//! and redraws the slices that have changed.

mod allowed_names;
mod app_state;
mod backoff;
mod batch;
mod batch_records;
mod blocked;
mod bridge_messages;
mod change_event;
mod columns;
mod component_requests;
mod connect_error;
mod connection;
mod credit;
mod draft;
mod draft_masks;
mod drafts;
mod encode_chunk;
mod encoded_records;
mod encodings;
mod entry;
mod exact_numbers;
mod features;
mod feed;
mod field;
mod field_path;
mod fills;
mod filter;
mod filter_fields;
mod foldable_json;
mod group_list;
mod group_snapshot;
mod held_commits;
mod hex;
mod incoming;
mod intent;
mod join_safety;
mod json_edit;
mod json_escapes;
mod json_path;
mod json_text;
mod lag_history;
mod latency_histogram;
mod latency_strip;
mod latest_only;
mod line_diff;
mod link;
mod listening;
mod masked;
mod new_topic;
mod next_intent;
mod notes;
mod notices;
mod outgoing;
mod own_records;
mod own_schema;
mod path_shorthand;
mod payload_columns;
mod plan;
mod read_state;
mod receive_stats;
mod registration_form;
mod rereads;
mod reset;
mod reset_choice;
mod row_window;
mod run;
mod schema_form;
mod schema_names;
mod schema_tree;
mod search;
mod search_form;
mod segment;
mod send_safety;
mod sends;
mod sent_frame;
mod sent_schemas;
mod settings;
mod slice;
mod sort;
mod stored_record;
mod subject_list;
mod templates;
mod topic_formats;
mod topic_list;
mod topic_snapshot;
mod topics_text;
mod view;
mod view_link;
mod waiting;

pub use formats::{
    BatchChoice, BatchReading, CsvColumn, Entries, ExportRecord, FileFormat, Format, LineError, OffsetsErrorKind,
    Reason, SEPARATORS, Spot, TemplateErrorKind, iso, json_line,
};

pub use allowed_names::AllowedNames;
pub use app_state::{AppState, Bridge};
pub use backoff::Backoff;
pub use batch::{Batch, BatchCheck, KeptFields, RecordField};
pub use batch_records::{BatchChunk, BatchLine, BatchRecords};
pub use blocked::{ChangeBlocked, ForbiddenError, ListenBlocked, SendBlocked};
pub use change_event::{ChangeEvent, FieldChange, FoldKind, Folded, Operation, fold, fold_kind};
pub use columns::{Column, Columns};
pub use component_requests::{CallbackId, Delivery, RequestError, UnparsedMessage, ViewUpdate};
pub use connect_error::ConnectError;
pub use connection::ACCESS_CHANGED_SPREAD_MS;
pub use draft::{Draft, DraftKind, DraftPart, HeaderRow, Partition, topic_is_valid};
pub use draft_masks::{DraftMasks, MaskedField, masked_fields};
pub use drafts::Drafts;
pub use encode_chunk::{EncodeChunk, EncodedRecord, EncodingFailure, PartError, PatternRecords, RecordToSend};
pub use encodings::{ENCODINGS, PartEncoding, RecordEncoding, SubjectStrategy, TopicEncodings};
pub use entry::{EXPIRED, Entry, Gap, RecordRef};
pub use features::{reporting_brokers, supported};
pub use feed::{Counts, Feed, HoldReason, Limits};
pub use field::{Field, FieldError, FileContent, Form, check_json};
pub use field_path::FieldPath;
pub use filter::{Condition, Filter, Part, Regex, ValueCondition};
pub use filter_fields::{FilterError, FilterField, FilterFields, FilterParser, InputError};
pub use foldable_json::{FoldableJson, FoldableLine};
pub use group_list::{GROUP_COLUMNS, GroupList};
pub use group_snapshot::{GroupSnapshot, partitions_by_topic, ranges};
pub use held_commits::HeldPartition;
pub use hex::{hex_dump, is_binary, narrow_hex_dump, short_hex};
pub use intent::{Intent, ReadMode, Start};
pub use join_safety::Joining;
pub use json_escapes::without_needless_escapes;
pub use json_path::JsonPath;
pub use json_text::{Token, TokenKind, indent, string_of, tokens};
pub use lag_history::LagHistory;
pub use latency_histogram::Percentiles;
pub use latency_strip::{DeliveryFailure, Hop, LatencyStrip};
pub use latest_only::LatestOnly;
pub use line_diff::{DiffLine, DiffPart, LineChange, diff_lines, diff_parts};
pub use link::{Link, Loss};
pub use listening::{Listening, PartitionProgress, Phase};
pub use masked::MaskedFields;
pub use new_topic::{COMMON_SETTINGS, NewTopic, NewTopicError};
pub use notices::{Notice, NoticeKind};
pub use outgoing::Outgoing;
pub use own_schema::{MAX_SCHEMA_BYTES, OwnSchemaError, add_schema, file_names, schema_fields, schema_language};
pub use payload_columns::{MAX_PAYLOAD_COLUMNS, PayloadColumns};
pub use plan::{MAX_PER_SECOND, RunPlan};
pub use read_state::{ReadState, Tracked};
pub use receive_stats::ReceiveStats;
pub use registration_form::{ReferenceRow, RegistrationError, RegistrationForm};
pub use reset::{PlanTotals, Reset, ResetBlocked, ResetStep};
pub use reset_choice::{ResetChoice, ResetFormError, ResetTo};
pub use row_window::RowWindow;
pub use run::{Failures, Run, RunState, RunTitle, Start as RunStart};
pub use schema_form::{Control, FormEdit, FormRow, FormRows, PartsKind, SchemaForm, Step, TextKind, shown_path};
pub use schema_names::{NamingStrategy, SubjectTopic, readable_schema, topics_of_subject, value_subject};
pub use schema_tree::{SchemaTree, TreeRow};
pub use search::{
    ChosenBuckets, FoundColumn, FoundRecords, MAX_FOUND, PartitionShare, SearchCounts, SearchState, TimeBuckets,
    TopicTimes, error_spot, found_order, needs_oldest, search_marks, timeline_range,
};
pub use search_form::{
    Bound, BoundKind, KeyPartitioner, RangeChoice, SearchField, SearchForm, SearchInputError, SearchMode, SearchMoment,
    and_equals,
};
pub use send_safety::{SEED_TOPIC, records_of};
pub use sends::{LISTED_ROWS, Outcome, Sends, SentRow, Totals};
pub use settings::{Settings, StoredWatch, Theme, preferred_language};
pub use slice::{Changes, Slice};
pub use sort::{Sort, by_number, stable_sort};
pub use stored_record::{DecodedParts, OriginalRecord, RecordIsGone, StoredRecord};
pub use subject_list::{SubjectList, SubjectQuery};
pub use templates::{SavedTemplate, Templates};
pub use topic_formats::{
    AUTO, FormatGroup, GROUPS as FORMAT_GROUPS, TopicFormats, choose_format, format_mut, schema_mut, with_kept_schemas,
};
pub use topic_list::{TopicList, TopicQuery, TopicTotals};
pub use topic_snapshot::{
    PartitionState, ReadableValue, TopicSnapshot, is_overridden, partition_state, readable_value,
};
pub use topics_text::TopicsText;
pub use view::{Address, CLUSTER_PARAMETER, View};
pub use view_link::ViewLink;
pub use waiting::Waits;
