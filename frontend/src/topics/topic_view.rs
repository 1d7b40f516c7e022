//! One topic: its size and rate, its partitions, its settings, the groups that read it, and the actions on it.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{Action, DeleteTopic, EmptyTopic, ErrorCode, Object, RecordPart, WatchTopic};

use crate::context::navigation::{STARTS, href, link_href, subject_href};
use crate::context::request_error::{ObjectKind, change_blocked, forbidden_text};
use crate::context::{navigation, preferences, store};
use crate::i18n::{Plural, WithN, Words};
use crate::messages::messages_view::{load_messages_view, messages_view};
use crate::topics::topic_groups::TopicGroups;
use crate::topics::topic_partitions::TopicPartitions;
use crate::topics::topic_settings::TopicSettings;
use crate::ui::chart::{Chart, highest, keep_point};
use crate::ui::confirm_dialog::Confirmation;
use crate::ui::confirm_dialog::confirmations;
use crate::ui::format::{number, rate};
use crate::ui::fresh::fresh;
use crate::ui::lazy::{Lazy, lazy_part};
use crate::ui::redraw::RedrawWhenVisible;
use crate::ui::view_frame::{ApplyUpdate, EmptyState, Freshness, LoadingState, ViewStatus, ViewTitle};
use page_model::{Address, ReadMode, ReadState, Start, TopicSnapshot, View, ViewLink, value_subject};

/// "Watch live" starts with this many last records of each partition: about two screens of rows.
const LAST: u64 = 100;

/// The shared state of the parts of a topic's view.
#[derive(Clone, Copy)]
pub struct OpenTopic {
    pub name: StoredValue<String>,
    pub snapshot: StoredValue<TopicSnapshot, LocalStorage>,
    /// Notified when the snapshot has changed.
    pub redraw: RedrawWhenVisible,
    pub is_internal: bool,
}

impl OpenTopic {
    /// The topic's name; empty once the view is unmounted, since replies may arrive later.
    pub fn name(self) -> String {
        self.name.try_get_value().unwrap_or_default()
    }
}

/// Why this topic cannot be changed now.
pub fn topic_change_blocked(
    action: Action,
    topic: OpenTopic,
) -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (blocked, prefs) = (change_blocked(action, ObjectKind::Topic, topic.name), preferences());
    move || blocked().or_else(|| topic.is_internal.then(|| prefs.words().cannot_change_internal))
}

lazy_part! {
    /// One topic.
    topics, load_topic_view, pub fn topic_view(name: String) -> LoadedView {
        Ok(view! { <TopicView name=name /> }.into_any())
    }
}

