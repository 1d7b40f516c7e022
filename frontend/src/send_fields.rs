//! What stands in the fields of the sending half: remembered between visits, and filled by a replay. The rules are in
//! `state`; what is on screen are components.

use std::time::Duration;

use leptos::prelude::*;

use crate::browser;
use crate::desk::Desk;
use crate::state::{Draft, Meaning, RunPlan, RunTitle, SavedTemplate, Templates};
use crate::watch_fields::WatchFields;

const RECORD_KEY: &str = "ponte.record";
const PLAN_KEY: &str = "ponte.run";
const TEMPLATES_KEY: &str = "ponte.templates";
/// Storing more than this takes long enough to be felt while typing; it waits for a pause.
const STORED_AT_ONCE: usize = 16 * 1024;
const PAUSE: Duration = Duration::from_millis(500);

/// One record, many from a pattern, or those of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    One,
    Run,
    Batch,
}

#[derive(Clone, Copy)]
pub struct SendFields {
    pub tab: RwSignal<Tab>,
    /// On a narrow screen: the whole form, not its one line.
    pub is_open: RwSignal<bool>,
    /// Absent: the topic of the live list, the first of several.
    own_topic: RwSignal<Option<String>>,
    pub topic: Memo<String>,
    pub record: RwSignal<Draft>,
    pub pattern: RwSignal<Draft>,
    pub count: RwSignal<Option<u64>>,
    pub per_second: RwSignal<Option<f64>>,
    pub templates: RwSignal<Templates>,
    /// The saved template that the pattern came from.
    pub template_name: RwSignal<Option<String>>,
}

impl SendFields {
    pub fn new(watch: WatchFields) -> Self {
        let own_topic = RwSignal::new(None::<String>);
        let topic = Memo::new(move |_| own_topic.get().unwrap_or_else(|| watch.first_topic()));
        let plan = serde_json::from_str(&browser::stored(PLAN_KEY)).unwrap_or_else(|_| RunPlan::seed());
        let fields = Self {
            tab: RwSignal::new(Tab::One),
            is_open: RwSignal::new(false),
            own_topic,
            topic,
            record: RwSignal::new(Draft::from_json(&browser::stored(RECORD_KEY)).unwrap_or_else(Draft::first)),
            pattern: RwSignal::new(plan.draft),
            count: RwSignal::new(plan.count),
            per_second: RwSignal::new(plan.per_second),
            templates: RwSignal::new(Templates::from_json(&browser::stored(TEMPLATES_KEY))),
            template_name: RwSignal::new(None),
        };
        remember(RECORD_KEY, move || fields.record.with(Draft::to_json));
        remember(PLAN_KEY, move || serde_json::to_string(&fields.plan()).unwrap_or_default());
        remember(TEMPLATES_KEY, move || fields.templates.with(Templates::to_json));
        fields
    }

    pub fn write_topic(self, topic: String) {
        self.own_topic.set(Some(topic));
    }

    pub fn draft(self, reading: Meaning) -> RwSignal<Draft> {
        match reading {
            Meaning::Record => self.record,
            Meaning::Pattern => self.pattern,
        }
    }

    pub fn plan(self) -> RunPlan {
        RunPlan { draft: self.pattern.get(), count: self.count.get(), per_second: self.per_second.get() }
    }

    pub fn load_plan(self, plan: RunPlan, name: Option<String>) {
        self.pattern.set(plan.draft);
        self.count.set(plan.count);
        self.per_second.set(plan.per_second);
        self.template_name.set(name);
    }

    pub fn load_template(self, saved: SavedTemplate) {
        self.load_plan(saved.plan, Some(saved.name));
    }

    pub fn start_run(self, desk: Desk) -> bool {
        let title = RunTitle::Pattern(self.template_name.get_untracked());
        desk.start_run(&self.topic.get_untracked(), &untrack(|| self.plan()), title)
    }

    /// Puts a record into the composer, to be changed and sent.
    pub fn edit(self, topic: &str, draft: Draft) {
        self.own_topic.set(Some(topic.to_owned()));
        self.record.set(draft);
        self.tab.set(Tab::One);
        self.is_open.set(true);
        // Once the form is on screen.
        set_timeout(|| browser::focus("compose-value"), Duration::ZERO);
    }
}

/// Stores what the fields say whenever it changes.
fn remember(key: &'static str, text: impl Fn() -> String + Send + Sync + 'static) {
    let text = Memo::new(move |_| text());
    let timer = StoredValue::new_local(None::<TimeoutHandle>);
    Effect::new(move |before: Option<()>| {
        let size = text.with(String::len);
        // The first run has nothing new to remember.
        if before.is_none() {
            return;
        }
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
        let store = move || text.with_untracked(|text| browser::store(key, text));
        if size <= STORED_AT_ONCE {
            store();
        } else {
            timer.set_value(set_timeout_with_handle(store, PAUSE).ok());
        }
    });
}
