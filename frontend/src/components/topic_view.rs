//! One topic: how large it is and how fast it grows, its partitions, its settings, the groups that read it; and what can be
//! done with it.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{DeleteTopic, EmptyTopic, ErrorCode, ServerMessage, WatchTopic};

use super::chart::{Chart, highest, keep_point};
use super::confirm_dialog::Confirmation;
use super::format::{number, rate};
use super::learned::Learned;
use super::topic_groups::TopicGroups;
use super::topic_partitions::TopicPartitions;
use super::topic_settings::TopicSettings;
use super::unanswered::change_obstacle;
use super::view_frame::{Freshness, Instead, Look, NotYet, Tell, ViewTitle};
use super::{confirmations, desk, navigation, preferences};
use crate::browser;
use crate::navigation::{STARTS, href};
use crate::words::{Words, count, fill};
use page_model::{Address, ReadMode, Start, TopicSheet, View, ViewLink};

/// What the live view begins with when a topic is watched from here: a screenful or two.
const LAST: u64 = 100;

/// What a topic's parts share.
#[derive(Clone, Copy)]
pub struct OpenTopic {
    pub name: StoredValue<String>,
    pub sheet: StoredValue<TopicSheet, LocalStorage>,
    /// The sheet has changed.
    pub learned: Learned,
    pub is_internal: bool,
}

impl OpenTopic {
    /// Empty once the view is left: an answer may come later.
    pub fn name(self) -> String {
        self.name.try_get_value().unwrap_or_default()
    }
}

/// Why this topic cannot be changed now.
pub fn topic_obstacle(topic: OpenTopic) -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (obstacle, prefs) = (change_obstacle(), preferences());
    move || obstacle().or_else(|| topic.is_internal.then(|| prefs.words().cannot_change_internal))
}

#[component]
pub fn TopicView(name: String) -> impl IntoView {
    let (desk, prefs, navigation) = (desk(), preferences(), navigation());
    let topic = OpenTopic {
        sheet: StoredValue::new_local(TopicSheet::default()),
        learned: Learned::new(),
        is_internal: name.starts_with("__"),
        name: StoredValue::new(name.clone()),
    };
    let look = RwSignal::new(Look::Loading);
    let rates = StoredValue::new(Vec::<f64>::new());
    desk.look(WatchTopic { name: name.clone() }, move |news| {
        let told = look.tell(news, || topic.sheet.update_value(TopicSheet::begin));
        if let Some(ServerMessage::TopicChanged(news)) = told {
            if let Some(rate) = news.rate {
                rates.update_value(|rates| keep_point(rates, rate));
            }
            topic.sheet.update_value(|sheet| sheet.learn(news));
            topic.learned.notify();
        }
    });
    let is_missing = Memo::new(move |_| look.with(|look| look.code() == Some(ErrorCode::TopicMissing.number())));
    let is_known = Memo::new(move |_| {
        topic.learned.track();
        topic.sheet.with_value(|sheet| !sheet.partitions().is_empty())
    });
    let is_shown = move || is_known.get() && !is_missing.get();
    let tab = Memo::new(move |_| navigation.detail("tab").unwrap_or_default());
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
    let missing_title = move || fill(prefs.words().topic_gone, &[("topic", &topic.name())]);
    view! {
        <div class="view-head">
            <ViewTitle title=Signal::derive(move || topic.name()) above=(href(&Address::of(View::Topics)), |w| w.nav_topics) />
            <Show when=move || !is_missing.get()>
                <Freshness look=look />
            </Show>
            <div class="spacer"></div>
            <Show when=is_shown>
                <TopicActions topic=topic />
            </Show>
        </div>
        <Show when=move || is_missing.get()>
            <Instead
                reason="missing"
                title=Signal::derive(missing_title)
                next=Signal::derive(move || prefs.words().topic_gone_next.to_owned())
            />
        </Show>
        <Show when=move || !is_known.get() && !is_missing.get()>
            <NotYet look=look loading=|w| w.topic_loading />
        </Show>
        <Show when=is_shown>
            <TopicFacts topic=topic rates=rates />
            <div class="view-tabs">
                <div class="seg links" role="group" aria-label=prefs.text(|w| w.topic_parts)>
                    {tab_link("", "tab-partitions", |w| w.partitions_word)}
                    {tab_link("settings", "tab-settings", |w| w.settings_word)}
                    {tab_link("groups", "tab-groups", |w| w.nav_groups)}
                </div>
            </div>
            {move || match tab.get().as_str() {
                "settings" => view! { <TopicSettings topic=topic /> }.into_any(),
                "groups" => view! { <TopicGroups topic=topic /> }.into_any(),
                _ => view! { <TopicPartitions topic=topic /> }.into_any(),
            }}
        </Show>
    }
}

/// The live view on a topic, begun by the link.
pub fn watch_href(topic: &str, start: Start) -> String {
    let (topic, mode) = (Some(topic.to_owned()), Some(ReadMode::Watch));
    browser::address_of(&ViewLink { topic, mode, start: Some(start), ..ViewLink::default() }.pairs())
}

