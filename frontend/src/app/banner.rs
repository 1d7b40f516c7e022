//! The banner: errors of the connection and of Kafka, and what happens next.

use leptos::prelude::*;
use protocol::{CloseCode, ErrorBody, ErrorCode, ProduceWaiting, WaitReason};

use crate::app::account::{AccountPart, AccountView};
use crate::context::error_text::down_text;
use crate::context::{navigation, preferences, store};
use crate::i18n::{Language, Words};
use crate::platform::browser;
use crate::send::sent_waiting::wait_text;
use page_model::{ConnectError, Link, Loss, ReadState, Run};

/// The message of the banner. Connection errors come first: without a connection the state of Kafka is unknown.
#[derive(Clone, PartialEq)]
enum BannerMessage {
    BridgeLost {
        loss: Loss,
        /// Sent records without an outcome.
        pending: u64,
    },
    /// Reconnecting now, after a loss.
    Reconnecting,
    BridgeClosed {
        loss: Loss,
    },
    TokenRequired {
        /// The user has entered a token, and the bridge has refused it.
        is_wrong: bool,
        /// The bridge also offers to sign in.
        signs_in: bool,
    },
    SignedOut {
        /// Records of the list, a run or a batch are lost when the page is loaded again.
        loses_something: bool,
        /// Sent records without an outcome.
        pending: u64,
    },
    /// The user may do nothing in any cluster.
    NoRights,
    KafkaDown {
        servers: String,
        named_by_user: bool,
        error: Option<ErrorBody>,
    },
    /// Kafka is reachable, but does not acknowledge sent records.
    ProduceWaits {
        waits: Vec<ProduceWaiting>,
    },
    /// The schema registry does not answer, and the page reads typed records.
    RegistryDown {
        reason: String,
    },
}

impl BannerMessage {
    /// `before`: the message shown until now, so that the banner does not flicker while reconnecting.
    fn of(state: &impl ReadState, before: Option<&Self>) -> Option<Self> {
        match state.link() {
            Link::Waiting { loss, .. } => {
                Some(Self::BridgeLost { loss: loss.clone(), pending: state.sends().waiting() as u64 })
            }
            link if link.asks_for_token() => {
                Some(Self::TokenRequired { is_wrong: state.token_is_wrong(), signs_in: state.signs_in() })
            }
            link if link.asks_to_sign_in() => Some(Self::SignedOut {
                loses_something: state.feed().counts().kept > 0
                    || state.batch().is_some()
                    || state.run().is_some_and(Run::is_active),
                pending: state.sends().waiting() as u64,
            }),
            Link::Closed { loss } if loss.code == CloseCode::Forbidden.number() => Some(Self::NoRights),
            Link::Closed { loss } => Some(Self::BridgeClosed { loss: loss.clone() }),
            Link::Connecting => match before {
                Some(Self::BridgeLost { .. } | Self::Reconnecting) => Some(Self::Reconnecting),
                Some(Self::TokenRequired { .. } | Self::SignedOut { .. }) => before.cloned(),
                _ => None,
            },
            Link::Open if state.kafka_is_down() => state.cluster().map(|cluster| Self::KafkaDown {
                servers: cluster.bootstrap_servers.clone(),
                named_by_user: cluster.named_by_user,
                error: cluster.error.clone(),
            }),
            Link::Open => {
                // Acknowledged records that are not visible yet are shown beside the list of sent records.
                let is_stuck = |wait: &&ProduceWaiting| wait.reason != WaitReason::OpenTransaction;
                let waits: Vec<_> = state.waits().sent().iter().filter(is_stuck).cloned().collect();
                let registry_down = || Some(Self::RegistryDown { reason: state.registry_down()?.to_owned() });
                (!waits.is_empty()).then_some(Self::ProduceWaits { waits }).or_else(registry_down)
            }
        }
    }

