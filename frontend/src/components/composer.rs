//! The form that makes a record and sends it. It keeps what it had after sending. On a narrow screen it is one line that
//! opens to the whole form.

use leptos::prelude::*;

use super::explain::Explain;
use super::form_choice::FormChoice;
use super::header_rows::{EditedHeader, HeaderRows};
use super::run_card::RunCard;
use super::sent_list::SentList;
use super::{desk, preferences};
use crate::state::{Draft, Form, Partition, RunState, SendObstacle};
use crate::watch_fields::WatchFields;
use crate::words::fill;

#[component]
pub fn Composer(fields: WatchFields) -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let is_open = RwSignal::new(false);
    // The topic of the live list until the user writes another here.
    let own_topic = RwSignal::new(None::<String>);
    let topic = Memo::new(move |_| own_topic.get().unwrap_or_else(|| fields.topic()));
    let partition = RwSignal::new(Partition::Auto);
    let key_form = RwSignal::new(Form::Null);
    let key = RwSignal::new(String::new());
    let value_form = RwSignal::new(Form::Json);
    let value = RwSignal::new(String::from(r#"{"id": 10, "text": "messaggio 10"}"#));
    let headers = RwSignal::new(Vec::<EditedHeader>::new());

    let draft = Memo::new(move |_| Draft {
        topic: topic.get(),
        partition: partition.get(),
        key_form: key_form.get(),
        key: key.get(),
        value_form: value_form.get(),
        value: value.get(),
        headers: headers.get().into_iter().map(EditedHeader::row).collect(),
    });
    let key_fault = Memo::new(move |_| draft.with(Draft::key_fault));
    let value_fault = Memo::new(move |_| draft.with(Draft::value_fault));
    let obstacle = Memo::new(move |_| {
        desk.link(|_| ());
        desk.sends(|page| page.send_obstacle())
    });
    let obstacle_words = move || {
        let words = prefs.words();
        obstacle.get().map(|obstacle| match obstacle {
            SendObstacle::NotConnected => words.cannot_send_offline,
            SendObstacle::ReadOnly => words.cannot_send_read_only,
            SendObstacle::TooManyWaiting => words.cannot_send_waiting,
        })
    };
    let why_not =
        move || obstacle_words().or_else(|| (!draft.with(Draft::is_sendable)).then(|| prefs.words().cannot_send_draft));
    let run_is_active =
        Memo::new(move |_| desk.sends(|page| page.run().is_some_and(|run| run.state == RunState::Running)));
    let why_no_run = move || {
        let words = prefs.words();
        let topic_fault = (!draft.with(Draft::topic_is_valid)).then_some(words.cannot_send_draft);
        obstacle_words().or(topic_fault).or_else(|| run_is_active.get().then_some(words.run_active))
    };
    let send = move || desk.send(&draft.get_untracked());
    let fault_words = move |fault: Option<crate::state::JsonFault>| {
        fault.map(|fault| {
            let (line, column) = (fault.line.to_string(), fault.column.to_string());
            fill(prefs.words().json_fault, &[("line", &line), ("column", &column)])
        })
    };
    let topic_fault = move || !draft.with(Draft::topic_is_valid);

    view! {
        <section class="send" class:open=move || is_open.get() aria-labelledby="send-title">
            <form
                class="composer"
                on:submit=move |event| {
                    event.prevent_default();
                    send();
                }
                on:keydown=move |event| {
                    if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                        event.prevent_default();
                        send();
                    }
                }
            >
                <div class="head">
                    <h2 id="send-title">{prefs.text(|w| w.send_title)}</h2>
                </div>
                <div class="two">
                    <div class="field">
                        <div class="field-head">
                            <label for="compose-topic">{prefs.text(|w| w.topic)}</label>
                            <Explain thing=|w| w.topic text=|w| w.explain_topic />
                        </div>
                        <input
                            id="compose-topic"
                            data-testid="compose-topic"
                            type="text"
                            autocomplete="off"
                            autocapitalize="off"
                            spellcheck="false"
                            aria-invalid=move || topic_fault().to_string()
                            prop:value=move || topic.get()
                            on:input=move |event| own_topic.set(Some(event_target_value(&event)))
                        />
                    </div>
                    <PartitionField partition=partition />
                </div>
                <Show when=topic_fault>
                    <p class="fault" role="status">{prefs.text(|w| w.topic_invalid)}</p>
                </Show>
                <div class="field">
                    <div class="field-head">
                        <label for="compose-key">{prefs.text(|w| w.key)}</label>
                        <FormChoice label=|w| w.key_form testid="compose-key" form=key_form fault=key_fault />
                    </div>
                    <input
                        id="compose-key"
                        class="mono"
                        data-testid="compose-key"
                        type="text"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        data-form=move || if key_form.get() == Form::Null { "null" } else { "some" }
                        placeholder=move || if key_form.get() == Form::Null { prefs.words().no_key } else { "" }
                        prop:value=move || if key_form.get() == Form::Null { String::new() } else { key.get() }
                        on:input=move |event| {
                            key.set(event_target_value(&event));
                            // Whoever types a key wants one.
                            if key_form.get_untracked() == Form::Null {
                                key_form.set(Form::Text);
                            }
                        }
                    />
                    <Show when=move || key_fault.get().is_some()>
                        <p class="fault" role="status">{move || fault_words(key_fault.get())}</p>
                    </Show>
                </div>
                <div class="field value-field">
                    <div class="field-head">
                        <label for="compose-value">{prefs.text(|w| w.value)}</label>
                        <FormChoice label=|w| w.value_form testid="compose-value" form=value_form fault=value_fault />
                    </div>
                    <textarea
                        id="compose-value"
                        class="mono"
                        data-testid="compose-value"
                        rows="5"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        aria-invalid=move || value_fault.get().is_some().to_string()
                        aria-describedby="compose-value-note"
                        placeholder=move || if value_form.get() == Form::Null { prefs.words().no_value } else { "" }
                        prop:value=move || if value_form.get() == Form::Null { String::new() } else { value.get() }
                        on:input=move |event| {
                            value.set(event_target_value(&event));
                            if value_form.get_untracked() == Form::Null {
                                value_form.set(Form::Text);
                            }
                        }
                    ></textarea>
                    <p id="compose-value-note" class="field-note" role="status" class:fault=move || value_fault.get().is_some()>
                        {move || fault_words(value_fault.get())}
                    </p>
                </div>
                <HeaderRows rows=headers />
                <div class="actions">
                    <button
                        type="submit"
                        class="button primary"
                        data-testid="send"
                        disabled=move || why_not().is_some()
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
                        title=move || why_no_run().unwrap_or(prefs.words().send_ten_hint)
                        on:click=move |_| desk.start_run(&topic.get_untracked())
                    >
                        {prefs.text(|w| w.send_ten)}
                    </button>
                    <button
                        type="button"
                        class="button more"
                        data-testid="compose-more"
                        aria-expanded=move || is_open.get().to_string()
                        aria-label=move || if is_open.get() { prefs.words().fewer_fields } else { prefs.words().more_fields }
                        on:click=move |_| is_open.update(|open| *open = !*open)
                    >
                        <span aria-hidden="true">{move || if is_open.get() { "⌄" } else { "⌃" }}</span>
                    </button>
                    <span id="send-why-not" class="why-not" role="status">{obstacle_words}</span>
                </div>
            </form>
            <RunCard />
            <SentList />
        </section>
    }
}

