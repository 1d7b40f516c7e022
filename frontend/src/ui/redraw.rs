//! Redraws a view when its data changes: at once, or, in a hidden tab, when the tab is shown again.

use leptos::prelude::*;

use crate::context::store;
use crate::platform::browser;

#[derive(Clone, Copy)]
pub struct RedrawWhenVisible {
    drawn: Trigger,
    /// The data has changed while the tab was hidden.
    is_pending: StoredValue<bool>,
}

impl RedrawWhenVisible {
    /// Call while the component is created.
    pub fn new() -> Self {
        let store = store();
        let redraw = Self { drawn: Trigger::new(), is_pending: StoredValue::new(false) };
        Effect::new(move |_| {
            store.track_shown();
            if redraw.is_pending.try_update_value(std::mem::take).unwrap_or_default() {
                redraw.drawn.notify();
            }
        });
        redraw
    }

    pub fn notify(self) {
        if browser::tab_is_hidden() {
            self.is_pending.set_value(true);
        } else {
            self.drawn.notify();
        }
    }

    pub fn track(self) {
        self.drawn.track();
    }
}
