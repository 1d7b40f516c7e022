//! Toasts: messages that no other part of the page shows. They expire, or the user dismisses them.

use leptos::prelude::*;

use crate::context::error_text::error_text;
use crate::context::{preferences, store};
use page_model::{Notice, NoticeKind, ReadState};

#[component]
pub fn Toasts() -> impl IntoView {
    let store = store();
    let notices = move || store.read(|state| state.notices().cloned().collect::<Vec<_>>());
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=notices key=|notice| notice.id let:notice>
                <Toast notice=notice />
            </For>
        </div>
    }
}

#[component]
fn Toast(notice: Notice) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let Notice { id, kind, .. } = notice;
    let level = match kind {
        NoticeKind::Copied | NoticeKind::AccessChanged => "info",
        NoticeKind::ExportIsMasked
        | NoticeKind::ExportIsDecoded
        | NoticeKind::NotUtf8(_)
        | NoticeKind::TextsMissing => "warning",
        NoticeKind::Refused(_) | NoticeKind::Unreadable(_) | NoticeKind::OriginalMissing(_) => "error",
    };
    let detail = match &kind {
        NoticeKind::Refused(error) => error_text(error, prefs.words_untracked()),
        NoticeKind::Unreadable(reason) => reason.clone(),
        NoticeKind::NotUtf8(name) => name.clone(),
        NoticeKind::TextsMissing => prefs.words_untracked().code_missing_next.to_owned(),
        NoticeKind::OriginalMissing(Some(why)) => prefs.words_untracked().raw_failed.with_why(why),
        NoticeKind::OriginalMissing(None) => prefs.words_untracked().raw_gone.to_owned(),
        NoticeKind::AccessChanged | NoticeKind::ExportIsMasked | NoticeKind::ExportIsDecoded | NoticeKind::Copied => {
            String::new()
        }
    };
    let title = move || {
        let words = prefs.words();
        match kind {
            NoticeKind::AccessChanged => words.access_changed,
            NoticeKind::ExportIsMasked => words.export_is_masked,
            NoticeKind::ExportIsDecoded => words.export_is_decoded,
            NoticeKind::OriginalMissing(_) => words.refused,
            NoticeKind::Copied => words.copied,
            NoticeKind::NotUtf8(_) => words.not_utf8,
            NoticeKind::TextsMissing => words.code_missing,
            NoticeKind::Refused(_) => words.refused,
            NoticeKind::Unreadable(_) => words.unreadable,
        }
    };
    view! {
        <div class="toast" data-testid="toast" data-level=level>
            <p>
                <strong>{title}</strong>
                {(!detail.is_empty()).then(|| view! { <span class="toast-detail">{detail.clone()}</span> })}
            </p>
            <button
                type="button"
                class="icon"
                aria-label=prefs.text(|w| w.close)
                on:click=move |_| store.act(|state, _| state.dismiss(id))
            >
                "×"
            </button>
        </div>
    }
}