/// Auto, or a number of the user's choice. The bridge says if there is no such partition.
#[component]
fn PartitionField(partition: RwSignal<Partition>) -> impl IntoView {
    let prefs = preferences();
    let is_fixed = move || matches!(partition.get(), Partition::Fixed(_));
    view! {
        <div class="field">
            <div class="field-head">
                <label for="compose-partition">{prefs.text(|w| w.partition)}</label>
                <Explain thing=|w| w.partition text=|w| w.explain_partition />
            </div>
            <div class="partition" class:fixed=is_fixed>
                <select
                    id="compose-partition"
                    data-testid="compose-partition"
                    on:change=move |event| {
                        let fixed = event_target_value(&event) == "fixed";
                        partition.set(if fixed { Partition::Fixed(0) } else { Partition::Auto });
                    }
                >
                    <option value="auto" selected=move || !is_fixed()>{prefs.text(|w| w.partition_auto)}</option>
                    <option value="fixed" selected=is_fixed>{prefs.text(|w| w.partition_fixed)}</option>
                </select>
                <Show when=is_fixed>
                    <input
                        type="number"
                        min="0"
                        max="2147483647"
                        data-testid="compose-partition-number"
                        aria-label=prefs.text(|w| w.partition_number)
                        prop:value=move || match partition.get() {
                            Partition::Fixed(number) => number.to_string(),
                            Partition::Auto => String::new(),
                        }
                        on:change=move |event| {
                            let number = event_target_value(&event).parse().unwrap_or(0);
                            partition.set(Partition::Fixed(i32::max(number, 0)));
                        }
                    />
                </Show>
            </div>
        </div>
    }
}
