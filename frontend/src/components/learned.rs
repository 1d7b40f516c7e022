//! That a view has learned something: it is drawn at once, in a hidden tab when that is shown again.

use leptos::prelude::*;

use super::desk;
use crate::browser;

#[derive(Clone, Copy)]
pub struct Learned {
    drawn: Trigger,
    /// Something came that nobody has seen.
    is_owed: StoredValue<bool>,
}

impl Learned {
    /// For the component that is being made.
    pub fn new() -> Self {
        let desk = desk();
        let learned = Self { drawn: Trigger::new(), is_owed: StoredValue::new(false) };
        Effect::new(move |_| {
            desk.track_shown();
            if learned.is_owed.try_update_value(std::mem::take).unwrap_or_default() {
                learned.drawn.notify();
            }
        });
        learned
    }

    pub fn notify(self) {
        if browser::tab_is_hidden() {
            self.is_owed.set_value(true);
        } else {
            self.drawn.notify();
        }
    }

    pub fn track(self) {
        self.drawn.track();
    }
}
