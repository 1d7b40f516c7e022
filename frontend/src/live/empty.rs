//! The message in an empty list: why the list is empty, and what to do.

use leptos::prelude::*;
use protocol::{ErrorBody, ErrorCode};

use crate::context::error_text::error_text;
use crate::context::{preferences, store};
use crate::i18n::{Language, Words};
use crate::live::filter_bar::FilterBox;
use crate::live::join_guard::join_guard;
use crate::live::list_notices::unread_text;
use crate::live::watch_fields::WatchFields;
use crate::ui::format::number;
use page_model::{Link, Phase, ReadMode, ReadState, SendBlocked};

/// The name of the reason if the user may not read the topic.
const FORBIDDEN: &str = "forbidden";

/// The first reason that applies. Errors come first.
#[derive(Clone, PartialEq)]
enum EmptyReason {
    Offline,
    /// Offline without automatic reconnects.
    Closed,
    /// The bridge requires its access token; the banner has the form.
    TokenRequired,
    /// The banner has the link to sign in.
    SignedOut,
    TopicMissing,
    Problem {
        error: ErrorBody,
        refused: bool,
    },
    NoBroker,
    /// The filter has not checked all records yet.
    Searching,
    NothingMatches {
        searched: u64,
        received: u64,
    },
    /// The list was empty when the display was held.
    Held {
        meanwhile: u64,
    },
    NeverListened,
    Stopped,
    Joining,
    NoPartition,
    /// The records wait behind an open transaction.
    Unread,
    /// Listening; the partitions contain no records.
    EmptyTopic,
    /// Listening at the end of the partitions.
    NothingNew {
        group: bool,
    },
    /// Listening; the end offsets are unknown, or records are still to arrive.
    Waiting,
}

impl EmptyReason {
    fn of(state: &impl ReadState) -> Self {
        let listening = state.listening();
        let counts = state.feed().counts();
        if state.link().asks_for_token() {
            return Self::TokenRequired;
        }
        if state.link().asks_to_sign_in() {
            return Self::SignedOut;
        }
        if matches!(state.link(), Link::Closed { .. }) {
            return Self::Closed;
        }
        if !state.link().is_open() {
            return Self::Offline;
        }
        if !state.feed().is_scanned() {
            return Self::Searching;
        }
        if counts.kept > 0 && state.feed().filter().is_empty() {
            return Self::Held { meanwhile: counts.kept };
        }
        if counts.kept > 0 {
            return Self::NothingMatches { searched: counts.scanned, received: counts.received };
        }
        match (listening.error(), listening.phase()) {
            (Some(error), _) if error.code == ErrorCode::TopicMissing.number() => Self::TopicMissing,
            (Some(error), phase) if !error.is_about_reaching_kafka() => {
                Self::Problem { error: error.clone(), refused: phase == Phase::Idle }
            }
            _ if state.kafka_is_down() => Self::NoBroker,
            (_, Phase::Idle) if listening.intent().topics.is_empty() => Self::NeverListened,
            (_, Phase::Idle | Phase::Stopping) => Self::Stopped,
            _ => {
                let group = listening.intent().mode == ReadMode::Group;
                if !state.waits().unread().is_empty() {
                    return Self::Unread;
                }
                match (listening.assigned(), listening.has_records_when_caught_up()) {
                    (None, _) if group => Self::Joining,
                    (Some([]), _) if group => Self::NoPartition,
                    (_, Some(false)) => Self::EmptyTopic,
                    (_, Some(true)) => Self::NothingNew { group },
                    _ => Self::Waiting,
                }
            }
        }
    }

    fn title(&self, words: &Words, topic: &str, group: &str) -> String {
        let text = match self {
            Self::Offline | Self::Closed => words.empty_offline,
            Self::TokenRequired => words.token_required,
            Self::SignedOut => words.connect_signed_out,
            Self::TopicMissing => return words.topic_missing.with_topic(topic),
            Self::Problem { refused: true, .. } => words.problem_refused,
            Self::Problem { .. } => words.problem_listening,
            Self::NoBroker => words.empty_no_broker,
            Self::Searching => words.empty_searching,
            Self::NothingMatches { .. } => words.empty_filtered,
            Self::Held { .. } => words.empty_paused,
            Self::NeverListened => words.empty_idle,
            Self::Stopped => words.empty_stopped,
            Self::Joining => return words.empty_joining.with_group(group),
            Self::NoPartition => words.empty_no_partition,
            Self::Unread => "",
            Self::EmptyTopic => return words.empty_no_record.with_topic(topic),
            Self::NothingNew { group: true } => return words.empty_new_group.with_group(group),
            Self::NothingNew { group: false } => return words.empty_new.with_topic(topic),
            Self::Waiting => return words.empty_waiting.with_topic(topic),
        };
        text.to_owned()
    }

