//! The keyboard's focus, where what has it is made anew: it goes on to the element in its place.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement, Node};

/// Which element had the focus, in a way that finds the one in its place.
pub(crate) struct Focus {
    parent: Element,
    selector: String,
    /// Among those that the selector finds.
    at: u32,
}

impl Focus {
    /// Of an element between two children of the same parent, if the focus is there and the element has a name.
    pub(crate) fn between(first: &Node, last: &Node) -> Option<Self> {
        let focused = document().active_element()?;
        let parent: Element = last.parent_node()?.dyn_into().ok()?;
        if !parent.contains(Some(&focused)) || !lies_between(first, &focused, last) {
            return None;
        }
        let selector = ["id", "data-testid"].into_iter().find_map(|name| {
            let value = focused.get_attribute(name)?;
            // Quotes and backslashes would have to be escaped; names have none.
            (!value.contains(['"', '\\'])).then(|| format!("[{name}=\"{value}\"]"))
        })?;
        let found = parent.query_selector_all(&selector).ok()?;
        let at = (0..found.length()).find(|&at| found.item(at).as_ref() == Some(&*focused))?;
        Some(Self { parent, selector, at })
    }

    pub(crate) fn go_on(&self) {
        let found = self.parent.query_selector_all(&self.selector).ok().and_then(|found| found.item(self.at));
        if let Some(element) = found.and_then(|node| node.dyn_into::<HtmlElement>().ok()) {
            // The element may have been scrolled out of sight; the page is not to jump there.
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            // It fails only for what cannot have the focus.
            let _ = element.focus_with_options(&options);
        }
    }
}

fn lies_between(first: &Node, focused: &Node, last: &Node) -> bool {
    let follows = |a: &Node, b: &Node| a.compare_document_position(b) & Node::DOCUMENT_POSITION_FOLLOWING != 0;
    follows(first, focused) && follows(focused, last)
}