#[component]
fn TopicView(name: String) -> impl IntoView {
    let (store, prefs, navigation) = (store(), preferences(), navigation());
    let topic = OpenTopic {
        snapshot: StoredValue::new_local(TopicSnapshot::default()),
        redraw: RedrawWhenVisible::new(),
        is_internal: name.starts_with("__"),
        name: StoredValue::new(name.clone()),
    };
    let status = RwSignal::new(ViewStatus::Loading);
    let rates = StoredValue::new(Vec::<f64>::new());
    store.open_view(WatchTopic { name: name.clone() }, move |update| {
        let pushed = status.apply_update(update, || topic.snapshot.update_value(TopicSnapshot::begin));
        if let Some(changed) = pushed {
            if let Some(rate) = changed.rate {
                rates.update_value(|rates| keep_point(rates, rate));
            }
            topic.snapshot.update_value(|snapshot| snapshot.apply(changed));
            topic.redraw.notify();
        }
    });
    let is_missing = Memo::new(move |_| status.with(|status| status.code() == Some(ErrorCode::TopicMissing.number())));
    let is_known = Memo::new(move |_| {
        topic.redraw.track();
        topic.snapshot.with_value(|snapshot| !snapshot.partitions().is_empty())
    });
    let is_shown = move || is_known.get() && !is_missing.get();
    let tab = Memo::new(move |_| {
        // An address with a partition and no tab is older than the messages, which are the first tab now.
        let of_partition = || navigation.detail("partition").map(|_| "partitions".to_owned());
        navigation.detail("tab").or_else(of_partition).unwrap_or_default()
    });
    let tab_link = move |of: &'static str, testid: &'static str, word: fn(&'static Words) -> &'static str| {
        let address = Address::of(View::Topic(topic.name())).with("tab", of);
        view! {
            <a
                href=href(&address)
                data-view=""
                data-testid=testid
                aria-current=move || (tab.get() == of).then_some("true")
            >
                {prefs.text(word)}
            </a>
        }
    };
    let missing_title = move || prefs.words().topic_gone.with_topic(&topic.name());
    view! {
        <div class="view-head">
            <ViewTitle
                title=Signal::derive(move || topic.name())
                parent=(href(&Address::of(View::Topics)), |w| w.nav_topics)
            />
            <Show when=move || !is_missing.get()>
                <Freshness status=status />
            </Show>
            <div class="spacer"></div>
            <Show when=is_shown>
                <TopicActions topic=topic />
            </Show>
        </div>
        <Show when=move || is_missing.get()>
            <EmptyState
                reason="missing"
                title=Signal::derive(missing_title)
                next=Signal::derive(move || prefs.words().topic_gone_next.to_owned())
            />
        </Show>
        <Show when=move || !is_known.get() && !is_missing.get()>
            <LoadingState status=status loading=|w| w.topic_loading />
        </Show>
        <Show when=is_shown>
            <TopicFacts topic=topic rates=rates />
            <div class="view-tabs">
                <div class="seg links" role="group" aria-label=prefs.text(|w| w.topic_tabs)>
                    {tab_link("", "messages", |w| w.messages_word)}
                    {tab_link("partitions", "tab-partitions", |w| w.partitions_word)}
                    {tab_link("settings", "tab-settings", |w| w.settings_word)}
                    {tab_link("groups", "tab-groups", |w| w.nav_groups)}
                </div>
            </div>
            {fresh(move || match tab.get().as_str() {
                "settings" => view! { <TopicSettings topic=topic /> }.into_any(),
                "groups" => view! { <TopicGroups topic=topic /> }.into_any(),
                "partitions" => view! { <TopicPartitions topic=topic /> }.into_any(),
                _ => {
                    let messages = move || messages_view(topic.name());
                    view! { <Lazy preload=load_messages_view view=messages /> }.into_any()
                }
            })}
        </Show>
    }
}

/// The URL of the live view of a topic.
pub fn watch_href(topic: &str, start: Start) -> String {
    let (topic, mode) = (Some(topic.to_owned()), Some(ReadMode::Watch));
    link_href(&ViewLink { topic, mode, start: Some(start), ..ViewLink::default() })
}

#[component]
fn TopicFacts(topic: OpenTopic, rates: StoredValue<Vec<f64>>) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let has_registry = Memo::new(move |_| store.read(|state| state.registry().is_some()));
    let count_of = move |of: fn(&TopicSnapshot) -> u64| {
        topic.redraw.track();
        topic.snapshot.with_value(of)
    };
    let records = move || {
        topic.redraw.track();
        topic.snapshot.with_value(TopicSnapshot::records)
    };
    let shown_records = move || {
        let words = prefs.words();
        match records() {
            Some(n) => words.records_count.count(n, &number(n, prefs.language())),
            None => words.records_unknown.to_owned(),
        }
    };
    let fact = move |of: fn(&TopicSnapshot) -> u64, word: fn(&Words) -> Plural<WithN>| {
        move || {
            let n = count_of(of);
            word(prefs.words()).count(n, &number(n, prefs.language()))
        }
    };
    let shown_rate = move || {
        topic.redraw.track();
        let n = topic.snapshot.with_value(|snapshot| snapshot.rate);
        n.map(|n| prefs.words().rate_per_second.with_n(&rate(n, prefs.language())))
    };
    let points = Memo::new(move |_| {
        topic.redraw.track();
        rates.get_value()
    });
    let chart_label = move || {
        let most = rate(points.with(|points| highest(points)), prefs.language());
        prefs.words().chart_written.with_n(&most)
    };
    view! {
        <div
            class="facts-line"
            data-testid="topic-facts"
            data-records=move || records().map(|n| n.to_string())
            data-partitions=move || count_of(|snapshot| snapshot.partitions().len() as u64).to_string()
        >
            {topic.is_internal.then(|| view! { <span class="label">{prefs.text(|w| w.internal)}</span> })}
            <span>{fact(|snapshot| snapshot.partitions().len() as u64, |w| w.partitions_count)}</span>
            <span>{fact(|snapshot| snapshot.replication() as u64, |w| w.replicas_count)}</span>
            <span title=prefs.text(|w| w.records_hint)>
                <b>{shown_records}</b>
            </span>
            <span title=prefs.text(|w| w.rate_hint)>{shown_rate}</span>
            <Chart points=points class="chart" testid="chart-written" label=Signal::derive(chart_label) />
            <Show when=move || has_registry.get()>
                <SchemaLink topic=topic part=RecordPart::Key testid="topic-key-schema" word=|w| w.key_schema />
                <SchemaLink topic=topic part=RecordPart::Value testid="topic-value-schema" word=|w| w.value_schema />
            </Show>
        </div>
    }
}

