//! Listeners of elements. They run outside of any component: what they make belongs to nobody, what they read is not followed.

use leptos::ev::EventDescriptor;
use leptos::prelude::untrack;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use crate::element::Element;

impl Element {
    #[inline]
    pub fn on<E>(self, event: E, mut handler: impl FnMut(E::EventType) + 'static) -> Self
    where
        E: EventDescriptor,
        E::EventType: JsCast,
    {
        listen(&self, &event.name(), Box::new(move |event| untrack(|| handler(event.unchecked_into()))));
        self
    }
}

fn listen(element: &Element, event: &str, handler: Box<dyn FnMut(web_sys::Event)>) {
    let listener = Closure::wrap(handler).into_js_value();
    // It fails only for options that were not given. The listener lives as long as the element: the browser collects both.
    let _ = element.node().add_event_listener_with_callback(event, listener.unchecked_ref());
}
