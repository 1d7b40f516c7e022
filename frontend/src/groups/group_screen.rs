//! The shared state of one group's view: the group's snapshot and the offset reset. Sends their requests to the bridge;
//! the rules are in `page_model::GroupSnapshot` and `page_model::Reset`.

use leptos::prelude::*;
use protocol::{PlanOffsetReset, ResetOffsets, WatchGroup};

use crate::context::store;
use crate::context::store::Store;
use crate::platform::browser;
use crate::ui::redraw::RedrawWhenVisible;
use crate::ui::view_frame::{ApplyUpdate, ViewStatus};
use page_model::{GroupSnapshot, RequestError, Reset, ResetChoice};

#[derive(Clone, Copy)]
pub struct GroupScreen {
    store: Store,
    pub name: StoredValue<String>,
    snapshot: StoredValue<GroupSnapshot, LocalStorage>,
    /// Notified with each push.
    pushed: RedrawWhenVisible,
    pub status: RwSignal<ViewStatus>,
    reset: RwSignal<Reset, LocalStorage>,
    pub choice: RwSignal<ResetChoice>,
}

impl GroupScreen {
    /// Opens a live view of the group, for as long as the calling component is mounted.
    pub fn open(name: String) -> Self {
        let screen = Self {
            store: store(),
            name: StoredValue::new(name.clone()),
            snapshot: StoredValue::new_local(GroupSnapshot::default()),
            pushed: RedrawWhenVisible::new(),
            status: RwSignal::new(ViewStatus::Loading),
            reset: RwSignal::new_local(Reset::default()),
            choice: RwSignal::new(ResetChoice::default()),
        };
        screen.store.open_view(WatchGroup { group: name }, move |update| {
            let pushed = screen.status.apply_update(update, || screen.snapshot.update_value(GroupSnapshot::begin));
            if let Some(changed) = pushed {
                screen.snapshot.update_value(|group| group.apply(changed));
                screen.pushed.notify();
            }
        });
        screen
    }

    pub fn name(self) -> String {
        self.name.get_value()
    }

    /// Reads the snapshot, and subscribes to pushes.
    pub fn snapshot<T>(self, read: impl FnOnce(&GroupSnapshot) -> T) -> T {
        self.pushed.track();
        self.snapshot.with_value(read)
    }

    pub fn snapshot_untracked<T>(self, read: impl FnOnce(&GroupSnapshot) -> T) -> T {
        self.snapshot.with_value(read)
    }

    pub fn reset<T>(self, read: impl FnOnce(&Reset) -> T) -> T {
        self.reset.with(read)
    }

    // The reset.

    /// Requests the plan that the form describes.
    pub fn plan(self) {
        let request = self
            .choice
            .with_untracked(|choice| self.name.with_value(|name| choice.request(name, browser::parse_local_date_time)));
        if let Ok(request) = request {
            self.request_plan(move |reset| reset.ask(request));
        }
    }

    pub fn plan_again(self) {
        self.request_plan(Reset::ask_again);
    }

    pub fn plan_old_positions(self) {
        self.request_plan(Reset::plan_old_positions);
    }

    fn request_plan(self, ask: impl FnOnce(&mut Reset) -> Option<PlanOffsetReset>) {
        let Some(request) = self.reset.try_update(ask).flatten() else { return };
        self.store.request(request, move |reply| {
            self.reset.try_update(|reset| match reply {
                Ok(planned) => reset.planned(planned.plan, planned.refused),
                Err(RequestError::Refused(error)) => reset.not_planned(error),
                _ => reset.lost(),
            });
        });
    }

    /// Applies the plan that is shown.
    pub fn apply(self) {
        self.change(move |reset| self.snapshot_untracked(|group| reset.apply(group)));
    }

    pub fn undo(self) {
        self.change(Reset::undo);
    }

    pub fn back_to_choosing(self) {
        self.reset.update(Reset::back_to_choosing);
    }

    fn change(self, ask: impl FnOnce(&mut Reset) -> Option<ResetOffsets>) {
        let Some(request) = self.reset.try_update(ask).flatten() else { return };
        self.store.request(request, move |reply| {
            self.reset.try_update(|reset| match reply {
                Ok(result) => reset.done(result.undo),
                Err(RequestError::Refused(error)) => reset.refused(error),
                // The request was not sent: the step stays as before.
                Err(RequestError::NotConnected) => reset.not_sent(),
                _ => reset.lost(),
            });
        });
    }
}
