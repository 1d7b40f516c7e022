//! What the page knows and decides, in plain Rust: no browser, no signals, no words. The browser side (`desk.rs`) feeds it
//! frames, clicks and the clock, sends what it puts into its outbox and redraws what it says has changed.

mod answers;
mod backoff;
mod columns;
mod credit;
mod crossing;
mod draft;
mod entry;
mod feed;
mod fills;
mod filter;
mod filter_fields;
mod json_path;
mod json_text;
mod link;
mod listening;
mod notices;
mod own;
mod pace;
mod page;
mod run;
mod segment;
mod sends;
mod settings;
mod view_link;

pub use backoff::Backoff;
pub use columns::{Column, Columns};
pub use crossing::{BadEnd, Crossing, Leg};
pub use draft::{Draft, Form, HeaderRow, JsonFault, Partition, check_json};
pub use entry::{Entry, Gap, RecordRef};
pub use feed::{Counts, Feed, Hold, Limits};
pub use filter::{Condition, Filter, Part, Pattern};
pub use filter_fields::{FaultKind, FilterFault, FilterField, FilterFields, Lent};
pub use json_text::{Piece, PieceKind, indent, pieces};
pub use link::{Link, Loss};
pub use listening::{Intent, Listening, Phase, ReadMode, Reading, Start};
pub use notices::{Notice, NoticeKind};
pub use pace::Pace;
pub use page::{Bridge, Changed, Page, SendObstacle};
pub use run::{Run, RunState};
pub use sends::{Outcome, Sends, SentRow};
pub use settings::{Language, Settings, Theme, Watched};
pub use view_link::ViewLink;
