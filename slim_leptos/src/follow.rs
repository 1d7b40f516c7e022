//! The one kind of effect that keeps the document up to date.

use leptos::reactive::effect::RenderEffect;
use leptos::reactive::graph::{Subscriber, ToAnySubscriber};
use leptos::reactive::owner::on_cleanup;

/// Runs at once, and again whenever a signal that it read has changed, until the owner of the moment is cleaned up.
pub(crate) fn follow(mut run: Box<dyn FnMut()>) {
    let effect = RenderEffect::new(move |_: Option<()>| run());
    on_cleanup(move || {
        // A dropped effect stays on the lists of its signals; that of the language, for example, would grow with every row.
        let subscriber = effect.to_any_subscriber();
        subscriber.clear_sources(&subscriber);
        drop(effect);
    });
}
