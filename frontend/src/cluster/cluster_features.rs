//! The cluster's features: the active level of each, and the levels that the brokers support.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{ClusterDetails, ClusterFeature};

use crate::context::settings::Preferences;
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::explain::Explain;
use crate::ui::redraw::RedrawWhenVisible;
use crate::ui::table_columns::text_column;
use page_model::{ReadState, Sort, reporting_brokers, supported};

const COLUMNS: &[TableColumn] = &[
    text_column("feature", |w| w.feature, "minmax(160px, 2fr)", "minmax(0, 1fr)"),
    TableColumn {
        hint: Some(|w| w.feature_level_hint),
        can_sort: false,
        ..text_column("finalized", |w| w.feature_level, "120px", "92px")
    },
    TableColumn {
        hint: Some(|w| w.feature_supported_hint),
        can_sort: false,
        ..text_column("supported", |w| w.feature_supported, "minmax(104px, 1fr)", "72px")
    },
    TableColumn { can_sort: false, ..text_column("meaning", |w| w.feature_meaning, "minmax(160px, 4fr)", "") },
];

type Word = fn(&Words) -> &'static str;

/// Descriptions of the features that the page knows. Kafka adds features with each release.
const MEANINGS: &[(&str, Word)] = &[
    ("metadata.version", |w| w.feature_metadata),
    ("kraft.version", |w| w.feature_kraft),
    ("group.version", |w| w.feature_group),
    ("transaction.version", |w| w.feature_transaction),
    ("eligible.leader.replicas.version", |w| w.feature_replicas),
    ("share.version", |w| w.feature_share),
    ("streams.version", |w| w.feature_streams),
];

#[component]
pub fn ClusterFeatures(details: StoredValue<ClusterDetails, LocalStorage>, redraw: RedrawWhenVisible) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let sort = RwSignal::new(Sort::by("feature"));
    let read = move |of: fn(&[ClusterFeature]) -> usize| {
        details.with_value(|details| of(details.features.as_deref().unwrap_or_default()))
    };
    let rows = TableRows {
        count: Rc::new(move || {
            redraw.track();
            let sort = sort.get();
            details.update_value(|details| {
                let features = details.features.as_deref_mut().unwrap_or_default();
                features.sort_by(|a, b| sort.order(a.name.cmp(&b.name), std::cmp::Ordering::Equal));
            });
            read(<[ClusterFeature]>::len)
        }),
        row: Rc::new(move |row| {
            details.with_value(|details| {
                let features = details.features.as_deref().unwrap_or_default();
                features
                    .get(row)
                    .map(|feature| feature_row(feature, &reporting_brokers(features), prefs))
                    .unwrap_or_default()
            })
        }),
    };
    let has_any = Memo::new(move |_| {
        redraw.track();
        read(<[ClusterFeature]>::len) > 0
    });
    // Why there are no features, or not those of all brokers.
    let note = move || {
        redraw.track();
        let words = prefs.words();
        details.with_value(|details| match (&details.features, &details.features_error) {
            _ if store.read(|state| state.is_demo()) => words.features_demo.to_owned(),
            (_, Some(error)) => error.message.clone(),
            (Some(features), None) if features.is_empty() => words.features_none.to_owned(),
            _ => String::new(),
        })
    };
    view! {
        <div class="view-head second">
            <h3>{prefs.text(|w| w.features)}</h3>
            <Explain thing=|w| w.features text=|w| w.explain_features />
            <span class="muted" data-testid="features-note">
                {note}
            </span>
        </div>
        <div class="table-place fits" hidden=move || !has_any.get()>
            <DataTable
                testid="features"
                row_testid="feature-row"
                label=|w| w.features
                columns=COLUMNS
                sort=sort
                rows=rows
            />
        </div>
    }
}

fn feature_row(feature: &ClusterFeature, reporting: &[i32], prefs: Preferences) -> TableRow {
    let words = prefs.words_untracked();
    let level = match (feature.finalized, &feature.release) {
        (None, _) => "–".to_owned(),
        (Some(0), _) => words.feature_off.with_level("0"),
        (Some(level), Some(release)) => format!("{level} ({release})"),
        (Some(level), None) => level.to_string(),
    };
    let supported = supported(feature, reporting);
    let range = |levels: &Option<(i16, i16)>| match levels {
        None => "–".to_owned(),
        Some((min, max)) if min == max => min.to_string(),
        Some((min, max)) => format!("{min}–{max}"),
    };
    let differ = supported.len() > 1;
    let of_each = supported.iter().enumerate().map(|(at, (levels, brokers))| {
        let brokers = brokers.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
        match at {
            0 => range(levels),
            _ => words.feature_of_brokers.with_brokers_levels(&brokers, &range(levels)),
        }
    });
    let of_each = of_each.collect::<Vec<_>>().join("; ");
    let meaning = MEANINGS.iter().find(|(name, _)| *name == feature.name).map_or("", |(_, meaning)| meaning(words));
    TableRow {
        cells: vec![
            TableCell::text(&*feature.name).class("mono"),
            TableCell::text(level),
            TableCell::text(of_each).class(if differ { "warn" } else { "" }),
            TableCell::text(meaning),
        ],
        data: vec![
            ("data-feature", feature.name.clone()),
            ("data-finalized", feature.finalized.map(|level| level.to_string()).unwrap_or_default()),
            ("data-differ", differ.to_string()),
        ],
        class: "",
    }
}
