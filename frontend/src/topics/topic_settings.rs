//! A topic's settings: value, source and default, and the dialog to change one.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use protocol::{Action, AlterTopicConfig, SettingChange, SettingSource, TopicRequest, TopicSetting};

use crate::context::request_error::request_error_text;
use crate::context::settings::Preferences;
use crate::context::{navigation, preferences, store};
use crate::i18n::Words;
use crate::topics::setting_words::{setting_value, setting_value_untracked};
use crate::topics::topic_view::{OpenTopic, topic_change_blocked};
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::dialog::Dialog;
use crate::ui::table_columns::text_column;
use crate::ui::view_frame::{FindField, LoadingState, ViewStatus};
use page_model::{COMMON_SETTINGS, ReadState, RequestError, Sort, is_overridden, stable_sort};

/// The settings are requested again this long after a change, since a broker may report the old value for a moment.
const REQUEST_AGAIN_AFTER: Duration = Duration::from_millis(1500);

const COLUMNS: &[TableColumn] = &[
    text_column("setting", |w| w.setting, "minmax(200px, 1.1fr)", "minmax(0, 1fr)"),
    text_column("value", |w| w.value, "minmax(150px, 1fr)", "minmax(0, 1fr)"),
    TableColumn { hint: Some(|w| w.setting_source_hint), ..text_column("source", |w| w.setting_source, "136px", "") },
    TableColumn {
        hint: Some(|w| w.setting_default_hint),
        can_sort: false,
        ..text_column("default", |w| w.setting_default, "minmax(120px, .8fr)", "")
    },
    TableColumn { can_sort: false, ..text_column("note", |w| w.setting_note, "minmax(0, 2fr)", "") },
];

