//! Plain DOM calls, for what is drawn without signals.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::HtmlElement;

pub fn make(tag: &str, class: &str) -> HtmlElement {
    let element = document().create_element(tag).unwrap_or_else(|_| unreachable!("{tag} is a valid name"));
    element.set_class_name(class);
    element.unchecked_into()
}

pub fn append(parent: &HtmlElement, child: &web_sys::Node) {
    // It fails only where a node would contain itself.
    let _ = parent.append_child(child);
}

pub fn set(element: &HtmlElement, name: &str, value: &str) {
    // It fails only for names that are none.
    let _ = element.set_attribute(name, value);
}

/// Through the object model, because the page's security policy forbids style attributes.
pub fn set_style(element: &HtmlElement, property: &str, value: &str) {
    let _ = element.style().set_property(property, value);
}

pub fn set_px(element: &HtmlElement, property: &str, px: f64) {
    set_style(element, property, &format!("{px}px"));
}

/// Calls back whenever the element gets another size, and once at first.
pub fn watch_size(element: NodeRef<Div>, resized: impl Fn() + Clone + 'static) {
    let watching = StoredValue::new_local(None::<(web_sys::ResizeObserver, Closure<dyn Fn()>)>);
    Effect::new(move |_| {
        let Some(element) = element.get() else { return };
        let on_resize = Closure::<dyn Fn()>::new(resized.clone());
        if let Ok(observer) = web_sys::ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            observer.observe(&element);
            watching.set_value(Some((observer, on_resize)));
        }
    });
    on_cleanup(move || {
        if let Some((observer, _)) = watching.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    });
}