    fn title(&self, words: &Words, language: Language) -> String {
        match self {
            Self::BridgeLost { loss, .. } if loss.code == CloseCode::ShuttingDown.number() => {
                words.banner_shutting_down.to_owned()
            }
            Self::BridgeLost { loss: Loss { cause: Some(error), .. }, .. } => connect_error_texts(error, words).0,
            Self::BridgeLost { .. } | Self::Reconnecting => words.banner_lost.to_owned(),
            Self::BridgeClosed { loss } => words.banner_closed.with_reason(&close_reason(loss, words)),
            Self::SignedOut { .. } => words.sign_in_next.to_owned(),
            Self::NoRights => words.no_rights.to_owned(),
            Self::TokenRequired { is_wrong, .. } => {
                (if *is_wrong { words.token_wrong } else { words.token_required }).to_owned()
            }
            Self::KafkaDown { servers, error, .. } => match known_reason(servers, error.as_ref(), words) {
                Some((title, _)) => title,
                None => words.banner_kafka.with_servers(servers),
            },
            Self::ProduceWaits { waits } => wait_text(waits, words, language).unwrap_or_default(),
            Self::RegistryDown { .. } => words.banner_registry.to_owned(),
        }
    }

    fn next(&self, words: &Words, seconds: u32) -> String {
        match self {
            Self::BridgeLost { loss, pending } => {
                let retry = words.banner_lost_next.with_n(&seconds.to_string());
                let next = match loss.cause.as_ref().map(|error| connect_error_texts(error, words).1) {
                    Some(action) => format!("{action} {retry}"),
                    None => retry,
                };
                with_pending(next, *pending, words)
            }
            Self::Reconnecting => words.banner_reconnecting.to_owned(),
            Self::BridgeClosed { loss } if loss.code == CloseCode::UnknownCluster.number() => {
                words.banner_cluster_next.to_owned()
            }
            Self::BridgeClosed { .. } => words.banner_closed_next.to_owned(),
            Self::TokenRequired { .. } => words.token_next.to_owned(),
            &Self::SignedOut { loses_something, pending } => {
                let loses = if loses_something || pending > 0 { words.sign_in_loses } else { "" };
                with_pending(loses.to_owned(), pending, words)
            }
            Self::NoRights => words.no_rights_next.to_owned(),
            Self::KafkaDown { servers, named_by_user, error } => {
                let change = known_reason(servers, error.as_ref(), words).map(|(_, next)| next);
                // A user who has named a broker needs no hint how to start one.
                let is_missing = !named_by_user && nothing_answers(error.as_ref());
                let start = is_missing.then_some(words.banner_kafka_start);
                let parts = [start.is_none().then_some(change).flatten(), Some(words.banner_kafka_next), start];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
            Self::ProduceWaits { .. } => words.wait_next.to_owned(),
            Self::RegistryDown { .. } => words.banner_registry_next.to_owned(),
        }
    }

    /// Only loading the page again helps.
    fn needs_reload(&self) -> bool {
        match self {
            Self::BridgeClosed { .. } | Self::NoRights => true,
            Self::BridgeLost { loss, .. } => loss.cause == Some(ConnectError::SignedOut),
            _ => false,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::KafkaDown { error, .. } => error.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
            Self::RegistryDown { reason } => reason.clone(),
            Self::ProduceWaits { waits } => waits.first().map(|wait| wait.message.clone()).unwrap_or_default(),
            Self::BridgeLost { loss: Loss { cause: Some(ConnectError::Refused(error)), .. }, .. } => {
                error.message.clone()
            }
            Self::BridgeLost { loss, .. } | Self::BridgeClosed { loss } => loss.reason.clone(),
            Self::Reconnecting | Self::TokenRequired { .. } | Self::SignedOut { .. } | Self::NoRights => String::new(),
        }
    }
}

/// Adds the number of sent records without an outcome.
fn with_pending(text: String, pending: u64, words: &Words) -> String {
    match pending {
        0 => text,
        n => format!("{text} {}", words.banner_lost_waiting_count.count(n, &n.to_string())),
    }
}

fn known_reason(servers: &str, error: Option<&ErrorBody>, words: &Words) -> Option<(String, &'static str)> {
    down_text(error?, servers, words)
}

/// Whether the error suggests that no Kafka is running at the address.
fn nothing_answers(error: Option<&ErrorBody>) -> bool {
    let silent = [ErrorCode::ConnectionRefused, ErrorCode::KafkaUnreachable].map(ErrorCode::number);
    error.is_none_or(|error| silent.contains(&error.code))
}

/// What is wrong with the connection, and what to do about it.
fn connect_error_texts(error: &ConnectError, words: &Words) -> (String, String) {
    let (origin, path) = (browser::origin(), browser::websocket_path());
    match error {
        ConnectError::Refused(error) if error.code == ErrorCode::OriginRefused.number() => {
            (words.connect_origin.with_origin(&origin), words.connect_origin_next.with_origin(&origin))
        }
        ConnectError::Refused(error) if error.code == ErrorCode::TooManySockets.number() => {
            (words.connect_full.to_owned(), words.connect_full_next.to_owned())
        }
        ConnectError::Refused(error) => (words.connect_refused.to_owned(), error.message.clone()),
        ConnectError::UpgradeNotForwarded => {
            (words.connect_upgrade.to_owned(), words.connect_upgrade_next.with_path(&path))
        }
        ConnectError::SignedOut => (words.connect_signed_out.to_owned(), words.connect_signed_out_next.to_owned()),
        ConnectError::BridgeDown { status } => {
            (words.connect_bridge_down.with_status(&status.to_string()), words.connect_bridge_down_next.to_owned())
        }
        ConnectError::OtherServer { status } => (
            words.connect_other.with_path_status(&path, &status.to_string()),
            words.connect_other_next.with_path(&path),
        ),
    }
}

fn close_reason(loss: &Loss, words: &Words) -> String {
    match loss.code {
        4506 => words.close_4506.to_owned(),
        4504 => words.close_4504.to_owned(),
        4508 => match (Link::Closed { loss: loss.clone() }).clusters_instead() {
            Some(names) => words.close_cluster.with_names(&names.join(", ")),
            None => loss.reason.clone(),
        },
        _ if !loss.reason.is_empty() => loss.reason.clone(),
        code => words.close_other.with_code(&code.to_string()),
    }
}

#[component]
pub fn Banner() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let message = Memo::new(move |before: Option<&Option<BannerMessage>>| {
        store.read(|state| BannerMessage::of(state, before.and_then(Option::as_ref)))
    });
    let seconds = Memo::new(move |_| store.read(|state| state.link().retry_in_secs(browser::now_ms()).unwrap_or(1)));
    let is_lost = move || message.with(|message| matches!(message, Some(BannerMessage::BridgeLost { .. })));
    let needs_reload = move || message.with(|message| message.as_ref().is_some_and(BannerMessage::needs_reload));
    let has_no_rights = move || message.with(|message| *message == Some(BannerMessage::NoRights));
    let is_signed_out =
        Memo::new(move |_| message.with(|message| matches!(message, Some(BannerMessage::SignedOut { .. }))));
    let offers_sign_in = move || {
        is_signed_out.get()
            || message.with(|message| matches!(message, Some(BannerMessage::TokenRequired { signs_in: true, .. })))
    };
    // A signed-out user may prefer a token.
    let prefers_token = RwSignal::new(false);
    let asks_for_token = move || {
        let is_required = message.with(|message| matches!(message, Some(BannerMessage::TokenRequired { .. })));
        is_required || (is_signed_out.get() && prefers_token.get())
    };
    // The first prompt for the token is not an error.
    let level = move || {
        let is_new = message.with(|message| {
            matches!(
                message,
                Some(BannerMessage::TokenRequired { is_wrong: false, .. } | BannerMessage::SignedOut { .. })
            )
        });
        let reads_on = message.with(|message| {
            matches!(message, Some(BannerMessage::ProduceWaits { .. } | BannerMessage::RegistryDown { .. }))
        });
        if is_new || reads_on { "warning" } else { "error" }
    };
    let title =
        move || message.with(|message| message.as_ref().map(|message| message.title(prefs.words(), prefs.language())));
    let next =
        move || message.with(|message| message.as_ref().map(|message| message.next(prefs.words(), seconds.get())));
    let detail = move || message.with(|message| message.as_ref().map(BannerMessage::detail));
    // The errors of Kafka and of the registry are shown in full, since they contain addresses and numbers.
    let shown_detail = move || {
        let has_values = |message: &&BannerMessage| {
            use BannerMessage::{KafkaDown, ProduceWaits, RegistryDown};
            matches!(message, KafkaDown { .. } | ProduceWaits { .. } | RegistryDown { .. })
        };
        message.with(|message| message.as_ref().filter(has_values).map(BannerMessage::detail))
    };
    let testid = move || {
        let is_about_registry = message.with(|message| matches!(message, Some(BannerMessage::RegistryDown { .. })));
        if is_about_registry { "registry-banner" } else { "banner" }
    };
    let reason = move || {
        message.with(|message| match message {
            Some(BannerMessage::KafkaDown { error, .. }) => error.as_ref().map(|error| error.name.clone()),
            Some(BannerMessage::BridgeLost { loss, .. }) => loss.cause.as_ref().map(|error| error.name().to_owned()),
            _ => None,
        })
    };
    view! {
        <Show when=move || message.with(Option::is_some)>
            <div class="banner" data-testid=testid data-level=level data-reason=reason>
                <span class="banner-mark" aria-hidden="true">
                    "!"
                </span>
                <p>
                    // Only the message is an alert; a screen reader would read the countdown every second.
                    <strong role="alert" title=detail>
                        {title}
                    </strong>
                    " "
                    <span>{next}</span>
                    <span class="banner-detail" data-testid="banner-detail">
                        {shown_detail}
                    </span>
                </p>
                <Show when=is_lost>
                    <button
                        type="button"
                        class="button small"
                        data-testid="banner-try-now"
                        on:click=move |_| store.connect_now()
                    >
                        {prefs.text(|w| w.try_now)}
                    </button>
                </Show>
                <Show when=offers_sign_in>
                    <SignIn prefers_token=prefers_token />
                </Show>
                <Show when=asks_for_token>
                    <TokenForm />
                </Show>
                <Show when=has_no_rights>
                    <AccountView part=AccountPart::Leave />
                </Show>
                <Show when=needs_reload>
                    <button
                        type="button"
                        class="button small"
                        data-testid="banner-reload"
                        on:click=move |_| browser::reload()
                    >
                        {prefs.text(|w| w.reload)}
                    </button>
                </Show>
            </div>
        </Show>
    }
}