    fn next(&self, words: &Words, group: &str, language: Language) -> String {
        match self {
            Self::Offline => words.empty_offline_next,
            Self::Closed => words.reload,
            Self::TokenRequired => words.token_enter_above,
            Self::SignedOut => words.sign_in_above,
            Self::TopicMissing => words.topic_missing_next,
            Self::Problem { error, .. } => return error_text(error, words),
            Self::Unread => words.unread_next,
            Self::NoBroker => words.empty_no_broker_next,
            Self::Searching => "",
            Self::NothingMatches { searched, received } if searched < received => {
                let (searched, received) = (number(*searched, language), number(*received, language));
                return words.empty_filtered_part.with_n_received(&searched, &received);
            }
            Self::NothingMatches { searched, .. } => {
                return words.empty_filtered_next.with_n(&number(*searched, language));
            }
            Self::Held { meanwhile } => return words.empty_paused_next.with_n(&number(*meanwhile, language)),
            Self::NeverListened | Self::Stopped => words.empty_idle_next,
            Self::Joining => words.empty_joining_next,
            Self::NoPartition => return words.empty_no_partition_next.with_group(group),
            Self::EmptyTopic => words.empty_no_record_next,
            Self::NothingNew { group: true } => words.empty_new_group_next,
            Self::NothingNew { group: false } => words.empty_new_next,
            Self::Waiting => words.empty_waiting_next,
        }
        .to_owned()
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Offline | Self::Closed | Self::TokenRequired | Self::SignedOut => "offline",
            Self::TopicMissing => "topic-missing",
            Self::Problem { error, .. } if error.code == ErrorCode::Forbidden.number() => FORBIDDEN,
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
    let (store, prefs, guard) = (store(), preferences(), join_guard());
    let reason = Memo::new(move |_| store.read(|state| EmptyReason::of(state)));
    let topic = move || store.read(|state| state.listening().intent().topic());
    let group = move || store.read(|state| state.listening().intent().group.clone());
    let is_idle = move || matches!(reason.get(), EmptyReason::NeverListened | EmptyReason::Stopped);
    // A link may ask for what the bridge then refuses.
    let forbidden =
        Memo::new(move |_| fields.listen_blocked().filter(|_| is_idle() || reason.get().name() == FORBIDDEN));
    let can_start = move || is_idle() && fields.can_start();
    let is_at_end = move || matches!(reason.get(), EmptyReason::NothingNew { .. });
    // The new subscription starts once the current one has ended.
    let restarts = RwSignal::new(false);
    Effect::new(move |_| {
        let is_idle = store.read(|state| state.listening().phase() == Phase::Idle);
        if is_idle && restarts.get() {
            restarts.set(false);
            guard.listen(fields);
        }
    });
    let watch_all = move |_| {
        fields.choose_mode(ReadMode::Watch);
        fields.choose_start("earliest".to_owned());
        restarts.set(true);
        store.act(|state, _| state.stop_listening());
    };
    let is_filtered = move || matches!(reason.get(), EmptyReason::NothingMatches { .. });
    let title = move || match (forbidden.get(), reason.get()) {
        (Some(forbidden), _) => forbidden,
        (_, EmptyReason::Unread) => {
            store.read(|state| unread_text(state, prefs.words(), prefs.language())).unwrap_or_default()
        }
        (_, reason) => reason.title(prefs.words(), &topic(), &group()),
    };
    let next = move || {
        let is_foreign = store.read(|state| {
            let topic = fields.first_topic();
            let is_forbidden = state.send_blocked_to(&topic) == Some(SendBlocked::Forbidden);
            state.bridge().is_some() && (is_forbidden || !state.may_send_to(&topic))
        });
        match reason.get() {
            _ if forbidden.with(Option::is_some) => prefs.words().listen_forbidden_next.to_owned(),
            // The text for other topics does not offer the tutorial's run.
            EmptyReason::NeverListened | EmptyReason::Stopped if is_foreign => {
                prefs.words().empty_idle_next_foreign.to_owned()
            }
            reason => reason.next(prefs.words(), &group(), prefs.language()),
        }
    };
    view! {
        <div
            class="empty"
            data-testid="empty"
            data-reason=move || if forbidden.with(Option::is_some) { FORBIDDEN } else { reason.get().name() }
        >
            <svg class="empty-arch" viewBox="0 0 120 56" aria-hidden="true">
                <path d="M4 14H116M14 54V14M106 54V14M16 54C16 34 36 18 60 18S104 34 104 54" />
            </svg>
            <p class="empty-title" role="status">
                {title}
            </p>
            <p class="empty-next">{next}</p>
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
                <button
                    type="button"
                    class="button"
                    on:click=move |_| {
                        filter.clear();
                    }
                >
                    {prefs.text(|w| w.empty_filter_clear)}
                </button>
            </Show>
        </div>
    }
}
