//! What the page knows and decides, in plain Rust: no browser, no signals, no words. The browser side (`desk.rs`) feeds it
//! frames, clicks and the clock, sends what it puts into its outbox and redraws what it says has changed.

mod answers;
mod backoff;
mod credit;
mod crossing;
mod draft;
mod feed;
mod filter;
mod json_text;
mod link;
mod listening;
mod notices;
mod page;
mod ring;
mod run;
mod sends;
mod settings;

pub use backoff::Backoff;
pub use crossing::{BadEnd, Crossing, Leg};
pub use draft::{Draft, Form, HeaderRow, JsonFault, Partition, check_json};
pub use feed::{Feed, Hold};
pub use filter::Filter;
pub use json_text::{Piece, PieceKind, indent, pieces};
pub use link::{Link, Loss};
pub use listening::{Intent, Listening, Phase, ReadMode, Start};
pub use notices::{Notice, NoticeKind};
pub use page::{Bridge, Changed, Page, SendObstacle};
pub use ring::{Counts, Entry, GapRow, Ring, RingLimits, Row};
pub use run::{Run, RunState};
pub use sends::{Outcome, Sends, SentRow};
pub use settings::{Language, Settings, Theme, Watched};
