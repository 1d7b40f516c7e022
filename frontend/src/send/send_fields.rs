//! The fields of the send form: stored between visits, and filled by a record that is edited and sent again. The rules
//! are in `page_model`; components draw the fields.

use std::time::Duration;

use leptos::prelude::*;
use protocol::TopicRequest;

use crate::context::store::Store;
use crate::platform::browser;
use page_model::{
    Draft, DraftKind, Drafts, ReadState, RunPlan, RunTitle, SavedTemplate, Templates, records_of, topic_is_valid,
};

const DRAFTS_KEY: &str = "ponte.drafts";
const PLAN_KEY: &str = "ponte.run";
const TEMPLATES_KEY: &str = "ponte.templates";
/// A larger text is not stored with each change, which would make typing slow, but only after a pause.
const STORED_AT_ONCE: usize = 16 * 1024;
const PAUSE: Duration = Duration::from_millis(500);
/// A topic is requested only after its name has not changed for this long.
const TOPIC_DEBOUNCE: Duration = Duration::from_millis(250);

/// The tabs of the composer: one record, a run of a pattern, or a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    One,
    Run,
    Batch,
}

#[derive(Clone, Copy)]
pub struct SendFields {
    pub tab: RwSignal<Tab>,
    /// On a narrow screen: the whole form is shown, not one line of it.
    pub is_open: RwSignal<bool>,
    /// `None`: the first topic of the watch form.
    own_topic: RwSignal<Option<String>>,
    pub topic: Memo<String>,
    /// The topic that the user has opened to read: the send form stays closed until the user opens it.
    browsed_topic: RwSignal<Option<String>>,
    pub is_closed: Memo<bool>,
    pub record: RwSignal<Draft>,
    /// The topic that `record` was written for.
    record_topic: RwSignal<String>,
    /// Number of times that another draft has replaced the one in the form.
    pub replaced: RwSignal<u32>,
    drafts: RwSignal<Drafts>,
    pub pattern: RwSignal<Draft>,
    pub count: RwSignal<Option<u64>>,
    pub per_second: RwSignal<Option<f64>>,
    pub templates: RwSignal<Templates>,
    /// The saved template that the pattern came from.
    pub template_name: RwSignal<Option<String>>,
    /// A topic that needs a confirmation, and whether it has records.
    pub topic_content: RwSignal<Option<(String, bool)>>,
}

impl SendFields {
    /// `listened_topic`: the topic of the live view, which records are sent to until the user chooses another.
    pub fn new(store: Store, listened_topic: Signal<String>) -> Self {
        let own_topic = RwSignal::new(None::<String>);
        let topic = Memo::new(move |_| own_topic.get().unwrap_or_else(|| listened_topic.get()));
        let browsed_topic = RwSignal::new(None::<String>);
        let is_closed = Memo::new(move |_| {
            let is_foreign = |topic: &str| store.read(|state| state.bridge().is_some() && !state.may_send_to(topic));
            browsed_topic
                .get()
                .is_some_and(|browsed_topic| topic.with(|topic| *topic == browsed_topic && is_foreign(topic)))
        });
        let plan = protocol::from_json(&browser::stored(PLAN_KEY)).unwrap_or_else(|_| RunPlan::seed());
        let drafts = Drafts::from_json(&browser::stored(DRAFTS_KEY));
        let record_topic = topic.get_untracked();
        let fields = Self {
            tab: RwSignal::new(Tab::One),
            is_open: RwSignal::new(false),
            own_topic,
            topic,
            browsed_topic,
            is_closed,
            record: RwSignal::new(drafts.of(&record_topic)),
            record_topic: RwSignal::new(record_topic),
            replaced: RwSignal::new(0),
            drafts: RwSignal::new(drafts),
            pattern: RwSignal::new(plan.draft),
            count: RwSignal::new(plan.count),
            per_second: RwSignal::new(plan.per_second),
            templates: RwSignal::new(Templates::from_json(&browser::stored(TEMPLATES_KEY))),
            template_name: RwSignal::new(None),
            topic_content: RwSignal::new(None),
        };
        Effect::new(move |_| {
            let topic = topic.get();
            if fields.record_topic.with_untracked(|of| *of != topic) {
                fields.show_draft(topic, None);
            }
        });
        store_changes(DRAFTS_KEY, move || {
            let mut drafts = fields.drafts.get();
            fields.record.with(|draft| fields.record_topic.with(|topic| drafts.keep(topic, draft)));
            drafts.to_json()
        });
        store_changes(PLAN_KEY, move || serde_json::to_string(&fields.plan()).unwrap_or_default());
        store_changes(TEMPLATES_KEY, move || fields.templates.with(Templates::to_json));
        fields.request_content(store);
        fields
    }

