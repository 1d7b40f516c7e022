//! Attributes and classes: fixed, or following a closure or signal.

use std::borrow::Cow;

use leptos::prelude::{Get, Memo, RwSignal, Signal};

use crate::element::Element;
use crate::follow::follow;

/// What an attribute holds at a moment; none, and the element has no such attribute.
pub type Text = Option<Cow<'static, str>>;

/// Can be an attribute's text.
pub trait IntoText {
    fn into_text(self) -> Text;
}

impl IntoText for &'static str {
    fn into_text(self) -> Text {
        Some(Cow::Borrowed(self))
    }
}

impl IntoText for String {
    fn into_text(self) -> Text {
        Some(Cow::Owned(self))
    }
}

/// There, without a value, or not there.
impl IntoText for bool {
    fn into_text(self) -> Text {
        self.then_some(Cow::Borrowed(""))
    }
}

impl<T: IntoText> IntoText for Option<T> {
    fn into_text(self) -> Text {
        self.and_then(IntoText::into_text)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl IntoText for $number {
            fn into_text(self) -> Text {
                Some(Cow::Owned(self.to_string()))
            }
        }

        impl AttributeValue for $number {
            fn apply(self, element: &Element, name: &'static str) {
                fix(element, name, self.into_text());
            }
        }
    )*};
}

numbers!(i32, u32, i64, u64, usize);

/// Can stand right of an attribute's `=`.
pub trait AttributeValue {
    fn apply(self, element: &Element, name: &'static str);
}

/// What `view!` calls on the value of an attribute.
pub trait IntoAttributeValue: Sized {
    #[inline]
    fn into_attribute_value(self) -> Self {
        self
    }
}

impl<T> IntoAttributeValue for T {}

impl AttributeValue for &'static str {
    #[inline]
    fn apply(self, element: &Element, name: &'static str) {
        element.set_attribute(name, self);
    }
}

impl AttributeValue for String {
    fn apply(self, element: &Element, name: &'static str) {
        element.set_attribute(name, &self);
    }
}

impl AttributeValue for bool {
    fn apply(self, element: &Element, name: &'static str) {
        fix(element, name, self.into_text());
    }
}

impl<T: IntoText> AttributeValue for Option<T> {
    fn apply(self, element: &Element, name: &'static str) {
        fix(element, name, self.into_text());
    }
}

impl<F, T> AttributeValue for F
where
    F: Fn() -> T + 'static,
    T: IntoText,
{
    fn apply(self, element: &Element, name: &'static str) {
        keep(element, name, Box::new(move || self().into_text()));
    }
}

macro_rules! signals {
    ($($signal:ident),*) => {$(
        impl<T> AttributeValue for $signal<T>
        where
            $signal<T>: Get<Value = T> + 'static,
            T: IntoText + Send + Sync + 'static,
        {
            fn apply(self, element: &Element, name: &'static str) {
                keep(element, name, Box::new(move || self.get().into_text()));
            }
        }

        impl Switch for $signal<bool> {
            fn switch(self, element: &Element, class: &'static str) {
                keep_class(element, class, Box::new(move || self.get()));
            }
        }
    )*};
}

signals!(Memo, RwSignal, Signal);

fn fix(element: &Element, name: &'static str, text: Text) {
    if let Some(text) = text {
        element.set_attribute(name, &text);
    }
}

fn keep(element: &Element, name: &'static str, read: Box<dyn Fn() -> Text>) {
    let element = element.clone();
    let mut before: Text = None;
    follow(Box::new(move || {
        let text = read();
        if text != before {
            match &text {
                Some(text) => element.set_attribute(name, text),
                None => element.remove_attribute(name),
            }
            before = text;
        }
    }));
}

/// Can stand in `class=` and, as a pair with a name, in `class:name=`.
pub trait Class {
    fn apply_class(self, element: &Element);
}

impl<V: AttributeValue> Class for V {
    #[inline]
    fn apply_class(self, element: &Element) {
        self.apply(element, "class");
    }
}

impl<S: Switch> Class for (&'static str, S) {
    fn apply_class(self, element: &Element) {
        let (class, switch) = self;
        switch.switch(element, class);
    }
}

/// Decides whether an element has a class.
pub trait Switch {
    fn switch(self, element: &Element, class: &'static str);
}

impl Switch for bool {
    fn switch(self, element: &Element, class: &'static str) {
        if self {
            element.set_class(class, true);
        }
    }
}

impl<F: Fn() -> bool + 'static> Switch for F {
    fn switch(self, element: &Element, class: &'static str) {
        keep_class(element, class, Box::new(self));
    }
}

fn keep_class(element: &Element, class: &'static str, read: Box<dyn Fn() -> bool>) {
    let element = element.clone();
    let mut before = false;
    follow(Box::new(move || {
        let has_it = read();
        if has_it != before {
            element.set_class(class, has_it);
            before = has_it;
        }
    }));
}
