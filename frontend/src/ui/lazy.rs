//! Parts of the page whose code is loaded when they are first shown, so that the live view starts without it. The page
//! builder splits the code at the functions that [`lazy_part!`] defines.

use std::future::Future;

use futures_util::FutureExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
pub use leptos::wasm_split::SplitLoaderError;

use crate::context::preferences;
use crate::context::settings::Preferences;
use crate::ui::fresh::fresh;
use crate::ui::view_frame::EmptyState;

/// What a split function returns: its view, unless the code cannot be loaded.
pub type LoadedView = Result<AnyView, SplitLoaderError>;

/// Defines a part of the page: `$name` loads its code and creates it, `$load` only loads the code. Parts with the same `$file` are
/// in one file. `$returned` is a `Result` with [`SplitLoaderError`]; of a view, [`LoadedView`].
///
/// Without the feature `split` the code is there from the beginning.
macro_rules! lazy_part {
    (
        $(#[$doc:meta])*
        $file:ident, $load:ident, pub fn $name:ident($($argument:ident: $type:ty),*) -> LoadedView $body:block
    ) => {
        $crate::ui::lazy::lazy_part! {
            $(#[$doc])*
            $file, $load, pub fn $name($($argument: $type),*) -> $crate::ui::lazy::LoadedView $body
        }
    };
    (
        $(#[$doc:meta])*
        $file:ident, $load:ident, pub fn $name:ident($($argument:ident: $type:ty),*) -> $returned:ty $body:block
    ) => {
        $(#[$doc])*
        #[cfg(feature = "split")]
        #[leptos::wasm_split::wasm_split($file, wasm_split_path = ::leptos::wasm_split, fallible, preload($load))]
        pub fn $name($($argument: $type),*) -> $returned $body

        $(#[$doc])*
        #[cfg(not(feature = "split"))]
        pub async fn $name($($argument: $type),*) -> $returned $body

        #[cfg(not(feature = "split"))]
        pub async fn $load() -> Result<(), $crate::ui::lazy::SplitLoaderError> {
            Ok(())
        }
    };
}
pub(crate) use lazy_part;

#[derive(Clone, Copy, PartialEq, Eq)]
enum CodeState {
    Loading,
    Loaded,
    Failed,
}

/// Shows a part of the page after its code has been loaded. `preload` loads the code; `view` creates the part and is called
/// only after that.
#[component]
pub fn Lazy<P, V>(
    preload: fn() -> P,
    view: impl Fn() -> V + Clone + Send + 'static,
    /// The part is in a bar, where a message has little room.
    #[prop(optional)]
    is_small: bool,
) -> impl IntoView
where
    P: Future<Output = Result<(), SplitLoaderError>> + 'static,
    V: Future<Output = LoadedView>,
{
    let prefs = preferences();
    let state = RwSignal::new(CodeState::Loading);
    let load = move || {
        // Code that is there already is shown at once, without a frame that says "Loading…".
        if let Some(Ok(())) = preload().now_or_never() {
            state.set(CodeState::Loaded);
            return;
        }
        state.set(CodeState::Loading);
        spawn_local(async move {
            let loaded = preload().await;
            // The user may have left the part meanwhile.
            state.try_set(if loaded.is_ok() { CodeState::Loaded } else { CodeState::Failed });
        });
    };
    load();
    fresh(move || match state.get() {
        CodeState::Loading => view! {
            <p class="muted" role="status">
                {prefs.text(|w| w.loading)}
            </p>
        }
        .into_any(),
        CodeState::Loaded => view().now_or_never().and_then(Result::ok).into_any(),
        CodeState::Failed => failed(prefs, is_small, Box::new(load)),
    })
}

/// The message that the code is missing. A function of its own, since `Lazy` is compiled for each part.
fn failed(prefs: Preferences, is_small: bool, load: Box<dyn Fn()>) -> AnyView {
    let (title, next) = (prefs.text(|w| w.code_missing), prefs.text(|w| w.code_missing_next));
    let again = view! {
        <button
            type="button"
            class="button"
            class:small=is_small
            data-testid="load-again"
            title=title
            on:click=move |_| load()
        >
            {prefs.text(|w| w.try_again)}
        </button>
    };
    if is_small {
        return again.into_any();
    }
    view! {
        <EmptyState
            reason="code"
            title=Signal::derive(move || title().to_owned())
            next=Signal::derive(move || next().to_owned())
        >
            {again}
        </EmptyState>
    }
    .into_any()
}
