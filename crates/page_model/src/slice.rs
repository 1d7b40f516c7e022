//! The slices of the app state: what a reader subscribes to, and what a step of the state has changed.

/// A part of the app state that is drawn on its own. A reader of [`ReadState`](crate::ReadState) subscribes to the slices that
/// it reads, and is drawn again when one of them changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slice {
    /// The connection to the bridge, and what the bridge said of itself.
    Link,
    /// What is known of Kafka, and which names are this browser's own.
    Cluster,
    /// Sent records and the run.
    Sends,
    /// The text with records to send.
    Batch,
    /// The subscription.
    Listening,
    /// Messages to the user.
    Notices,
    /// The rows of the list: drawn in every frame in which records came.
    Rows,
    /// The numbers about the list. They follow the rows ten times a second, because a number that changes in every frame
    /// cannot be read; marked, they are drawn at once.
    Numbers,
    /// The count of received records for the tab's title: the only slice that is drawn in a hidden tab, once a second.
    Received,
}

impl Slice {
    pub const COUNT: usize = Self::Received as usize + 1;
}

/// The slices that a step of the state has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes([bool; Slice::COUNT]);

impl Changes {
    pub fn mark(&mut self, slice: Slice) {
        self.0[slice as usize] = true;
    }

    pub fn mark_if(&mut self, slice: Slice, is_changed: bool) {
        self.0[slice as usize] |= is_changed;
    }

    /// The user changed what is shown of the records: rows and numbers are drawn at once.
    pub fn mark_list(&mut self) {
        self.mark(Slice::Rows);
        self.mark(Slice::Numbers);
    }

    pub fn has(&self, slice: Slice) -> bool {
        self.0[slice as usize]
    }
}
