//! The fields of the send form: stored between visits, and filled by a record that is edited and sent again. The rules
//! are in `page_model`; components draw the fields.

use std::time::Duration;

use leptos::prelude::*;
use protocol::{RecordFormat, RecordPart, TopicRequest};

use crate::context::preferences;
use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::platform::browser;
use page_model::{
    Draft, DraftKind, Drafts, Form, MaskedField, PartEncoding, ReadState, RecordEncoding, RunPlan, RunTitle,
    SavedTemplate, Templates, records_of, topic_is_valid,
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

/// Whether the JSON of a field fits its encoding.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Check {
    /// Not encoded, or not checked yet.
    #[default]
    None,
    Fits,
    /// What does not fit. `path`: empty for the whole value.
    Misfit {
        path: String,
        message: String,
    },
    /// Why it cannot be checked, such as a subject that does not exist.
    Failed(String),
}

impl Check {
    /// Why the record cannot be sent.
    pub fn error(&self) -> Option<String> {
        match self {
            Self::None | Self::Fits => None,
            Self::Misfit { path, message } if path.is_empty() => Some(message.clone()),
            Self::Misfit { path, message } => Some(format!("{path}: {message}")),
            Self::Failed(message) => Some(message.clone()),
        }
    }
}

/// The checks of a record's key and value.
#[derive(Clone, Copy)]
pub struct Checks {
    pub key: RwSignal<Check>,
    pub value: RwSignal<Check>,
}

impl Checks {
    fn new() -> Self {
        Self { key: RwSignal::new(Check::None), value: RwSignal::new(Check::None) }
    }

    pub fn of(self, part: RecordPart) -> RwSignal<Check> {
        match part {
            RecordPart::Key => self.key,
            RecordPart::Value => self.value,
        }
    }

    pub fn has_error(self) -> bool {
        let is_error = |check: &Check| matches!(check, Check::Misfit { .. } | Check::Failed(_));
        self.key.with(is_error) || self.value.with(is_error)
    }
}

