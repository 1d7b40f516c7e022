//! The slices of the app state. A reader subscribes to slices, and a step of the state marks the slices that it has changed.

/// A part of the app state that is redrawn on its own. A component that reads [`ReadState`](crate::ReadState) subscribes to
/// the slices that it reads, and is redrawn when one of them changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slice {
    /// The connection to the bridge, and the bridge's properties.
    Link,
    /// The state of Kafka and of the schema registry, and the names that need no confirmation.
    Cluster,
    /// Sent records and the run.
    Sends,
    /// The text with records to send.
    Batch,
    /// The subscription.
    Listening,
    /// Messages to the user.
    Notices,
    /// The rows of the list: redrawn in every frame in which records arrived.
    Rows,
    /// The counts of the list. When rows change, they are redrawn ten times a second, because a number that changes in
    /// every frame cannot be read. When this slice is marked, they are redrawn at once.
    Numbers,
    /// The count of received records for the tab's title: the only slice that is redrawn in a hidden tab, once a second.
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

    /// The user changed which records are shown: rows and counts are redrawn at once.
    pub fn mark_list(&mut self) {
        self.mark(Slice::Rows);
        self.mark(Slice::Numbers);
    }

    pub fn has(&self, slice: Slice) -> bool {
        self.0[slice as usize]
    }
}
