//! The one place that says what is wrong with the connection or with Kafka, and what happens next.

use leptos::prelude::*;
use protocol::CloseCode;

use super::{desk, preferences};
use crate::browser;
use crate::state::{Link, Loss, Page};
use crate::words::{Words, count, fill};

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
        reason: String,
        is_local: bool,
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
                reason: cluster.error.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
                is_local: cluster.bootstrap_servers.starts_with("localhost"),
            }),
            Link::Open => None,
        }
    }

    fn what(&self, words: &Words) -> String {
        match self {
            Self::BridgeLost { loss, .. } if loss.code == CloseCode::ShuttingDown.number() => {
                words.banner_shutting_down.to_owned()
            }
            Self::BridgeLost { .. } | Self::Reconnecting => words.banner_lost.to_owned(),
            Self::BridgeClosed { loss } => fill(words.banner_closed, &[("reason", &close_reason(loss, words))]),
            Self::TokenAsked { is_wrong } => (if *is_wrong { words.token_wrong } else { words.token_asked }).to_owned(),
            Self::KafkaDown { servers, .. } => fill(words.banner_kafka, &[("servers", servers)]),
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
            Self::KafkaDown { is_local: true, .. } => {
                format!("{} {}", words.banner_kafka_next, words.banner_kafka_start)
            }
            Self::KafkaDown { .. } => words.banner_kafka_next.to_owned(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::KafkaDown { reason, .. } => reason.clone(),
            Self::BridgeLost { loss, .. } | Self::BridgeClosed { loss } => loss.reason.clone(),
            Self::Reconnecting | Self::TokenAsked { .. } => String::new(),
        }
    }
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
        if is_new { "warning" } else { "error" }
    };
    let what = move || trouble.with(|trouble| trouble.as_ref().map(|trouble| trouble.what(prefs.words())));
    let next =
        move || trouble.with(|trouble| trouble.as_ref().map(|trouble| trouble.next(prefs.words(), seconds.get())));
    let detail = move || trouble.with(|trouble| trouble.as_ref().map(Trouble::detail));
    view! {
        <Show when=move || trouble.with(Option::is_some)>
            <div class="banner" data-testid="banner" data-level=level>
                <span class="banner-mark" aria-hidden="true">"!"</span>
                <p>
                    // Read out once; the countdown beside it would be read out every second.
                    <strong role="alert" title=detail>{what}</strong>
                    " "
                    <span>{next}</span>
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