#[derive(Clone, Copy)]
pub struct SendFields {
    pub store: Store,
    pub preferences: Preferences,
    /// The cluster whose choices this browser keeps.
    cluster: Memo<Option<String>>,
    /// How keys and values are written to the topic.
    pub encoding: RwSignal<RecordEncoding>,
    /// The topic that `encoding` was chosen for, and its cluster.
    encoding_topic: StoredValue<(Option<String>, String)>,
    record_checks: Checks,
    pattern_checks: Checks,
    /// Why the records of the batch cannot be encoded.
    pub batch_error: RwSignal<Option<String>>,
    /// The revision of the batch whose records are being encoded.
    batch_under_check: StoredValue<Option<u64>>,
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
    /// The fields of `record` that are still masks; `None` until the page has searched them.
    pub masked: RwSignal<Option<Vec<MaskedField>>>,
    /// Whether the user has opened or closed the choice of formats, and whether key and value were text then.
    pub formats_fold: RwSignal<Option<(bool, bool)>>,
    /// The topic that `record` was written for.
    record_topic: RwSignal<String>,
    /// The encoding of the edited record that `record` was made from, until the user chooses another one.
    record_encoding: RwSignal<Option<RecordEncoding>>,
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
        let preferences = preferences();
        let cluster = Memo::new(move |_| store.read(|state| state.cluster_choice().map(str::to_owned)));
        let encoding_topic = (cluster.get_untracked(), record_topic.clone());
        let record_encoding = drafts.encoding_of(&record_topic);
        let chosen = || preferences.encoding_untracked(encoding_topic.0.as_deref(), &encoding_topic.1);
        let encoding = record_encoding.clone().unwrap_or_else(chosen);
        let fields = Self {
            store,
            preferences,
            cluster,
            encoding: RwSignal::new(encoding),
            encoding_topic: StoredValue::new(encoding_topic),
            record_checks: Checks::new(),
            pattern_checks: Checks::new(),
            batch_error: RwSignal::new(None),
            batch_under_check: StoredValue::new(None),
            tab: RwSignal::new(Tab::One),
            is_open: RwSignal::new(false),
            own_topic,
            topic,
            browsed_topic,
            is_closed,
            record: RwSignal::new(drafts.of(&record_topic)),
            masked: RwSignal::new(None),
            formats_fold: RwSignal::new(None),
            record_topic: RwSignal::new(record_topic),
            record_encoding: RwSignal::new(record_encoding),
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
        Effect::new(move |_| {
            let place = (cluster.get(), topic.get());
            if fields.encoding_topic.with_value(|known| *known != place) {
                let chosen = || preferences.encoding_untracked(place.0.as_deref(), &place.1);
                // The draft of the topic may not be in the form yet.
                let of_draft = match fields.record_topic.with_untracked(|of| *of == place.1) {
                    true => fields.record_encoding.get_untracked(),
                    false => fields.drafts.with_untracked(|drafts| drafts.encoding_of(&place.1)),
                };
                let stored = of_draft.unwrap_or_else(chosen);
                fields.encoding_topic.set_value(place);
                if fields.encoding.with_untracked(|encoding| *encoding != stored) {
                    fields.encoding.set(stored);
                }
            }
        });
        store_changes(DRAFTS_KEY, move || {
            let mut drafts = fields.drafts.get();
            let encoding = fields.record_encoding.get();
            fields.record.with(|draft| fields.record_topic.with(|topic| drafts.keep(topic, draft, encoding)));
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

    /// Begins the check of this revision of the batch. Returns whether it was not under check yet.
    pub fn begin_batch_check(self, revision: u64) -> bool {
        let is_new = self.batch_under_check.get_value() != Some(revision);
        self.batch_under_check.set_value(Some(revision));
        is_new
    }

    /// The check of this revision has ended, and may begin again.
    pub fn end_batch_check(self, revision: u64) {
        if self.batch_under_check.get_value() == Some(revision) {
            self.batch_under_check.set_value(None);
        }
    }

    pub fn draft(self, kind: DraftKind) -> RwSignal<Draft> {
        match kind {
            DraftKind::Record => self.record,
            DraftKind::Pattern => self.pattern,
        }
    }

    pub fn checks(self, kind: DraftKind) -> Checks {
        match kind {
            DraftKind::Record => self.record_checks,
            DraftKind::Pattern => self.pattern_checks,
        }
    }

    /// Whether the record cannot be sent because it has masks in place of values.
    pub fn has_masks(self) -> bool {
        self.masked.with(|left| {
            self.record.with(|draft| draft.masks.as_ref().is_some_and(|masks| masks.block(left.as_deref())))
        })
    }

    /// The encoding of the draft's parts that are not bytes.
    pub fn encoded_parts(self, kind: DraftKind) -> RecordEncoding {
        self.encoding.with(|encoding| self.draft(kind).with(|draft| draft.encoded_parts(encoding)))
    }

    /// Chooses how a part is written; `None`: as text. This browser keeps the choice for the topic.
    pub fn choose_encoding(self, part: RecordPart, encoding: Option<PartEncoding>) {
        let is_first = encoding.is_some() && self.encoding.with_untracked(|known| known.part(part).is_none());
        self.encoding.update(|known| *known.part_mut(part) = encoding);
        self.keep_encoding();
        if !is_first {
            return;
        }
        // What is encoded is JSON. Null, base64 and files stay: they are not encoded.
        for draft in [self.record, self.pattern] {
            let is_text = draft.with_untracked(|draft| draft.field(part).form == Form::Text);
            if is_text {
                draft.update(|draft| match part {
                    RecordPart::Key => draft.key.form = Form::Json,
                    RecordPart::Value => draft.value.form = Form::Json,
                });
            }
        }
    }

    /// The format of a part; `None`: text.
    pub fn format_of(self, part: RecordPart) -> Option<RecordFormat> {
        self.encoding.with(|encoding| encoding.part(part).and_then(PartEncoding::format))
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
        if let Some(encoding) = saved.encoding {
            self.encoding.set(encoding);
            self.keep_encoding();
        }
    }

    /// This browser keeps the encoding in the form for the topic. It is no longer that of an edited record.
    fn keep_encoding(self) {
        self.record_encoding.set(None);
        let (cluster, topic) = (self.cluster.get_untracked(), self.topic.get_untracked());
        self.preferences.choose_encoding(cluster.as_deref(), &topic, self.encoding.get_untracked());
    }

    pub fn run_title(self) -> RunTitle {
        RunTitle::Pattern(self.template_name.get_untracked())
    }

    /// Opens a record in the composer, to be edited and sent in this encoding. The encoding stays with the draft, also after a reload and in
    /// another topic. The choice for the topic stays as it is.
    pub fn edit(self, topic: &str, draft: Draft, encoding: RecordEncoding) {
        self.encoding_topic.set_value((self.cluster.get_untracked(), topic.to_owned()));
        self.encoding.set(encoding.clone());
        self.show_draft(topic.to_owned(), Some((draft, Some(encoding))));
        self.own_topic.set(Some(topic.to_owned()));
        self.tab.set(Tab::One);
        self.open_form();
        // After the form is in the document.
        set_timeout(|| browser::focus("compose-value"), Duration::ZERO);
    }

    /// Shows `draft`, or the stored draft of the topic. The previous draft is stored with its own topic.
    fn show_draft(self, topic: String, draft: Option<(Draft, Option<RecordEncoding>)>) {
        let (before, encoding_before) = (self.record.get_untracked(), self.record_encoding.get_untracked());
        self.drafts.update(|drafts| self.record_topic.with_untracked(|of| drafts.keep(of, &before, encoding_before)));
        let stored = || self.drafts.with_untracked(|drafts| (drafts.of(&topic), drafts.encoding_of(&topic)));
        let (draft, encoding) = draft.unwrap_or_else(stored);
        self.record_topic.set(topic);
        self.record_encoding.set(encoding);
        if draft != before {
            self.masked.set(None);
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
