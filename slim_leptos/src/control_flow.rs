//! `Show` and `For`: what keeps its elements while other things around them change.

use leptos::prelude::{ArcMemo, Get, Owner, component, on_cleanup};
use web_sys::Node;

use crate::children::ChildrenFn;
use crate::element;
use crate::follow::{follow, leave_sources};
use crate::view::{self, AnyView, IntoView, append_changing};

/// Shows its children while the condition holds, and makes them anew each time it begins to.
#[component]
pub fn Show(when: impl Fn() -> bool + Send + Sync + 'static, children: ChildrenFn) -> impl IntoView {
    let when = ArcMemo::new(move |_| when());
    let memo = when.clone();
    on_cleanup(move || leave_sources(&memo));
    Shown { when, children }
}

struct Shown {
    when: ArcMemo<bool>,
    children: ChildrenFn,
}

impl IntoView for Shown {
    fn append_to(self, parent: &Node) {
        let Self { when, children } = self;
        append_changing(parent, Box::new(move || if when.get() { children() } else { AnyView::Nothing }));
    }
}

/// Shows each item of a list, and makes only those anew whose key was not there before.
#[component]
pub fn For<Items, Item, Key, View>(
    each: impl Fn() -> Items + 'static,
    key: impl Fn(&Item) -> Key + 'static,
    children: impl Fn(Item) -> View + 'static,
) -> impl IntoView
where
    Items: IntoIterator<Item = Item> + 'static,
    Item: 'static,
    Key: PartialEq + 'static,
    View: IntoView + 'static,
{
    // Not the owner of one run: an item stays when the list is looked at again.
    let owner = Owner::new();
    let make = move |spare: Option<Owner>, item: Item| {
        // A parent's list of its children is never cleared of those that are gone, so they are used again.
        let owner = spare.unwrap_or_else(|| owner.with(Owner::new));
        Part::new(owner, || children(item).into_any())
    };
    List { each: move || each().into_iter().map(|item| (key(&item), item)).collect(), make }
}

struct List<Each, Make> {
    each: Each,
    make: Make,
}

impl<Item, Key, Each, Make> IntoView for List<Each, Make>
where
    Item: 'static,
    Key: PartialEq + 'static,
    Each: Fn() -> Vec<(Key, Item)> + 'static,
    Make: Fn(Option<Owner>, Item) -> Option<Part> + 'static,
{
    fn append_to(self, parent: &Node) {
        let end: Node = element::comment();
        element::append(parent, &end);
        let Self { each, make } = self;
        let mut parts: Vec<(Key, Part)> = Vec::new();
        let mut spare: Vec<Owner> = Vec::new();
        follow(Box::new(move || {
            let mut before = std::mem::take(&mut parts);
            for (key, item) in each() {
                // Nearly always the first: lists grow at an end.
                let part = match before.iter().position(|(known, _)| *known == key) {
                    Some(at) => Some(before.remove(at).1),
                    None => make(spare.pop(), item),
                };
                parts.extend(part.map(|part| (key, part)));
            }
            spare.extend(before.into_iter().map(|(_, part)| part.remove()));
            let mut next = end.clone();
            for (_, part) in parts.iter().rev() {
                part.stand_before(&next);
                next = part.first.clone();
            }
        }));
    }
}

/// One item's nodes, neighbours of each other, and the owner of what keeps them up to date.
struct Part {
    owner: Owner,
    first: Node,
    last: Node,
}

impl Part {
    fn new(owner: Owner, make: impl FnOnce() -> AnyView) -> Option<Self> {
        let fragment = element::fragment();
        owner.with(|| make().append_to(&fragment));
        let (first, last) = (fragment.first_child()?, fragment.last_child()?);
        // A closure that begins the item puts its nodes before its own first one; at the end it has one that stays.
        let first = if first.node_type() == Node::ELEMENT_NODE {
            first
        } else {
            let mark = element::comment();
            view::insert(&fragment, &mark, &first);
            mark
        };
        Some(Self { owner, first, last })
    }

    fn stand_before(&self, next: &Node) {
        if self.last.next_sibling().as_ref() != Some(next) {
            view::move_before(&self.first, &self.last, next);
        }
    }

    /// Leaves its owner, for another one.
    fn remove(self) -> Owner {
        self.owner.cleanup();
        view::remove(&self.first, &self.last);
        self.owner
    }
}
