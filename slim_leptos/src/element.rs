//! Elements of HTML and SVG, built up by `view!`.

use leptos::prelude::{NodeRef, document};
use leptos::tachys::html::element::ElementType;
use leptos::tachys::html::node_ref::NodeRefContainer;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Node;

use crate::attribute::{AttributeValue, Class};
use crate::property::PropertyValue;
use crate::view::{AnyView, IntoView};

/// An element of the document, or one that will be.
#[derive(Clone)]
pub struct Element(web_sys::Element);

impl Element {
    fn new(tag: &str) -> Self {
        Self(document().create_element(tag).unwrap_or_else(|_| unreachable!("{tag} is a valid name")))
    }

    fn new_svg(tag: &str) -> Self {
        let element = document().create_element_ns(Some("http://www.w3.org/2000/svg"), tag);
        Self(element.unwrap_or_else(|_| unreachable!("{tag} is a valid name")))
    }

    pub(crate) fn node(&self) -> &Node {
        &self.0
    }

    pub(crate) fn into_node(self) -> Node {
        as_node(self.0)
    }

    pub(crate) fn set_attribute(&self, name: &str, value: &str) {
        // It fails only for names that are none.
        let _ = self.0.set_attribute(name, value);
    }

    pub(crate) fn remove_attribute(&self, name: &str) {
        let _ = self.0.remove_attribute(name);
    }

    pub(crate) fn set_class(&self, class: &str, has_it: bool) {
        // It fails only for a name with a space in it.
        let _ = self.0.class_list().toggle_with_force(class, has_it);
    }

    pub(crate) fn set_property(&self, name: &str, value: &JsValue) {
        // It fails only for objects that are closed to it, which elements are not.
        let _ = js_sys::Reflect::set(&self.0, &JsValue::from_str(name), value);
    }

    pub(crate) fn property(&self, name: &str) -> JsValue {
        js_sys::Reflect::get(&self.0, &JsValue::from_str(name)).unwrap_or_default()
    }

    #[inline]
    pub fn child(self, view: impl IntoView) -> Self {
        view.append_to(&self.0);
        self
    }

    #[inline]
    pub fn attr(self, name: &'static str, value: impl AttributeValue) -> Self {
        value.apply(&self, name);
        self
    }

    #[inline]
    pub fn class(self, class: impl Class) -> Self {
        class.apply_class(&self);
        self
    }

    #[inline]
    pub fn prop(self, name: &'static str, value: impl PropertyValue) -> Self {
        value.apply(&self, name);
        self
    }

    pub fn node_ref<E>(self, node_ref: NodeRef<E>) -> Self
    where
        E: ElementType,
        E::Output: JsCast + 'static,
    {
        NodeRefContainer::<E>::load(node_ref, &self.0);
        self
    }
}

/// Attributes that `view!` calls by their names.
macro_rules! attributes {
    ($($method:ident $name:literal),* $(,)?) => {
        impl Element {
            $(
                #[inline]
                pub fn $method(self, value: impl AttributeValue) -> Self {
                    self.attr($name, value)
                }
            )*
        }
    };
}

attributes! {
    autocapitalize "autocapitalize", autocomplete "autocomplete", autofocus "autofocus", disabled "disabled", r#for "for", hidden "hidden", href "href", target "target", rel "rel", id "id", inputmode "inputmode", lang "lang", list "list",
    max "max", min "min", name "name", novalidate "novalidate", open "open", placeholder "placeholder",
    readonly "readonly", role "role", rows "rows", scope "scope", selected "selected", spellcheck "spellcheck",
    step "step", tabindex "tabindex", title "title", r#type "type", value "value", accept "accept",
    aria_activedescendant "aria-activedescendant", aria_controls "aria-controls", aria_current "aria-current",
    aria_describedby "aria-describedby", aria_expanded "aria-expanded",
    aria_hidden "aria-hidden", aria_invalid "aria-invalid", aria_label "aria-label",
    aria_labelledby "aria-labelledby", aria_live "aria-live", aria_orientation "aria-orientation",
    aria_pressed "aria-pressed", aria_rowcount "aria-rowcount", aria_rowindex "aria-rowindex", aria_selected "aria-selected", aria_sort "aria-sort",
    aria_valuemax "aria-valuemax", aria_valuemin "aria-valuemin", aria_valuenow "aria-valuenow",
}

macro_rules! elements {
    ($make:ident: $($tag:ident),* $(,)?) => {$(
        #[inline]
        pub fn $tag() -> Element {
            Element::$make(stringify!($tag))
        }
    )*};
}

pub mod html {
    use super::Element;

    elements! { new:
        a, b, button, code, datalist, dd, details, dialog, div, dl, dt, fieldset, figcaption, figure, form, h1, h2, h3,
        header, i, input, kbd, label, legend, li, main, nav, ol, option, p, progress, section, select, span, strong, summary,
        table, tbody, td, textarea, th, thead, tr, u, ul,
    }
}

pub mod svg {
    use super::Element;

    elements! { new_svg: path, svg }
}

/// An element in which nothing changes, as the browser's parser makes it.
pub struct InertElement(&'static str);

impl InertElement {
    pub fn new(html: &'static str) -> Self {
        Self(html)
    }
}

impl IntoView for InertElement {
    fn append_to(self, parent: &Node) {
        append(parent, &parsed(self.0));
    }

    fn into_any(self) -> AnyView {
        AnyView::Node(parsed(self.0))
    }
}

/// The same within an `svg` element.
pub struct InertSvgElement(&'static str);

impl InertSvgElement {
    pub fn new(html: &'static str) -> Self {
        Self(html)
    }
}

impl IntoView for InertSvgElement {
    fn append_to(self, parent: &Node) {
        let within = parsed(&format!("<svg>{}</svg>", self.0));
        if let Some(element) = within.first_child() {
            append(parent, &element);
        }
    }
}

fn parsed(html: &str) -> Node {
    let template: web_sys::HtmlTemplateElement = Element::new("template").0.unchecked_into();
    template.set_inner_html(html);
    let content = template.content();
    content.first_child().unwrap_or_else(|| as_node(content))
}

pub(crate) fn append(parent: &Node, child: &Node) {
    // It fails only where a node would contain itself.
    let _ = parent.append_child(child);
}

pub(crate) fn append_text(parent: &Node, content: &str) {
    append(parent, &text(content));
}

pub(crate) fn text(content: &str) -> web_sys::Text {
    document().create_text_node(content)
}

pub(crate) fn comment() -> Node {
    as_node(document().create_comment(""))
}

pub(crate) fn fragment() -> Node {
    as_node(document().create_document_fragment())
}

fn as_node(value: impl JsCast) -> Node {
    value.unchecked_into()
}
