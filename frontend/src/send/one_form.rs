//! The form for one record. The fields keep their contents after sending.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::send::more_button::MoreButton;
use crate::send::record_fields::RecordFields;
use crate::send::send_blocked::send_blocked_words;
use crate::send::send_fields::SendFields;
use crate::send::send_form::SendForm;
use crate::send::send_guard::{send_guard, send_ten_blocked};
use crate::send::typed_task::{TypedTask, start_typed};
use crate::ui::format;
use page_model::{Draft, DraftKind, ReadState, Run, RunPlan, RunTitle, topic_is_valid};

#[component]
pub fn OneForm(fields: SendFields) -> impl IntoView {
    let (store, prefs, guard) = (store(), preferences(), send_guard());
    let SendFields { topic, record, .. } = fields;
    let blocked = send_blocked_words(topic.into());
    let topic_error = Memo::new(move |_| topic.with(|topic| !topic_is_valid(topic)));
    let is_valid = Memo::new(move |_| record.with(|draft| draft.is_valid(DraftKind::Record)));
    let limit =
        Memo::new(move |_| store.read(|state| state.bridge().map(|bridge| bridge.limits.message_bytes as usize)));
    let size = Memo::new(move |_| record.with(Draft::size));
    let is_too_large = move || limit.get().is_some_and(|limit| size.get() > limit);
    let too_large = move || {
        let language = prefs.language();
        let limit = limit.get().filter(|_| is_too_large())?;
        let (limit, size) = (format::bytes(limit, language), format::bytes(size.get(), language));
        Some(prefs.words().record_too_large.with_limit_size(&limit, &size))
    };
    // The field says what does not fit its encoding.
    let is_misfit = Memo::new(move |_| fields.checks(DraftKind::Record).has_error());
    let has_masks = Memo::new(move |_| fields.has_masks());
    let masks = move || has_masks.get().then(|| prefs.words().masked_draft);
    let cannot_send = Memo::new(move |_| {
        blocked().is_some()
            || topic_error.get()
            || !is_valid.get()
            || is_misfit.get()
            || has_masks.get()
            || is_too_large()
    });
    let why_not = move || {
        let is_incorrect = || topic_error.get() || !is_valid.get() || is_misfit.get();
        let of_form = || is_incorrect().then(|| prefs.words().cannot_send_form);
        blocked().or_else(of_form).or_else(masks).map(str::to_owned).or_else(too_large)
    };
    let run_is_active = Memo::new(move |_| store.read(|state| state.run().is_some_and(Run::is_active)));
    let ten_blocked = send_ten_blocked(topic, fields.topic_content);
    let why_no_run = move || {
        let words = prefs.words();
        let topic_error = topic_error.get().then_some(words.cannot_send_form);
        let of_form = blocked().or(topic_error).or_else(|| run_is_active.get().then_some(words.run_active));
        of_form.map(str::to_owned).or_else(ten_blocked)
    };
    let send = move || {
        if !cannot_send.get_untracked() {
            let (topic, draft) = (topic.get_untracked(), record.get_untracked());
            let encoding = untrack(|| fields.encoded_parts(DraftKind::Record));
            guard.send(&topic.clone(), Some(1), move || {
                if encoding.is_text() {
                    store.act(|state, now_ms| state.send(&topic, &draft, now_ms));
                } else {
                    start_typed(fields, TypedTask::Record(topic.clone(), draft.clone(), encoding.clone()));
                }
            });
        }
    };
    let send_ten = move || {
        let topic = topic.get_untracked();
        let plan = RunPlan::seed();
        let encoding = untrack(|| fields.encoding.with(|encoding| plan.draft.encoded_parts(encoding)));
        guard.send(&topic.clone(), plan.count, move || {
            if encoding.is_text() {
                store.start_run(&topic, &plan, RunTitle::Seed);
            } else {
                let task = TypedTask::Run(topic.clone(), plan.clone(), RunTitle::Seed, encoding.clone());
                start_typed(fields, task);
            }
        });
    };
    view! {
        <SendForm class="composer" send=send>
            <div class="fields">
                <RecordFields fields=fields kind=DraftKind::Record />
            </div>
            <div class="actions">
                <button
                    type="submit"
                    class="button primary"
                    data-testid="send"
                    disabled=move || cannot_send.get()
                    title=why_not
                    aria-describedby="send-why-not"
                >
                    {prefs.text(|w| w.send)}
                    <kbd>{prefs.text(|w| w.keys_ctrl)} " ↵"</kbd>
                </button>
                <button
                    type="button"
                    class="button"
                    data-testid="send-ten"
                    disabled=move || why_no_run().is_some()
                    title=move || why_no_run().unwrap_or_else(|| prefs.words().send_ten_hint.to_owned())
                    aria-describedby="send-why-not"
                    on:click=move |_| send_ten()
                >
                    {prefs.text(|w| w.send_ten)}
                </button>
                <MoreButton is_open=fields.is_open />
                <span id="send-why-not" class="why-not" role="status">
                    {move || {
                        blocked()
                            .or_else(masks)
                            .map(str::to_owned)
                            .or_else(too_large)
                            .or_else(|| ten_blocked().filter(|_| !topic_error.get()))
                    }}
                </span>
            </div>
        </SendForm>
    }
}
