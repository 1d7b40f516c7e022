//! Views whose elements are created again.

use leptos::prelude::*;

/// Runs `view` again when a signal that it reads changes, as leptos does with every closure, but creates new elements each time.
///
/// Leptos keeps the elements if the new view has the same types as the old one. Their scroll position, open details and rows of a
/// table, which are only in the document, would then stay in another tab, topic or form.
pub fn fresh(view: impl Fn() -> AnyView + Send + Clone + 'static) -> impl IntoView {
    let runs = StoredValue::new(0_u64);
    let each = move || {
        runs.update_value(|runs| *runs += 1);
        [(runs.get_value(), view())]
    };
    view! { <For each=each key=|(run, _)| *run children=|(_, view)| view /> }
}
