//! Properties of DOM objects (`prop:value`): fixed, or following a closure.

use wasm_bindgen::JsValue;

use crate::element::Element;
use crate::follow::follow;

/// Can stand right of a property's `=`.
pub trait PropertyValue {
    fn apply(self, element: &Element, name: &'static str);
}

impl PropertyValue for String {
    fn apply(self, element: &Element, name: &'static str) {
        element.set_property(name, &self.into());
    }
}

impl<F, T> PropertyValue for F
where
    F: Fn() -> T + 'static,
    T: Into<JsValue>,
{
    fn apply(self, element: &Element, name: &'static str) {
        keep(element, name, Box::new(move || self().into()));
    }
}

fn keep(element: &Element, name: &'static str, read: Box<dyn Fn() -> JsValue>) {
    let element = element.clone();
    follow(Box::new(move || {
        let value = read();
        // Whoever types is not disturbed by what stands there already; what was typed and not taken is put right.
        if element.property(name) != value {
            element.set_property(name, &value);
        }
    }));
}