/// The link to the sign-in. In the main file, since a part of the page may not load while the user is signed out.
#[component]
fn SignIn(prefers_token: RwSignal<bool>) -> impl IntoView {
    let (store, prefs, navigation) = (store(), preferences(), navigation());
    // The address names the view, which can be changed while signed out.
    let href = move || {
        navigation.track();
        browser::sign_in_href()
    };
    let offers_token = move || !prefers_token.get() && store.read(|state| state.link().asks_to_sign_in());
    view! {
        // In this tab, so that the user comes back to it.
        <a class="button small primary" data-testid="sign-in" href=href>
            {prefs.text(|w| w.sign_in)}
        </a>
        <Show when=offers_token>
            <button
                type="button"
                class="button small"
                data-testid="use-token"
                on:click=move |_| prefers_token.set(true)
            >
                {prefs.text(|w| w.token_use)}
            </button>
        </Show>
    }
}

/// The form for the bridge's access token.
#[component]
fn TokenForm() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let token = RwSignal::new(String::new());
    view! {
        <form
            class="token"
            on:submit=move |event| {
                event.prevent_default();
                store.connect_with_token(token.get_untracked().trim().to_owned());
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
            <button
                type="submit"
                class="button small"
                data-testid="token-give"
                disabled=move || token.with(|token| token.trim().is_empty())
            >
                {prefs.text(|w| w.token_connect)}
            </button>
        </form>
    }
}
