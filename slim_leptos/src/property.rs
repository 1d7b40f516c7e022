//! Properties of DOM objects (`prop:value`): fixed, or following a closure or signal.

use leptos::prelude::{Get, Memo, RwSignal, Signal};
use wasm_bindgen::JsValue;

use crate::element::Element;
use crate::follow::follow;

/// Can stand right of a property's `=`.
pub trait PropertyValue {
    fn apply(self, element: &Element, name: &'static str);
}

macro_rules! fixed {
    ($($value:ty),*) => {$(
        impl PropertyValue for $value {
            fn apply(self, element: &Element, name: &'static str) {
                element.set_property(name, &self.into());
            }
        }
    )*};
}

fixed!(&'static str, String, bool, f64);

impl<F, T> PropertyValue for F
where
    F: Fn() -> T + 'static,
    T: Into<JsValue>,
{
    fn apply(self, element: &Element, name: &'static str) {
        keep(element, name, Box::new(move || self().into()));
    }
}

macro_rules! signals {
    ($($signal:ident),*) => {$(
        impl<T> PropertyValue for $signal<T>
        where
            $signal<T>: Get<Value = T> + 'static,
            T: Into<JsValue> + Send + Sync + 'static,
        {
            fn apply(self, element: &Element, name: &'static str) {
                keep(element, name, Box::new(move || self.get().into()));
            }
        }
    )*};
}

signals!(Memo, RwSignal, Signal);

fn keep(element: &Element, name: &'static str, read: Box<dyn Fn() -> JsValue>) {
    let element = element.clone();
    // Whoever types is not disturbed by a value that has not changed.
    let mut before = JsValue::UNDEFINED;
    follow(Box::new(move || {
        let value = read();
        if value != before {
            element.set_property(name, &value);
            before = value;
        }
    }));
}
