//! The view of schemas: the list of subjects, or one subject.

use leptos::prelude::*;

use crate::schemas::subject_view::SubjectView;
use crate::schemas::subjects::Subjects;
use crate::ui::lazy::lazy_part;

lazy_part! {
    /// The list of subjects, or the subject `name`.
    schemas, load_schemas_view, pub fn schemas_view(name: Option<String>) -> LoadedView {
        Ok(view! { <SchemasView name=name /> }.into_any())
    }
}

#[component]
fn SchemasView(name: Option<String>) -> impl IntoView {
    match name {
        Some(name) => view! { <SubjectView name=name /> }.into_any(),
        None => view! { <Subjects /> }.into_any(),
    }
}
