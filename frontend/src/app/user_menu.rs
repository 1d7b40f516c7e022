//! The user: the name, and signing out or using another token.

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::User;

use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::platform::sign_out::sign_out;
use crate::ui::lazy::{Lazy, lazy_part};
use crate::ui::menu::Menu;
use page_model::ReadState;

/// The beginning of the names of users who have signed in.
const SIGN_IN_PREFIX: &str = "oidc:";
/// The name of every user of the bridge's one access token.
const ACCESS_TOKEN: &str = "access-token";

/// The name without the prefix.
fn short_name<'a>(name: &'a str, words: &'static Words) -> &'a str {
    match name {
        ACCESS_TOKEN => words.token,
        name => name.strip_prefix(SIGN_IN_PREFIX).unwrap_or(name),
    }
}

/// Shown if the bridge has recognized the user.
#[component]
pub fn UserMenu() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let user = Memo::new(move |_| store.read(|state| state.user().filter(|_| state.link().is_open()).cloned()));
    let name = move || user.get().map(|user| user.name).unwrap_or_default();
    let label = move || short_name(&name(), prefs.words()).to_owned();
    view! {
        <Show when=move || user.with(Option::is_some)>
            <div class="user" data-testid="user" data-name=name title=name>
                <span class="out-of-sight">{prefs.text(|w| w.user)}</span>
                <Menu label=label testid="user-menu" class="user-name">
                    <Lazy preload=load_account view=move || account(user.get_untracked()) />
                </Menu>
            </div>
        </Show>
    }
}

lazy_part! {
    /// What the user can do about the sign-in. `None`: the bridge has not told who the user is.
    account, load_account, pub fn account(user: Option<User>) -> LoadedView {
        Ok(view! { <Account user=user /> }.into_any())
    }
}

#[component]
fn Account(user: Option<User>) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let signs_out = user.as_ref().is_none_or(|user| user.signed_in);
    let is_known = user.is_some();
    let (is_waiting, has_failed) = (RwSignal::new(false), RwSignal::new(false));
    let leave = move |_| {
        if !signs_out {
            return store.forget_token();
        }
        is_waiting.set(true);
        spawn_local(async move {
            if sign_out().await {
                return;
            }
            if !is_known {
                // The user has come with a token, and is not signed in.
                return store.forget_token();
            }
            has_failed.try_set(true);
            is_waiting.try_set(false);
        });
    };
    view! {
        {user.map(|user| view! { <p class="user-full">{user.name}</p> })}
        <button
            type="button"
            class="button small"
            data-testid=if signs_out { "sign-out" } else { "other-token" }
            disabled=move || is_waiting.get()
            on:click=leave
        >
            {prefs.text(if signs_out { |w| w.sign_out } else { |w| w.token_other })}
        </button>
        <p class="fault" role="alert">
            {move || has_failed.get().then(|| prefs.words().sign_out_failed)}
        </p>
    }
}