#[component]
fn TopicFacts(topic: OpenTopic, rates: StoredValue<Vec<f64>>) -> impl IntoView {
    let prefs = preferences();
    let told = move |of: fn(&TopicSheet) -> u64| {
        topic.learned.track();
        topic.sheet.with_value(of)
    };
    let records = move || {
        topic.learned.track();
        topic.sheet.with_value(TopicSheet::records)
    };
    let shown_records = move || {
        let words = prefs.words();
        match records() {
            Some(n) => count(words.records_one, words.records_many, n, &number(n, prefs.language())),
            None => words.records_unknown.to_owned(),
        }
    };
    let fact = move |of: fn(&TopicSheet) -> u64, one: fn(&Words) -> &'static str, many: fn(&Words) -> &'static str| {
        move || {
            let n = told(of);
            count(one(prefs.words()), many(prefs.words()), n, &number(n, prefs.language()))
        }
    };
    let speed = move || {
        topic.learned.track();
        let n = topic.sheet.with_value(|sheet| sheet.rate);
        n.map(|n| fill(prefs.words().rate_per_second, &[("n", &rate(n, prefs.language()))]))
    };
    let points = Memo::new(move |_| {
        topic.learned.track();
        rates.get_value()
    });
    let chart_label = move || {
        let most = rate(points.with(|points| highest(points)), prefs.language());
        fill(prefs.words().chart_written, &[("n", &most)])
    };
    view! {
        <div
            class="facts-line"
            data-testid="topic-facts"
            data-records=move || records().map(|n| n.to_string())
            data-partitions=move || told(|sheet| sheet.partitions().len() as u64).to_string()
        >
            {topic.is_internal.then(|| view! { <span class="label">{prefs.text(|w| w.internal)}</span> })}
            <span>{fact(|sheet| sheet.partitions().len() as u64, |w| w.partitions_one, |w| w.partitions_many)}</span>
            <span>{fact(|sheet| sheet.replication() as u64, |w| w.replicas_one, |w| w.replicas_many)}</span>
            <span title=prefs.text(|w| w.records_hint)><b>{shown_records}</b></span>
            <span title=prefs.text(|w| w.rate_hint)>{speed}</span>
            <Chart points=points class="chart" testid="chart-written" label=Signal::derive(chart_label) />
        </div>
    }
}

#[component]
fn TopicActions(topic: OpenTopic) -> impl IntoView {
    let (desk, prefs, confirmations, navigation) = (desk(), preferences(), confirmations(), navigation());
    let obstacle = topic_obstacle(topic);
    let name = topic.name();
    let empty = move |_| {
        let name = topic.name();
        confirmations.ask(Confirmation {
            title: fill(prefs.words_untracked().empty_title, &[("topic", &name)]),
            text: {
                let words = prefs.words_untracked();
                match topic.sheet.with_value(TopicSheet::records) {
                    Some(n) => {
                        count(words.empty_text_one, words.empty_text_many, n, &number(n, prefs.language_untracked()))
                    }
                    None => words.empty_text_unknown.to_owned(),
                }
            },
            verb: |w| w.empty_topic,
            typed: Some(name.clone()),
            on_confirm: Rc::new(move |confirmations| {
                // The dialog hands over only when the name was typed.
                let request = EmptyTopic { name: name.clone(), confirm: name.clone() };
                desk.ask(request, move |answer| confirmations.finish(answer.map(drop)));
            }),
        });
    };
    let delete = move |_| {
        let name = topic.name();
        confirmations.ask(Confirmation {
            title: fill(prefs.words_untracked().delete_title, &[("topic", &name)]),
            text: {
                let words = prefs.words_untracked();
                match topic.sheet.with_value(TopicSheet::records) {
                    Some(n) => {
                        count(words.delete_text_one, words.delete_text_many, n, &number(n, prefs.language_untracked()))
                    }
                    None => words.delete_text_unknown.to_owned(),
                }
            },
            verb: |w| w.delete_topic,
            typed: Some(name.clone()),
            on_confirm: Rc::new(move |confirmations| {
                let request = DeleteTopic { name: name.clone(), confirm: name.clone() };
                desk.ask(request, move |answer| {
                    let is_gone = answer.is_ok();
                    confirmations.finish(answer.map(drop));
                    if is_gone {
                        navigation.open(Address::of(View::Topics));
                    }
                });
            }),
        });
    };
    view! {
        <a class="button primary" data-testid="watch-topic" data-view=STARTS href=watch_href(&name, Start::Last(LAST))>
            {prefs.text(|w| w.watch_live)}
        </a>
        <button
            type="button"
            class="button"
            data-testid="empty-topic"
            disabled=move || obstacle().is_some()
            title=obstacle
            on:click=empty
        >
            {prefs.text(|w| w.empty_topic)}
        </button>
        <button
            type="button"
            class="button"
            data-testid="delete-topic"
            disabled=move || obstacle().is_some()
            title=obstacle
            on:click=delete
        >
            {prefs.text(|w| w.delete_topic)}
        </button>
        <p class="why-not" data-testid="why-not">{obstacle}</p>
    }
}
