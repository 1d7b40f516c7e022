//! The name of the Kafka cluster with its colour, and the choice of another cluster.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::ClusterColour;
use wasm_bindgen::JsCast;

use crate::context::navigation::Navigation;
use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::context::{navigation, preferences, store};
use crate::ui::confirm_dialog::{Confirmation, Confirmations, confirmations};
use crate::ui::format::number;
use page_model::ReadState;

type Choices = Vec<(String, Option<ClusterColour>)>;

#[derive(Clone, Copy)]
struct Switch {
    store: Store,
    navigation: Navigation,
    preferences: Preferences,
    confirmations: Confirmations,
}

impl Switch {
    /// Switches at once, or after a question if outcomes of sent records would be lost.
    fn to(self, name: String) {
        if !self.store.untracked(|state| state.switch_loses_outcomes()) {
            return self.start(name);
        }
        let (words, language) = (self.preferences.words_untracked(), self.preferences.language_untracked());
        let waiting = self.store.untracked(|state| state.sends().waiting()) as u64;
        let text = match waiting {
            0 => words.switch_ends_run.to_owned(),
            n => words.switch_forgets_count.count(n, &number(n, language)),
        };
        self.confirmations.ask(Confirmation {
            title: words.switch_title.with_cluster(&name),
            text,
            verb: |w| w.switch_confirm,
            typed: None,
            needs_connection: false,
            on_confirm: Rc::new(move |confirmations| {
                confirmations.finish(Ok(()));
                self.start(name.clone());
            }),
        });
    }

    fn start(self, name: String) {
        self.navigation.set_cluster(Some(name.clone()));
        self.store.switch_cluster(name);
    }
}

/// Shown if the bridge has several clusters or the cluster has a colour.
#[component]
pub fn ClusterSwitch() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let switch = Switch { store, navigation: navigation(), preferences: prefs, confirmations: confirmations() };
    let choices: Memo<Choices> = Memo::new(move |_| store.read(|state| state.cluster_choices()));
    let current = Memo::new(move |_| store.read(|state| state.cluster_choice().unwrap_or_default().to_owned()));
    let colour = Memo::new(move |_| {
        let current = current.get();
        choices.with(|choices| choices.iter().find(|(name, _)| *name == current).and_then(|(_, colour)| *colour))
    });
    let data_colour = move || colour.get().map(ClusterColour::name);
    // The only cluster has no switch, but its colour is a warning.
    let is_only = Memo::new(move |_| choices.with(|choices| choices.len() == 1 && choices[0].0 == current.get()));
    let is_shown = Memo::new(move |_| match is_only.get() {
        true => colour.get().is_some(),
        false => choices.with(|choices| !choices.is_empty()),
    });
    let changed = move |event: leptos::ev::Event| {
        let name = event_target_value(&event);
        // The question may be answered with no.
        if let Some(select) = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlSelectElement>().ok()) {
            select.set_value(&current.get_untracked());
        }
        if !name.is_empty() && name != current.get_untracked() {
            switch.to(name);
        }
    };
    let name_only = move || {
        view! {
            <span class="pill cluster-switch" data-testid="cluster-switch" data-value=current data-colour=data_colour>
                <i class="dot" aria-hidden="true"></i>
                <span class="out-of-sight">{prefs.text(|w| w.cluster_label)}</span>
                {current}
            </span>
        }
        .into_any()
    };
    let select = move || {
        let options = move || {
            let is_unknown = choices.with(|choices| choices.iter().all(|(name, _)| *name != current.get()));
            let unknown = is_unknown.then(|| {
                view! {
                    <option value=current disabled=true>
                        {current}
                    </option>
                }
            });
            let known = choices.get().into_iter().map(|(name, _)| {
                let (value, label) = (name.clone(), name.clone());
                view! {
                    <option value=value selected=move || current.get() == name>
                        {label}
                    </option>
                }
            });
            (unknown, known.collect_view())
        };
        view! {
            <span class="pill cluster-switch" data-colour=data_colour>
                <i class="dot" aria-hidden="true"></i>
                <select
                    data-testid="cluster-switch"
                    data-value=current
                    data-colour=data_colour
                    aria-label=prefs.text(|w| w.cluster_label)
                    title=prefs.text(|w| w.cluster_label)
                    prop:value=move || {
                        choices.track();
                        current.get()
                    }
                    on:change=changed
                >
                    {options}
                </select>
            </span>
        }
        .into_any()
    };
    view! { <Show when=move || is_shown.get()>{move || if is_only.get() { name_only() } else { select() }}</Show> }
}
