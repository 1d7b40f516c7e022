//! Why the list is empty, and what to do about it.

use leptos::prelude::*;
use protocol::{ErrorBody, ErrorCode};

use super::error_text::error_text;
use super::filter_bar::FilterBox;
use super::format::number;
use super::join_guard::join_guard;
use super::list_notices::unread_text;
use super::{desk, preferences};
use crate::watch_fields::WatchFields;
use crate::words::{Words, fill};
use page_model::{Link, Page, Phase, ReadMode};

/// The first that applies, from what hinders most to what is merely so.
#[derive(Clone, PartialEq)]
enum Why {
    Offline,
    /// Offline for good.
    Closed,
    /// The bridge asks for its access token, in the banner.
    TokenAsked,
    TopicMissing,
    Problem {
        error: ErrorBody,
        refused: bool,
    },
    NoBroker,
    /// The filter has not looked at everything yet.
    Searching,
    NothingMatches {
        searched: u64,
    },
    /// It was empty when the display was held.
    Held {
        meanwhile: u64,
    },
    NeverListened,
    Stopped,
    Joining,
    NoPartition,
    /// What is there is not visible yet.
    Unread,
    /// Listening, and there is no record at all.
    EmptyTopic,
    /// Listening, at the end of what is there.
    NothingNew {
        group: bool,
    },
    /// Where the end is, is not known yet, or something is on its way.
    Waiting,
}

impl Why {
    fn of(page: &Page) -> Self {
        let listening = page.listening();
        let counts = page.feed().counts();
        if page.link().asks_for_token() {
            return Self::TokenAsked;
        }
        if matches!(page.link(), Link::Closed { .. }) {
            return Self::Closed;
        }
        if !page.link().is_open() {
            return Self::Offline;
        }
        if counts.kept > 0 && counts.scanned < counts.kept {
            return Self::Searching;
        }
        if counts.kept > 0 && page.feed().filter().is_empty() {
            return Self::Held { meanwhile: counts.kept };
        }
        if counts.kept > 0 {
            return Self::NothingMatches { searched: counts.kept };
        }
        match (listening.problem(), listening.phase()) {
            (Some(error), _) if error.code == ErrorCode::TopicMissing.number() => Self::TopicMissing,
            (Some(error), phase) if !error.is_about_reaching_kafka() => {
                Self::Problem { error: error.clone(), refused: phase == Phase::Idle }
            }
            _ if page.kafka_is_down() => Self::NoBroker,
            (_, Phase::Idle) if listening.intent().topics.is_empty() => Self::NeverListened,
            (_, Phase::Idle | Phase::Stopping) => Self::Stopped,
            _ => {
                let group = listening.intent().mode == ReadMode::Group;
                if !page.waits().unread().is_empty() {
                    return Self::Unread;
                }
                match (listening.assigned(), listening.is_all_there_was()) {
                    (None, _) if group => Self::Joining,
                    (Some([]), _) if group => Self::NoPartition,
                    (_, Some(false)) => Self::EmptyTopic,
                    (_, Some(true)) => Self::NothingNew { group },
                    _ => Self::Waiting,
                }
            }
        }
    }

    fn title(&self, words: &Words) -> &'static str {
        match self {
            Self::Offline | Self::Closed => words.empty_offline,
            Self::TokenAsked => words.token_asked,
            Self::TopicMissing => words.topic_missing,
            Self::Problem { refused: true, .. } => words.problem_refused,
            Self::Problem { .. } => words.problem_listening,
            Self::NoBroker => words.empty_no_broker,
            Self::Searching => words.empty_searching,
            Self::NothingMatches { .. } => words.empty_filtered,
            Self::Held { .. } => words.empty_held,
            Self::NeverListened => words.empty_idle,
            Self::Stopped => words.empty_stopped,
            Self::Joining => words.empty_joining,
            Self::NoPartition => words.empty_no_partition,
            Self::Unread => "",
            Self::EmptyTopic => words.empty_no_record,
            Self::NothingNew { group: true } => words.empty_new_group,
            Self::NothingNew { group: false } => words.empty_new,
            Self::Waiting => words.empty_waiting,
        }
    }

    fn next(&self, words: &Words) -> String {
        match self {
            Self::Offline => words.empty_offline_next,
            Self::Closed => words.reload,
            Self::TokenAsked => words.token_above,
            Self::TopicMissing => words.topic_missing_next,
            Self::Problem { error, .. } => return error_text(error, words),
            Self::Unread => words.unread_next,
            Self::NoBroker => words.empty_no_broker_next,
            Self::Searching => "",
            Self::NothingMatches { .. } => words.empty_filtered_next,
            Self::Held { .. } => words.empty_held_next,
            Self::NeverListened | Self::Stopped => words.empty_idle_next,
            Self::Joining => words.empty_joining_next,
            Self::NoPartition => words.empty_no_partition_next,
            Self::EmptyTopic => words.empty_no_record_next,
            Self::NothingNew { group: true } => words.empty_new_group_next,
            Self::NothingNew { group: false } => words.empty_new_next,
            Self::Waiting => words.empty_waiting_next,
        }
        .to_owned()
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Offline | Self::Closed | Self::TokenAsked => "offline",
            Self::TopicMissing => "topic-missing",
            Self::Problem { .. } => "problem",
            Self::NoBroker => "no-broker",
            Self::Searching => "searching",
            Self::NothingMatches { .. } => "filtered",
            Self::Held { .. } => "paused",
            Self::NeverListened => "idle",
            Self::Stopped => "stopped",
            Self::Joining => "joining",
            Self::NoPartition => "no-partition",
            Self::Unread => "records-waiting",
            Self::EmptyTopic => "empty-topic",
            Self::NothingNew { .. } => "nothing-new",
            Self::Waiting => "waiting",
        }
    }
}

