//! What can stand between tags: elements, texts, lists of them, and closures that make them anew.

use std::borrow::Cow;

use leptos::prelude::{Get, Memo, RwSignal, Signal};
use web_sys::Node;

use crate::element::{self, Element};
use crate::focus::Focus;
use crate::follow::follow;

/// Can be part of the document.
pub trait IntoView: Sized {
    /// Becomes the last child of `parent`.
    fn append_to(self, parent: &Node);

    /// The same as a value of one type. Elements are there already, so nothing is boxed.
    fn into_any(self) -> AnyView {
        let fragment = element::fragment();
        self.append_to(&fragment);
        AnyView::Node(fragment)
    }

    /// Where a view comes from, which debug builds of `view!` tell for hot reloading. Nobody asks here.
    #[doc(hidden)]
    #[inline]
    fn with_view_marker(self, _: &str) -> Self {
        self
    }
}

/// What `view!` calls on what stands in braces.
pub trait IntoRender: Sized {
    #[inline]
    fn into_render(self) -> Self {
        self
    }
}

impl<T> IntoRender for T {}

/// What `view!` puts around the whole, for hot reloading; nothing here.
pub struct View;

impl View {
    #[inline]
    #[allow(clippy::new_ret_no_self, reason = "the macro calls it so")]
    pub fn new<V: IntoView>(view: V) -> V {
        view
    }
}

/// A view of any kind.
pub enum AnyView {
    Nothing,
    Text(Cow<'static, str>),
    /// An element, or a fragment that holds any number of nodes.
    Node(Node),
}

impl IntoView for AnyView {
    fn append_to(self, parent: &Node) {
        match self {
            Self::Nothing => {}
            Self::Text(text) => element::append_text(parent, &text),
            Self::Node(node) => element::append(parent, &node),
        }
    }

    fn into_any(self) -> AnyView {
        self
    }
}

impl IntoView for () {
    fn append_to(self, _: &Node) {}

    fn into_any(self) -> AnyView {
        AnyView::Nothing
    }
}

impl IntoView for Element {
    #[inline]
    fn append_to(self, parent: &Node) {
        element::append(parent, self.node());
    }

    #[inline]
    fn into_any(self) -> AnyView {
        AnyView::Node(self.into_node())
    }
}

macro_rules! texts {
    ($($text:ty => $shown:expr),* $(,)?) => {$(
        impl IntoView for $text {
            fn append_to(self, parent: &Node) {
                let shown: fn($text) -> Cow<'static, str> = $shown;
                element::append_text(parent, &shown(self));
            }

            fn into_any(self) -> AnyView {
                let shown: fn($text) -> Cow<'static, str> = $shown;
                AnyView::Text(shown(self))
            }
        }
    )*};
}

texts! {
    &'static str => Cow::Borrowed,
    String => Cow::Owned,
    u64 => |number| Cow::Owned(number.to_string()),
    usize => |number| Cow::Owned(number.to_string()),
}

impl<V: IntoView> IntoView for Option<V> {
    fn append_to(self, parent: &Node) {
        if let Some(view) = self {
            view.append_to(parent);
        }
    }

    fn into_any(self) -> AnyView {
        self.map_or(AnyView::Nothing, IntoView::into_any)
    }
}

impl<V: IntoView> IntoView for Vec<V> {
    fn append_to(self, parent: &Node) {
        self.into_iter().for_each(|view| view.append_to(parent));
    }
}

impl<V: IntoView, const N: usize> IntoView for [V; N] {
    fn append_to(self, parent: &Node) {
        self.into_iter().for_each(|view| view.append_to(parent));
    }
}

macro_rules! tuples {
    ($($view:ident)*) => {
        impl<$($view: IntoView),*> IntoView for ($($view,)*) {
            #[inline]
            #[allow(non_snake_case, reason = "a value is named as its type")]
            fn append_to(self, parent: &Node) {
                let ($($view,)*) = self;
                $($view.append_to(parent);)*
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);
tuples!(A B C D E F G H I J K L M);
tuples!(A B C D E F G H I J K L M O);
tuples!(A B C D E F G H I J K L M O P);
tuples!(A B C D E F G H I J K L M O P Q);

impl<F, V> IntoView for F
where
    F: Fn() -> V + 'static,
    V: IntoView,
{
    fn append_to(self, parent: &Node) {
        append_changing(parent, Box::new(move || self().into_any()));
    }
}

macro_rules! signals {
    ($($signal:ident),*) => {$(
        impl<T> IntoView for $signal<T>
        where
            $signal<T>: Get<Value = T> + 'static,
            T: IntoView + Send + Sync + 'static,
        {
            fn append_to(self, parent: &Node) {
                append_changing(parent, Box::new(move || self.get().into_any()));
            }
        }
    )*};
}

signals!(Memo, RwSignal, Signal);

/// A place whose content changes. Its last node is a text that stays: it holds the content while that is text, and marks the
/// end while it is something else. An empty comment then marks the beginning.
pub(crate) fn append_changing(parent: &Node, make: Box<dyn Fn() -> AnyView>) {
    let last = element::text("");
    element::append(parent, &last);
    let mut first: Option<Node> = None;
    let mut text_before: Cow<'static, str> = Cow::Borrowed("");
    follow(Box::new(move || {
        let (text, node) = match make() {
            AnyView::Nothing => (Cow::Borrowed(""), None),
            AnyView::Text(text) => (text, None),
            AnyView::Node(node) => (Cow::Borrowed(""), Some(node)),
        };
        if text != text_before {
            last.set_data(&text);
            text_before = text;
        }
        let focus = first.as_ref().and_then(|first| Focus::between(first, &last));
        if let Some(first) = &first {
            remove_between(first, &last);
        }
        if let (Some(node), Some(parent)) = (node, last.parent_node()) {
            if first.is_none() {
                let mark: Node = element::comment();
                insert(&parent, &mark, &last);
                first = Some(mark);
            }
            insert(&parent, &node, &last);
        }
        if let Some(focus) = focus {
            focus.go_on();
        }
    }));
}

fn remove_between(first: &Node, last: &Node) {
    let Some(parent) = first.parent_node() else { return };
    while let Some(node) = first.next_sibling().filter(|node| node != last) {
        // It fails only for a node that is not a child.
        let _ = parent.remove_child(&node);
    }
}

/// Before a node that is a child of `parent`.
pub(crate) fn insert(parent: &Node, node: &Node, before: &Node) {
    let _ = parent.insert_before(node, Some(before));
}

/// Takes the nodes from `first` to `last`, which are neighbours, out of the document.
pub(crate) fn remove(first: &Node, last: &Node) {
    let Some(parent) = first.parent_node() else { return };
    for_each(first, last, |node| {
        let _ = parent.remove_child(node);
    });
}

/// Moves the nodes from `first` to `last`, which are neighbours, before another child of the same parent.
pub(crate) fn move_before(first: &Node, last: &Node, before: &Node) {
    let Some(parent) = before.parent_node() else { return };
    for_each(first, last, |node| insert(&parent, node, before));
}

/// The neighbours from `first` to `last`; each may be moved.
fn for_each(first: &Node, last: &Node, act: impl Fn(&Node)) {
    let mut next = Some(first.clone());
    while let Some(node) = next {
        next = if node == *last { None } else { node.next_sibling() };
        act(&node);
    }
}
