//! The one place that says what is wrong with the connection or with Kafka, and what happens next.

use leptos::prelude::*;
use protocol::{CloseCode, ErrorBody, ErrorCode, ProduceWaiting, WaitReason};

use super::error_text::down_text;
use super::sent_waiting::wait_text;
use super::{desk, preferences};
use crate::browser;
use crate::words::{Words, count, fill};
use page_model::{Language, Link, Loss, Page};

/// The connection comes first: without it nothing is known of Kafka.
#[derive(Clone, PartialEq)]
enum Trouble {
    BridgeLost {
        loss: Loss,
        /// Records sent that have no outcome yet.
        unanswered: u64,
    },
    /// Trying again right now, after a loss.
    Reconnecting,
    BridgeClosed {
        loss: Loss,
    },
    TokenAsked {
        /// One was given already.
        is_wrong: bool,
    },
    KafkaDown {
        servers: String,
        named_by_user: bool,
        error: Option<ErrorBody>,
    },
    /// Kafka answers, and does not take records that were sent.
    ProduceWaits {
        waits: Vec<ProduceWaiting>,
    },
}

impl Trouble {
    /// `before` is the trouble shown until now: a try to reconnect does not make the banner flicker.
    fn of(page: &Page, before: Option<&Self>) -> Option<Self> {
        match page.link() {
            Link::Waiting { loss, .. } => {
                Some(Self::BridgeLost { loss: loss.clone(), unanswered: page.sends().waiting() as u64 })
            }
            link if link.asks_for_token() => Some(Self::TokenAsked { is_wrong: page.has_token() }),
            Link::Closed { loss } => Some(Self::BridgeClosed { loss: loss.clone() }),
            Link::Connecting => match before {
                Some(Self::BridgeLost { .. } | Self::Reconnecting) => Some(Self::Reconnecting),
                Some(Self::TokenAsked { .. }) => before.cloned(),
                _ => None,
            },
            Link::Open if page.kafka_is_down() => page.cluster().map(|cluster| Self::KafkaDown {
                servers: cluster.bootstrap_servers.clone(),
                named_by_user: cluster.named_by_user,
                error: cluster.error.clone(),
            }),
            Link::Open => {
                // Records that are only not visible yet are told where they were sent from.
                let is_stuck = |wait: &&ProduceWaiting| wait.reason != WaitReason::OpenTransaction;
                let waits: Vec<_> = page.waits().sent().iter().filter(is_stuck).cloned().collect();
                (!waits.is_empty()).then_some(Self::ProduceWaits { waits })
            }
        }
    }

    fn what(&self, words: &Words, language: Language) -> String {
        match self {
            Self::BridgeLost { loss, .. } if loss.code == CloseCode::ShuttingDown.number() => {
                words.banner_shutting_down.to_owned()
            }
            Self::BridgeLost { .. } | Self::Reconnecting => words.banner_lost.to_owned(),
            Self::BridgeClosed { loss } => fill(words.banner_closed, &[("reason", &close_reason(loss, words))]),
            Self::TokenAsked { is_wrong } => (if *is_wrong { words.token_wrong } else { words.token_asked }).to_owned(),
            Self::KafkaDown { servers, error, .. } => match known_reason(servers, error.as_ref(), words) {
                Some((what, _)) => what,
                None => fill(words.banner_kafka, &[("servers", servers)]),
            },
            Self::ProduceWaits { waits } => wait_text(waits, words, language).unwrap_or_default(),
        }
    }

