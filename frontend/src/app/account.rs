//! The user: the name, signing out, and using another token.

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

/// What this part of the page shows.
#[derive(Clone, Copy)]
pub enum AccountPart {
    /// The menu with the user's name.
    Menu,
    /// How to leave, for a user who may do nothing.
    Leave,
}

/// The user's name, or how to leave. Loaded later, since it is rarely needed.
#[component]
pub fn AccountView(part: AccountPart) -> impl IntoView {
    view! { <Lazy preload=load_account view=move || account(part) is_small=true /> }
}

lazy_part! {
    /// The user, and how to leave.
    account, load_account, pub fn account(part: AccountPart) -> LoadedView {
        Ok(match part {
            AccountPart::Menu => view! { <UserMenu /> }.into_any(),
            AccountPart::Leave => view! { <Account user=None /> }.into_any(),
        })
    }
}

#[component]
fn UserMenu() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let name = Memo::new(move |_| store.read(|state| state.user().map(|user| user.name.clone())).unwrap_or_default());
    let label = move || name.with(|name| short_name(name, prefs.words()).to_owned());
    let user = move || store.untracked(|state| state.user().cloned());
    view! {
        <div class="user" data-testid="user" data-name=name title=name>
            <span class="out-of-sight">{prefs.text(|w| w.user)}</span>
            <Menu label=label testid="user-menu" class="">
                <Account user=user() />
            </Menu>
        </div>
    }
}

#[component]
fn Account(user: Option<User>) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    // The bridge does not name a user without rights, but one who has sent a token is not signed in.
    let signs_out = user.as_ref().map_or_else(|| !store.untracked(|state| state.has_token()), |user| user.signed_in);
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