/// A link to the subject that serializers use for the topic's keys or values, unless they are configured otherwise.
#[component]
fn SchemaLink(
    topic: OpenTopic,
    part: RecordPart,
    testid: &'static str,
    word: fn(&'static Words) -> &'static str,
) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let subject = value_subject(&topic.name(), part);
    let may_see = store.untracked(|state| state.may(Action::Describe, &Object::Subject(&subject)));
    may_see.then(|| {
        view! {
            <a href=subject_href(&subject, None) data-view="" data-testid=testid title=subject>
                {prefs.text(word)}
            </a>
        }
    })
}

#[component]
fn TopicActions(topic: OpenTopic) -> impl IntoView {
    let (store, prefs, confirmations, navigation) = (store(), preferences(), confirmations(), navigation());
    let blocked = topic_change_blocked(Action::Delete, topic);
    let may_read = Memo::new(move |_| store.read(|state| state.may(Action::Read, &Object::Topic(&topic.name()))));
    let cannot_read = move || (!may_read.get()).then(|| forbidden_text(Action::Read, prefs.words()));
    let empty = move |_| {
        let name = topic.name();
        confirmations.ask(Confirmation {
            title: prefs.words_untracked().empty_title.with_topic(&name),
            text: {
                let words = prefs.words_untracked();
                match topic.snapshot.with_value(TopicSnapshot::records) {
                    Some(n) => words.empty_text_count.count(n, &number(n, prefs.language_untracked())),
                    None => words.empty_text_unknown.to_owned(),
                }
            },
            verb: |w| w.empty_topic,
            typed: Some(name.clone()),
            needs_connection: true,
            on_confirm: Rc::new(move |confirmations| {
                // The dialog confirms only after the user has typed the name.
                let request = EmptyTopic { name: name.clone(), confirm: name.clone() };
                store.request(request, move |reply| confirmations.finish(reply.map(drop)));
            }),
        });
    };
    let delete = move |_| {
        let name = topic.name();
        confirmations.ask(Confirmation {
            title: prefs.words_untracked().delete_title.with_topic(&name),
            text: {
                let words = prefs.words_untracked();
                match topic.snapshot.with_value(TopicSnapshot::records) {
                    Some(n) => words.delete_text_count.count(n, &number(n, prefs.language_untracked())),
                    None => words.delete_text_unknown.to_owned(),
                }
            },
            verb: |w| w.delete_topic,
            typed: Some(name.clone()),
            needs_connection: true,
            on_confirm: Rc::new(move |confirmations| {
                let request = DeleteTopic { name: name.clone(), confirm: name.clone() };
                store.request(request, move |reply| {
                    let is_gone = reply.is_ok();
                    confirmations.finish(reply.map(drop));
                    if is_gone {
                        navigation.open(Address::of(View::Topics));
                    }
                });
            }),
        });
    };
    view! {
        // A link without an address cannot be followed.
        <a
            class="button primary"
            data-testid="watch-topic"
            data-view=STARTS
            href=move || may_read.get().then(|| watch_href(&topic.name(), Start::Last(LAST)))
            role="link"
            aria-disabled=move || cannot_read().map(|_| "true")
            tabindex=move || cannot_read().map(|_| "0")
            title=cannot_read
            aria-describedby="cannot-read"
        >
            {prefs.text(|w| w.topic_watch)}
        </a>
        <button
            type="button"
            class="button"
            data-testid="empty-topic"
            disabled=move || blocked().is_some()
            title=blocked
            aria-describedby="cannot-delete"
            on:click=empty
        >
            {prefs.text(|w| w.empty_topic)}
        </button>
        <button
            type="button"
            class="button"
            data-testid="delete-topic"
            disabled=move || blocked().is_some()
            title=blocked
            aria-describedby="cannot-delete"
            on:click=delete
        >
            {prefs.text(|w| w.delete_topic)}
        </button>
        <p id="cannot-read" class="why-not" data-testid="cannot-read">
            {cannot_read}
        </p>
        <p id="cannot-delete" class="why-not" data-testid="why-not">
            {blocked}
        </p>
    }
}
