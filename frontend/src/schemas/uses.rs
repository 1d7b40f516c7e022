//! What a version references, which versions reference it, and the topics that may use the subject.

use leptos::prelude::*;
use protocol::{SchemaResult, TopicsRequest};

use crate::context::navigation::{subject_href, topic_href};
use crate::context::preferences;
use crate::schemas::load::{LoadProblem, Loaded};
use crate::schemas::subject_view::OpenSubject;
use crate::ui::json_view::with_signs;
use page_model::{SubjectTopic, topics_of_subject};

#[component]
pub fn Uses(subject: OpenSubject, schema: Loaded<SchemaResult>) -> impl IntoView {
    let prefs = preferences();
    let shown = schema.get_untracked()?;
    let references = shown.references.iter().map(|reference| {
        view! {
            <li data-testid="schema-reference" data-subject=reference.subject.clone()>
                <span class="mono">{with_signs(&reference.name)}</span>
                <span aria-hidden="true">" → "</span>
                <VersionLink subject=reference.subject.clone() version=reference.version />
            </li>
        }
    });
    let references = references.collect::<Vec<_>>();
    let referenced_by = shown.referenced_by.iter().map(|version| {
        view! {
            <li data-subject=version.subject.clone()>
                <VersionLink subject=version.subject.clone() version=version.version />
            </li>
        }
    });
    let referenced_by = referenced_by.collect::<Vec<_>>();
    let (has_references, is_referenced) = (!references.is_empty(), !referenced_by.is_empty());
    Some(view! {
        <div class="uses">
            <section data-testid="schema-references" aria-labelledby="references-title">
                <h3 id="references-title">{prefs.text(|w| w.references)}</h3>
                {(!has_references).then(|| view! { <p class="muted">{prefs.text(|w| w.references_none)}</p> })}
                <ul>{references}</ul>
            </section>
            <section data-testid="schema-referenced-by" aria-labelledby="referenced-title">
                <h3 id="referenced-title">{prefs.text(|w| w.referenced_by)}</h3>
                {(!is_referenced).then(|| view! { <p class="muted">{prefs.text(|w| w.referenced_by_none)}</p> })}
                <ul>{referenced_by}</ul>
            </section>
            <Topics subject=subject />
        </div>
    })
}

#[component]
fn VersionLink(subject: String, version: u32) -> impl IntoView {
    let prefs = preferences();
    let (address, name) = (subject_href(&subject, Some(version)), with_signs(&subject));
    view! {
        <a href=address data-view="" class="mono">
            {move || prefs.words().subject_version.with_n_subject(&version.to_string(), &name)}
        </a>
    }
}

/// The topics that the naming strategies of serializers derive from the subject's name.
#[component]
fn Topics(subject: OpenSubject) -> impl IntoView {
    let prefs = preferences();
    let loaded = Loaded::open(|| TopicsRequest {});
    let found = Memo::new(move |_| -> Vec<SubjectTopic> {
        let Some(topics) = loaded.get() else { return Vec::new() };
        topics_of_subject(&subject.name(), topics.topics.iter().map(|topic| topic.name.as_str()))
    });
    let is_known = loaded.state.has_value;
    let item = move |of: SubjectTopic| {
        view! {
            <li data-testid="schema-topic" data-topic=of.topic.clone()>
                <a href=topic_href(&of.topic) data-view="" class="mono">
                    {of.topic.clone()}
                </a>
                " "
                <span class="label">{of.strategy.name()}</span>
            </li>
        }
    };
    view! {
        <section
            data-testid="schema-topics"
            data-count=move || is_known.get().then(|| found.with(Vec::len).to_string())
            aria-labelledby="schema-topics-title"
        >
            <h3 id="schema-topics-title">{prefs.text(|w| w.schema_topics)}</h3>
            <p class="muted">{prefs.text(|w| w.schema_topics_note)}</p>
            <LoadProblem state=loaded.state loading=|w| w.topics_loading />
            <Show when=move || is_known.get() && found.with(Vec::is_empty)>
                <p>{prefs.text(|w| w.schema_topics_none)}</p>
            </Show>
            <ul>{move || found.get().into_iter().map(item).collect::<Vec<_>>()}</ul>
        </section>
    }
}