fn source_word(source: SettingSource, words: &'static Words) -> &'static str {
    match source {
        SettingSource::Topic => words.source_topic,
        SettingSource::Broker => words.source_broker,
        SettingSource::Cluster => words.source_cluster,
        SettingSource::File => words.source_file,
        SettingSource::Default => words.source_default,
        SettingSource::Unknown => words.source_unknown,
    }
}

#[component]
pub fn TopicSettings(topic: OpenTopic) -> impl IntoView {
    let (store, prefs, navigation) = (store(), preferences(), navigation());
    let status = RwSignal::new(ViewStatus::Loading);
    let settings = StoredValue::new_local(Vec::<TopicSetting>::new());
    let redraw = Trigger::new();
    let request = move || {
        let name = topic.name();
        if name.is_empty() {
            return;
        }
        store.request(TopicRequest { name }, move |reply| match reply {
            Ok(reply) => match reply.settings_error {
                Some(error) => status.set(ViewStatus::Failed(RequestError::Refused(error))),
                None => {
                    settings.update_value(|settings| *settings = reply.settings);
                    redraw.notify();
                    status.set(ViewStatus::Live);
                }
            },
            Err(reason) => status.set(ViewStatus::Failed(reason)),
        });
    };
    // Requested again after a reconnect.
    let is_connected = Memo::new(move |_| store.read(|state| state.link().is_open()));
    Effect::new(move |_| {
        if is_connected.get() {
            request();
        }
    });
    let only_overridden = Memo::new(move |_| navigation.detail("only").is_some());
    let find = Memo::new(move |_| navigation.detail("find").unwrap_or_default());
    let sort = RwSignal::new(Sort::by("setting"));
    // Indices of the shown settings, in the order of the table.
    let shown = StoredValue::new(Vec::<usize>::new());
    let rows = TableRows {
        count: Rc::new(move || {
            redraw.track();
            let (only, sort, find) = (only_overridden.get(), sort.get(), find.get().trim().to_lowercase());
            let indices = settings.with_value(|settings| shown_indices(settings, only, &find, sort));
            let count = indices.len();
            shown.set_value(indices);
            count
        }),
        row: Rc::new(move |row| {
            let index = shown.with_value(|shown| shown.get(row).copied());
            settings.with_value(|settings| {
                let setting = index.and_then(|index| settings.get(index));
                let row = |setting: &TopicSetting| {
                    setting_row(setting, navigation.href_with("setting", &setting.name), prefs)
                };
                setting.map(row).unwrap_or_default()
            })
        }),
    };
    let is_known = Memo::new(move |_| status.with(|status| *status == ViewStatus::Live));

    let open = RwSignal::new(false);
    let chosen = move || {
        redraw.track();
        let name = navigation.detail("setting")?;
        settings.with_value(|settings| settings.iter().find(|setting| setting.name == name).cloned())
    };
    let is_chosen = Memo::new(move |_| chosen().is_some());
    Effect::new(move |_| open.set(is_chosen.get()));
    // Closing the dialog removes its URL parameter.
    Effect::new(move |was_open: Option<bool>| {
        let is_open = open.get();
        if was_open == Some(true) && !is_open {
            navigation.set_detail("setting", String::new());
        }
        is_open
    });
    let on_changed = Callback::new(move |changes: Vec<SettingChange>| {
        settings.update_value(|settings| changes.iter().for_each(|change| apply(settings, change)));
        redraw.notify();
        set_timeout(request, REQUEST_AGAIN_AFTER);
    });
    let title = move || navigation.detail("setting").unwrap_or_default();
    view! {
        <Show when=move || !is_known.get()>
            <LoadingState status=status loading=|w| w.settings_loading />
        </Show>
        <div class="table-place" hidden=move || !is_known.get()>
            <div class="view-tools">
                <FindField testid="find-setting" label=|w| w.find_setting value=find />
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="only-different"
                        prop:checked=move || only_overridden.get()
                        on:change=move |event| {
                            let is_on = event_target_checked(&event);
                            navigation.set_detail("only", if is_on { "different".to_owned() } else { String::new() });
                        }
                    />
                    {prefs.text(|w| w.only_overridden)}
                </label>
            </div>
            <DataTable
                testid="settings"
                row_testid="setting-row"
                label=|w| w.settings_word
                columns=COLUMNS
                sort=sort
                rows=rows
            />
        </div>
        <Dialog open=open testid="setting-dialog" title=Signal::derive(title)>
            {move || {
                let setting = untrack(chosen)?;
                Some(view! { <SettingForm topic=topic setting=setting open=open on_changed=on_changed /> })
            }}
        </Dialog>
    }
}

/// Indices of the settings that match the search, sorted.
fn shown_indices(settings: &[TopicSetting], only_overridden: bool, find: &str, sort: Sort) -> Vec<usize> {
    let is_shown = |setting: &TopicSetting| (!only_overridden || is_overridden(setting)) && setting.name.contains(find);
    let mut indices: Vec<usize> = (0..settings.len()).filter(|&index| is_shown(&settings[index])).collect();
    stable_sort(&mut indices, |&a, &b| {
        let (a, b) = (&settings[a], &settings[b]);
        let by_column = match sort.column {
            "value" => a.value.cmp(&b.value),
            "source" => (a.source as u8).cmp(&(b.source as u8)),
            _ => a.name.cmp(&b.name),
        };
        sort.order(by_column, a.name.cmp(&b.name))
    });
    indices
}

/// Shows the accepted change at once, since a broker may report the old value for a moment.
fn apply(settings: &mut [TopicSetting], change: &SettingChange) {
    if let Some(setting) = settings.iter_mut().find(|setting| setting.name == change.name) {
        let is_default = change.to == setting.default && setting.source == SettingSource::Topic;
        setting.source = if is_default { SettingSource::Default } else { SettingSource::Topic };
        setting.value.clone_from(&change.to);
    }
}

fn shown_value(setting: &TopicSetting, prefs: Preferences) -> String {
    match &setting.value {
        _ if setting.sensitive => prefs.words_untracked().sensitive.to_owned(),
        Some(value) => setting_value_untracked(&setting.name, value, prefs),
        None => "–".to_owned(),
    }
}

fn setting_row(setting: &TopicSetting, href: String, prefs: Preferences) -> TableRow {
    let words = prefs.words_untracked();
    let default = setting.default.as_ref();
    let default = default.map_or_else(String::new, |value| setting_value_untracked(&setting.name, value, prefs));
    let is_overridden = is_overridden(setting);
    TableRow {
        cells: vec![
            TableCell::link(&setting.name, href).class("mono"),
            TableCell::text(shown_value(setting, prefs))
                .class(if is_overridden { "mono strong" } else { "mono" })
                .title(setting.value.clone().unwrap_or_default()),
            TableCell::text(source_word(setting.source, words)).class(if is_overridden { "strong" } else { "" }),
            TableCell::text(if is_overridden { default } else { String::new() }).class("mono"),
            TableCell::text(setting.documentation.clone().unwrap_or_default()),
        ],
        data: vec![
            ("data-name", setting.name.clone()),
            ("data-value", setting.value.clone().unwrap_or_default()),
            ("data-different", is_overridden.to_string()),
        ],
        class: "",
    }
}

#[component]
fn SettingForm(
    topic: OpenTopic,
    setting: TopicSetting,
    open: RwSignal<bool>,
    on_changed: Callback<Vec<SettingChange>>,
) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let TopicSetting { name, value, default, source, read_only, documentation, .. } = setting;
    let blocked = topic_change_blocked(Action::Alter, topic);
    let blocked = move || blocked().or_else(|| read_only.then(|| prefs.words().setting_read_only));
    let input = RwSignal::new(value.clone().unwrap_or_default());
    let before = StoredValue::new(value.clone());
    let name = StoredValue::new(name);
    let is_waiting = RwSignal::new(false);
    let failure = RwSignal::new(None::<RequestError>);
    let is_own = source == SettingSource::Topic;
    let is_same =
        Memo::new(move |_| is_own && before.with_value(|before| input.with(|now| before.as_ref() == Some(now))));
    let change = move |request: AlterTopicConfig| {
        is_waiting.set(true);
        failure.set(None);
        store.request(request, move |reply| {
            // The dialog may have been closed meanwhile, and opened for another setting.
            let is_unmounted = is_waiting.try_set(false).is_some();
            match reply {
                Ok(result) => {
                    // Fails if the view was unmounted meanwhile.
                    let _ = on_changed.try_run(result.changes);
                    if !is_unmounted {
                        open.set(false);
                    }
                }
                Err(RequestError::Refused(error)) if is_unmounted => store.notify_error(error),
                _ if is_unmounted => {}
                Err(reason) => failure.set(Some(reason)),
            }
        });
    };
    let save = move || {
        if blocked().is_some() || is_same.get_untracked() || is_waiting.get_untracked() {
            return;
        }
        let set = BTreeMap::from([(name.get_value(), input.get_untracked())]);
        change(AlterTopicConfig { name: topic.name(), set, delete: Vec::new() });
    };
    let reset_to_default = move |_| {
        change(AlterTopicConfig { name: topic.name(), set: BTreeMap::new(), delete: vec![name.get_value()] });
    };
    let default_row = default.map(|value| {
        let shown = move || setting_value(&name.get_value(), &value, prefs);
        view! {
            <dt>{prefs.text(|w| w.setting_default)}</dt>
            <dd class="mono">{shown}</dd>
        }
    });
    let meaning = move || {
        let (name, value) = (name.get_value(), input.get());
        let readable = setting_value(&name, &value, prefs);
        (readable != value).then_some(readable)
    };
    let offered = COMMON_SETTINGS.iter().find(|common| name.with_value(|name| common.name == name));
    let offered = offered
        .map(|common| common.values.iter().map(|value| view! { <option value=*value></option> }).collect::<Vec<_>>());
    view! {
        <form
            class="dialog-form"
            on:submit=move |event| {
                event.prevent_default();
                save();
            }
        >
            {documentation.map(|text| view! { <p class="muted">{text}</p> })}
            <dl class="pairs">
                <dt>{prefs.text(|w| w.setting_source)}</dt>
                <dd>{move || source_word(source, prefs.words())}</dd>
                {default_row}
            </dl>
            <label class="field">
                <span class="field-head">{prefs.text(|w| w.value)}</span>
                <input
                    type="text"
                    class="mono"
                    data-testid="setting-value"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    autofocus
                    list="setting-values"
                    disabled=move || blocked().is_some()
                    title=blocked
                    prop:value=move || input.get()
                    on:input=move |event| input.set(event_target_value(&event))
                />
                <datalist id="setting-values">{offered}</datalist>
                <span class="field-note">{meaning}</span>
            </label>
            <p class="why-not">{blocked}</p>
            <p class="fault" role="alert" data-testid="setting-fault">
                {move || {
                    failure.with(|failure| failure.as_ref().map(|reason| request_error_text(reason, prefs.words())))
                }}
            </p>
            <div class="dialog-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="setting-default"
                    hidden=!is_own
                    disabled=move || blocked().is_some() || is_waiting.get()
                    on:click=reset_to_default
                >
                    {prefs.text(|w| w.setting_reset)}
                </button>
                <div class="spacer"></div>
                <button type="button" class="button" on:click=move |_| open.set(false)>
                    {prefs.text(|w| w.cancel)}
                </button>
                <button
                    type="submit"
                    class="button primary"
                    data-testid="setting-save"
                    disabled=move || blocked().is_some() || is_same.get() || is_waiting.get()
                >
                    {move || if is_waiting.get() { prefs.words().in_progress } else { prefs.words().setting_save }}
                </button>
            </div>
        </form>
    }
}
