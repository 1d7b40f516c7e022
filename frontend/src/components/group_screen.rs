//! What the parts of one group's view share: the group as it is seen, and the reset that is being made. Asks the bridge for
//! both; the rules are in `state/group_look.rs` and `state/reset.rs`.

use leptos::prelude::*;
use protocol::{PlanOffsetReset, ResetOffsets, ServerMessage, WatchGroup};

use super::desk;
use super::learned::Learned;
use super::view_frame::{Look, Tell};
use crate::browser;
use crate::desk::Desk;
use page_model::{GroupLook, Reset, ResetChoice, Unanswered};

#[derive(Clone, Copy)]
pub struct GroupScreen {
    desk: Desk,
    name: StoredValue<String>,
    look: StoredValue<GroupLook, LocalStorage>,
    /// A push came.
    pushed: Learned,
    pub sight: RwSignal<Look>,
    reset: RwSignal<Reset, LocalStorage>,
    pub choice: RwSignal<ResetChoice>,
}

impl GroupScreen {
    /// Looks at the group for as long as the calling component lives.
    pub fn open(name: String) -> Self {
        let screen = Self {
            desk: desk(),
            name: StoredValue::new(name.clone()),
            look: StoredValue::new_local(GroupLook::default()),
            pushed: Learned::new(),
            sight: RwSignal::new(Look::Loading),
            reset: RwSignal::new_local(Reset::default()),
            choice: RwSignal::new(ResetChoice::default()),
        };
        screen.desk.look(WatchGroup { group: name }, move |news| {
            let told = screen.sight.tell(news, || screen.look.update_value(GroupLook::begin));
            if let Some(ServerMessage::GroupChanged(changed)) = told {
                screen.look.update_value(|look| look.learn(changed));
                screen.pushed.notify();
            }
        });
        screen
    }

    pub fn name(self) -> String {
        self.name.get_value()
    }

    /// Draws again with each push.
    pub fn look<T>(self, read: impl FnOnce(&GroupLook) -> T) -> T {
        self.pushed.track();
        self.look.with_value(read)
    }

    pub fn look_untracked<T>(self, read: impl FnOnce(&GroupLook) -> T) -> T {
        self.look.with_value(read)
    }

    pub fn reset<T>(self, read: impl FnOnce(&Reset) -> T) -> T {
        self.reset.with(read)
    }

    // The reset.

    /// Asks for the plan that the form describes.
    pub fn plan(self) {
        let request = self
            .choice
            .with_untracked(|choice| self.name.with_value(|name| choice.request(name, browser::parse_local_date_time)));
        if let Ok(request) = request {
            self.ask_for_plan(move |reset| reset.ask(request));
        }
    }

    pub fn plan_again(self) {
        self.ask_for_plan(Reset::ask_again);
    }

    pub fn plan_old_positions(self) {
        self.ask_for_plan(Reset::plan_old_positions);
    }

    fn ask_for_plan(self, ask: impl FnOnce(&mut Reset) -> Option<PlanOffsetReset>) {
        let Some(request) = self.reset.try_update(ask).flatten() else { return };
        self.desk.ask(request, move |answer| {
            self.reset.try_update(|reset| match answer {
                Ok(ServerMessage::PlanOffsetResetResult(planned)) => reset.planned(planned.plan, planned.refused),
                Err(Unanswered::Refused(error)) => reset.not_planned(error),
                _ => reset.lost(),
            });
        });
    }

    /// Applies the plan that is shown.
    pub fn apply(self) {
        self.change(move |reset| self.look_untracked(|look| reset.apply(look)));
    }

    pub fn undo(self) {
        self.change(Reset::undo);
    }

    pub fn back_to_choosing(self) {
        self.reset.update(Reset::back_to_choosing);
    }

    fn change(self, ask: impl FnOnce(&mut Reset) -> Option<ResetOffsets>) {
        let Some(request) = self.reset.try_update(ask).flatten() else { return };
        self.desk.ask(request, move |answer| {
            self.reset.try_update(|reset| match answer {
                Ok(ServerMessage::ResetOffsetsResult(result)) => reset.done(result.undo),
                Err(Unanswered::Refused(error)) => reset.refused(error),
                // It was never sent: the plan stands as it was.
                Err(Unanswered::NotConnected) => reset.not_sent(),
                _ => reset.lost(),
            });
        });
    }
}
