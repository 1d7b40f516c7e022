//! The one kind of effect that keeps the document up to date.

use leptos::reactive::effect::RenderEffect;
use leptos::reactive::graph::{Subscriber, ToAnySubscriber};
use leptos::reactive::owner::on_cleanup;

/// Runs at once, and again whenever a signal that it read has changed, until the owner of the moment is cleaned up.
pub(crate) fn follow(mut run: Box<dyn FnMut()>) {
    let effect = RenderEffect::new(move |_: Option<()>| run());
    on_cleanup(move || {
        leave_sources(&effect);
        drop(effect);
    });
}

/// What is dropped stays on the lists of the signals that it read; that of the language, for example, would grow with every
/// row.
pub(crate) fn leave_sources(reader: &impl ToAnySubscriber) {
    let subscriber = reader.to_any_subscriber();
    subscriber.clear_sources(&subscriber);
}