#[component]
pub fn Empty(filter: FilterBox, fields: WatchFields) -> impl IntoView {
    let (desk, prefs, guard) = (desk(), preferences(), join_guard());
    let why = Memo::new(move |_| {
        desk.cluster(|_| ());
        desk.counts(|_| ());
        desk.listening(Why::of)
    });
    let place = move |template: &str| {
        let (topic, group) = desk.listening(|page| {
            let intent = page.listening().intent();
            (intent.topic(), intent.group.clone())
        });
        let searched = match why.get() {
            Why::NothingMatches { searched: count } | Why::Held { meanwhile: count } => number(count, prefs.language()),
            _ => String::new(),
        };
        fill(template, &[("topic", &topic), ("group", &group), ("n", &searched), ("text", "")])
    };
    let can_start = move || matches!(why.get(), Why::NeverListened | Why::Stopped) && fields.can_start();
    let is_at_end = move || matches!(why.get(), Why::NothingNew { .. });
    // Another way to read begins where the present one has ended.
    let begins_anew = RwSignal::new(false);
    Effect::new(move |_| {
        let is_idle = desk.listening(|page| page.listening().phase() == Phase::Idle);
        if is_idle && begins_anew.get() {
            begins_anew.set(false);
            guard.listen(fields);
        }
    });
    let watch_all = move |_| {
        fields.choose_mode(ReadMode::Watch);
        fields.choose_start("earliest".to_owned());
        begins_anew.set(true);
        desk.stop_listening();
    };
    let is_filtered = move || matches!(why.get(), Why::NothingMatches { .. });
    view! {
        <div class="empty" data-testid="empty" data-reason=move || why.get().name()>
            <svg class="empty-arch" viewBox="0 0 120 56" aria-hidden="true">
                <path d="M4 14H116M14 54V14M106 54V14M16 54C16 34 36 18 60 18S104 34 104 54" />
            </svg>
            <p class="empty-title" role="status">{move || match why.get() {
                Why::Unread => desk.listening(|page| unread_text(page, prefs.words(), prefs.language())).unwrap_or_default(),
                why => place(why.title(prefs.words())),
            }}</p>
            <p class="empty-next">{move || {
                let is_foreign = desk.cluster(|page| page.bridge().is_some() && !page.may_send_to(&fields.first_topic()));
                let next = match why.get() {
                    // The tutorial's run is not offered there.
                    Why::NeverListened | Why::Stopped if is_foreign => prefs.words().empty_idle_next_foreign.to_owned(),
                    why => why.next(prefs.words()),
                };
                // The bridge's words may contain braces of their own.
                if matches!(why.get(), Why::Problem { .. }) { next } else { place(&next) }
            }}</p>
            <Show when=can_start>
                <button type="button" class="button" on:click=move |_| guard.listen(fields)>
                    {prefs.text(|w| w.listen)}
                </button>
            </Show>
            <Show when=is_at_end>
                <button type="button" class="button" data-testid="watch-all" on:click=watch_all>
                    {prefs.text(|w| w.empty_watch_all)}
                </button>
            </Show>
            <Show when=is_filtered>
                <button type="button" class="button" on:click=move |_| {
                    filter.clear();
                }>
                    {prefs.text(|w| w.empty_filter_clear)}
                </button>
            </Show>
        </div>
    }
}
