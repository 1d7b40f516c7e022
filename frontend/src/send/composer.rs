//! The composer: the forms for one record, a run and a batch, and below them the current run and the list of sent records.
//! On a narrow screen it is one line at the bottom that expands to the whole form.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::i18n::{WithTopic, Words};
use crate::platform::browser;
use crate::send::batch_form::{batch_form, load_batch_form};
use crate::send::one_form::OneForm;
use crate::send::run_card::{load_run_card, run_card};
use crate::send::run_form::{load_run_form, run_form};
use crate::send::send_fields::{SendFields, Tab};
use crate::send::sent_list::SentList;
use crate::send::sent_waiting::SentWaiting;
use crate::ui::fresh::fresh;
use crate::ui::lazy::Lazy;
use page_model::ReadState;

const TABS: [(Tab, &str); 3] = [(Tab::One, "one"), (Tab::Run, "run"), (Tab::Batch, "batch")];

#[component]
pub fn Composer(fields: SendFields) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    // By default the browser would open a file that is dropped outside of a field instead of the page.
    for event in ["dragover", "drop"] {
        window_event_listener_untyped(event, |event| event.prevent_default());
    }
    let has_run = Memo::new(move |_| store.read(|state| state.run().is_some()));
    let has_sent =
        Memo::new(move |_| store.read(|state| state.sends().totals().sent > 0 || state.sends().last().is_some()));
    view! {
        <section
            class="send"
            class:open=move || fields.is_open.get()
            data-tab=move || tab_name(fields.tab.get())
            aria-labelledby="send-title"
        >
            <div class="send-head">
                <h2 id="send-title">{prefs.text(|w| w.send_title)}</h2>
                <Show when=move || !fields.is_closed.get()>
                    <Tabs tab=fields.tab />
                </Show>
            </div>
            <Show when=move || fields.is_closed.get()>
                <ClosedForm fields=fields />
            </Show>
            <Show when=move || !fields.is_closed.get()>
                <div
                    id="send-panel"
                    role="tabpanel"
                    aria-labelledby=move || format!("send-tab-{}", tab_name(fields.tab.get()))
                >
                    {fresh(move || match fields.tab.get() {
                        Tab::One => {
                            fields.replaced.track();
                            // The form is created again for the draft of another topic, which may have other headers.
                            view! { <OneForm fields=fields /> }
                                .into_any()
                        }
                        Tab::Run => view! { <Lazy preload=load_run_form view=move || run_form(fields) /> }.into_any(),
                        Tab::Batch => {
                            view! { <Lazy preload=load_batch_form view=move || batch_form(fields) /> }.into_any()
                        }
                    })}
                </div>
            </Show>
            <Show when=move || has_run.get()>
                <Lazy preload=load_run_card view=run_card />
            </Show>
            <SentWaiting />
            <div class="sent-list">
                <Show
                    when=move || has_sent.get()
                    fallback=move || view! { <p class="sent-none">{prefs.text(|w| w.sent_none)}</p> }
                >
                    <SentList />
                </Show>
            </div>
        </section>
    }
}

/// Shown instead of the form while the user has opened a topic of others to read.
#[component]
fn ClosedForm(fields: SendFields) -> impl IntoView {
    let prefs = preferences();
    let named = move |text: WithTopic| text.with_topic(&fields.topic.get());
    view! {
        <div class="send-closed" data-testid="compose-closed">
            <p>{move || named(prefs.words().compose_closed)}</p>
            <button type="button" class="button" data-testid="compose-open" on:click=move |_| fields.open_form()>
                {move || named(prefs.words().compose_open)}
            </button>
        </div>
    }
}

fn tab_name(tab: Tab) -> &'static str {
    TABS.iter().find(|(each, _)| *each == tab).map_or("one", |(_, name)| name)
}

fn tab_words(tab: Tab, words: &'static Words) -> &'static str {
    match tab {
        Tab::One => words.tab_one,
        Tab::Run => words.tab_run,
        Tab::Batch => words.tab_batch,
    }
}

/// Tabs as in the ARIA Authoring Practices: a single tab stop; the arrow keys move between the tabs.
#[component]
fn Tabs(tab: RwSignal<Tab>) -> impl IntoView {
    let prefs = preferences();
    let step = move |event: KeyboardEvent| {
        let steps = match event.key().as_str() {
            "ArrowRight" => 1,
            "ArrowLeft" => TABS.len() - 1,
            _ => return,
        };
        event.prevent_default();
        let at = TABS.iter().position(|(each, _)| *each == tab.get_untracked()).unwrap_or(0);
        let (next, name) = TABS[(at + steps) % TABS.len()];
        tab.set(next);
        browser::focus(&format!("send-tab-{name}"));
    };
    let buttons = TABS.map(|(each, name)| {
        let is_chosen = move || tab.get() == each;
        let choose = move |_| {
            // Setting the same tab would create the form again and close its open details.
            if tab.get_untracked() != each {
                tab.set(each);
            }
        };
        view! {
            <button
                type="button"
                role="tab"
                id=format!("send-tab-{name}")
                data-testid=format!("send-{name}-tab")
                aria-selected=move || is_chosen().to_string()
                aria-controls="send-panel"
                tabindex=move || if is_chosen() { "0" } else { "-1" }
                on:click=choose
            >
                {move || tab_words(each, prefs.words())}
            </button>
        }
    });
    view! {
        <div class="seg tabs" role="tablist" aria-label=prefs.text(|w| w.tabs) on:keydown=step>
            {buttons}
        </div>
    }
}