    fn next(&self, words: &Words, seconds: u32) -> String {
        match self {
            Self::BridgeLost { unanswered, .. } => {
                let next = fill(words.banner_lost_next, &[("n", &seconds.to_string())]);
                match unanswered {
                    0 => next,
                    &n => {
                        let (one, many) = (words.banner_lost_waiting_one, words.banner_lost_waiting_many);
                        format!("{next} {}", count(one, many, n, &n.to_string()))
                    }
                }
            }
            Self::Reconnecting => words.banner_reconnecting.to_owned(),
            Self::BridgeClosed { .. } => words.banner_closed_next.to_owned(),
            Self::TokenAsked { .. } => words.token_next.to_owned(),
            Self::KafkaDown { servers, named_by_user, error } => {
                let change = known_reason(servers, error.as_ref(), words).map(|(_, next)| next);
                // Who has named a broker knows how it is started.
                let is_missing = !named_by_user && nothing_answers(error.as_ref());
                let start = is_missing.then_some(words.banner_kafka_start);
                let parts = [start.is_none().then_some(change).flatten(), Some(words.banner_kafka_next), start];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
            Self::ProduceWaits { .. } => words.wait_next.to_owned(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::KafkaDown { error, .. } => error.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
            Self::ProduceWaits { waits } => waits.first().map(|wait| wait.message.clone()).unwrap_or_default(),
            Self::BridgeLost { loss, .. } | Self::BridgeClosed { loss } => loss.reason.clone(),
            Self::Reconnecting | Self::TokenAsked { .. } => String::new(),
        }
    }
}

fn known_reason(servers: &str, error: Option<&ErrorBody>, words: &Words) -> Option<(String, &'static str)> {
    down_text(error?, servers, words)
}

/// Perhaps no Kafka is running there.
fn nothing_answers(error: Option<&ErrorBody>) -> bool {
    let silent = [ErrorCode::ConnectionRefused, ErrorCode::KafkaUnreachable].map(ErrorCode::number);
    error.is_none_or(|error| silent.contains(&error.code))
}

fn close_reason(loss: &Loss, words: &Words) -> String {
    match loss.code {
        4506 => words.close_4506.to_owned(),
        4504 => words.close_4504.to_owned(),
        4507 => words.close_forbidden.to_owned(),
        _ if !loss.reason.is_empty() => loss.reason.clone(),
        code => fill(words.close_other, &[("code", &code.to_string())]),
    }
}

#[component]
pub fn Banner() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let trouble = Memo::new(move |before: Option<&Option<Trouble>>| {
        desk.cluster(|page| Trouble::of(page, before.and_then(Option::as_ref)))
    });
    let seconds = Memo::new(move |_| desk.link(|page| page.link().retry_in_secs(browser::now_ms()).unwrap_or(1)));
    let is_lost = move || trouble.with(|trouble| matches!(trouble, Some(Trouble::BridgeLost { .. })));
    let is_closed = move || trouble.with(|trouble| matches!(trouble, Some(Trouble::BridgeClosed { .. })));
    let asks_for_token = move || trouble.with(|trouble| matches!(trouble, Some(Trouble::TokenAsked { .. })));
    // Nothing is wrong yet where it was only asked.
    let level = move || {
        let is_new = trouble.with(|trouble| matches!(trouble, Some(Trouble::TokenAsked { is_wrong: false })));
        let waits = trouble.with(|trouble| matches!(trouble, Some(Trouble::ProduceWaits { .. })));
        if is_new || waits { "warning" } else { "error" }
    };
    let what =
        move || trouble.with(|trouble| trouble.as_ref().map(|trouble| trouble.what(prefs.words(), prefs.language())));
    let next =
        move || trouble.with(|trouble| trouble.as_ref().map(|trouble| trouble.next(prefs.words(), seconds.get())));
    let detail = move || trouble.with(|trouble| trouble.as_ref().map(Trouble::detail));
    // Of Kafka the bridge's own words are worth their line: they name addresses and numbers.
    let said = move || {
        let is_of_kafka =
            |trouble: &&Trouble| matches!(trouble, Trouble::KafkaDown { .. } | Trouble::ProduceWaits { .. });
        trouble.with(|trouble| trouble.as_ref().filter(is_of_kafka).map(Trouble::detail))
    };
    let reason = move || {
        trouble.with(|trouble| match trouble {
            Some(Trouble::KafkaDown { error, .. }) => error.as_ref().map(|error| error.name.clone()),
            _ => None,
        })
    };
    view! {
        <Show when=move || trouble.with(Option::is_some)>
            <div class="banner" data-testid="banner" data-level=level data-reason=reason>
                <span class="banner-mark" aria-hidden="true">"!"</span>
                <p>
                    // Read out once; the countdown beside it would be read out every second.
                    <strong role="alert" title=detail>{what}</strong>
                    " "
                    <span>{next}</span>
                    <span class="banner-detail" data-testid="banner-detail">{said}</span>
                </p>
                <Show when=is_lost>
                    <button type="button" class="button small" data-testid="banner-try-now" on:click=move |_| desk.connect_now()>
                        {prefs.text(|w| w.try_now)}
                    </button>
                </Show>
                <Show when=asks_for_token>
                    <TokenForm />
                </Show>
                <Show when=is_closed>
                    <button type="button" class="button small" on:click=move |_| browser::reload()>
                        {prefs.text(|w| w.reload)}
                    </button>
                </Show>
            </div>
        </Show>
    }
}

/// Where the bridge's access token is given.
#[component]
fn TokenForm() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let token = RwSignal::new(String::new());
    view! {
        <form
            class="token"
            on:submit=move |event| {
                event.prevent_default();
                desk.give_token(token.get_untracked().trim().to_owned());
            }
        >
            <input
                type="password"
                data-testid="token"
                autocomplete="current-password"
                aria-label=prefs.text(|w| w.token)
                placeholder=prefs.text(|w| w.token)
                prop:value=move || token.get()
                on:input=move |event| token.set(event_target_value(&event))
            />
            <button type="submit" class="button small" data-testid="token-give" disabled=move || token.with(|token| token.trim().is_empty())>
                {prefs.text(|w| w.token_give)}
            </button>
        </form>
    }
}