    /// The user has changed the topic in the form: the draft in the form now belongs to the new topic.
    pub fn write_topic(self, topic: String) {
        let before = self.record_topic.get_untracked();
        self.drafts.update(|drafts| drafts.forget(&before));
        self.record_topic.set(topic.clone());
        self.own_topic.set(Some(topic));
    }

    /// The user has opened this topic to read: the form switches to it and is closed.
    pub fn browse(self, topic: String) {
        self.own_topic.set(None);
        self.browsed_topic.set(Some(topic));
        self.is_open.set(false);
    }

    /// The user wants to send to the opened topic.
    pub fn open_form(self) {
        self.browsed_topic.set(None);
        self.is_open.set(true);
    }

    pub fn draft(self, kind: DraftKind) -> RwSignal<Draft> {
        match kind {
            DraftKind::Record => self.record,
            DraftKind::Pattern => self.pattern,
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

    pub fn run_title(self) -> RunTitle {
        RunTitle::Pattern(self.template_name.get_untracked())
    }

    /// Opens a record in the composer, to be edited and sent.
    pub fn edit(self, topic: &str, draft: Draft) {
        self.show_draft(topic.to_owned(), Some(draft));
        self.own_topic.set(Some(topic.to_owned()));
        self.tab.set(Tab::One);
        self.open_form();
        // After the form is in the document.
        set_timeout(|| browser::focus("compose-value"), Duration::ZERO);
    }

    /// Shows `draft`, or the stored draft of the topic. The previous draft is stored with its own topic.
    fn show_draft(self, topic: String, draft: Option<Draft>) {
        let before = self.record.get_untracked();
        self.drafts.update(|drafts| self.record_topic.with_untracked(|of| drafts.keep(of, &before)));
        let draft = draft.unwrap_or_else(|| self.drafts.with_untracked(|drafts| drafts.of(&topic)));
        self.record_topic.set(topic);
        if draft != before {
            self.record.set(draft);
            self.replaced.update(|count| *count += 1);
        }
    }

    /// Requests whether the topic has records, if this decides whether "Send 10" is enabled.
    fn request_content(self, store: Store) {
        let timer = StoredValue::new_local(None::<TimeoutHandle>);
        Effect::new(move |cluster_before: Option<Option<String>>| {
            let cluster = store.read(|state| state.cluster_choice().map(str::to_owned));
            if cluster_before.is_some_and(|before| before != cluster) {
                self.topic_content.set(None);
            }
            let is_open = store.read(|state| state.link().is_open());
            let topic = self.topic.get().trim().to_owned();
            let is_needed = is_open && topic_is_valid(&topic) && store.read(|state| !state.may_send_to(&topic));
            if let Some(timer) = timer.try_update_value(Option::take).flatten() {
                timer.clear();
            }
            if !is_needed {
                return cluster;
            }
            let request = move || {
                store.request(TopicRequest { name: topic.clone() }, move |reply| {
                    // A topic whose record count is unknown may hold data of others.
                    self.topic_content.set(Some((topic, records_of(&reply) != Some(0))));
                });
            };
            timer.set_value(set_timeout_with_handle(request, TOPIC_DEBOUNCE).ok());
            cluster
        });
    }
}

/// Stores a text in the browser's storage whenever it changes.
fn store_changes(key: &'static str, text: impl Fn() -> String + Send + Sync + 'static) {
    let text = Memo::new(move |_| text());
    let timer = StoredValue::new_local(None::<TimeoutHandle>);
    Effect::new(move |before: Option<()>| {
        let size = text.with(String::len);
        // The first run has no change to store.
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
