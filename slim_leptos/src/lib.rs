//! leptos as the page uses it: its macros, signals and effects, with elements of our own.
//!
//! In leptos every element, attribute and closure is a type of its own, and its renderer is compiled anew for each: about a
//! kilobyte for an attribute or text that changes. Here an element is a DOM node that exists from the start, a closure is
//! boxed where it arrives, and what keeps the document up to date is compiled once. `view!` and `#[component]` are leptos'
//! own: they expand to paths that begin with `::leptos`, and the page names this crate so.
//!
//! Left out: hydration, server rendering, spreading, directives, two-way binding. What a closure returns is made anew when it
//! runs again: text is changed in place, and the focus goes on to the element with the same id or test id. Where elements
//! should stay, [`Show`](prelude::Show) or [`For`](prelude::For) keeps them.

mod attribute;
mod control_flow;
mod element;
mod event;
mod focus;
mod follow;
mod property;
mod view;

pub mod children;
pub mod mount;

// What the macros refer to.
#[doc(hidden)]
pub use leptos::{component, reactive, typed_builder, typed_builder_macro};

/// Events and their types.
pub use leptos::ev;
pub use leptos::task;

/// Element types, for [`NodeRef`](prelude::NodeRef).
pub use leptos::html;

pub mod prelude {
    pub use leptos::callback::*;
    pub use leptos::leptos_dom::helpers::*;
    pub use leptos::prelude::{NodeRef, component, view};
    pub use leptos::reactive::computed::*;
    pub use leptos::reactive::effect::*;
    pub use leptos::reactive::graph::untrack;
    pub use leptos::reactive::owner::*;
    pub use leptos::reactive::prelude::*;
    pub use leptos::reactive::signal::*;
    pub use leptos::reactive::wrappers::read::*;

    pub use crate::attribute::IntoAttributeValue;
    pub use crate::children::{Children, ChildrenFn};
    pub use crate::control_flow::{For, ForProps, Show, ShowProps};
    pub use crate::view::{AnyView, IntoRender, IntoView, View};
}

pub use leptos::leptos_dom;

/// Where `view!` looks for elements and events.
#[doc(hidden)]
pub mod tachys {
    pub mod html {
        pub use crate::element::InertElement;
        pub use crate::element::html as element;
        pub use leptos::ev as event;
    }

    pub mod svg {
        pub use crate::element::InertSvgElement as InertElement;
        pub use crate::element::svg::*;
    }
}
