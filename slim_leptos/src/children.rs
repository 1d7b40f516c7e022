//! What stands between the tags of a component.

use std::sync::Arc;

use crate::view::{AnyView, IntoView};

/// Made once.
pub type Children = Box<dyn FnOnce() -> AnyView + Send>;

/// Made as often as it is shown.
pub type ChildrenFn = Arc<dyn Fn() -> AnyView + Send + Sync>;

/// How `view!` hands children over.
pub trait ToChildren<F> {
    fn to_children(children: F) -> Self;
}

/// A text that `view!` hands over without a closure around it.
pub struct ChildrenOptContainer<T>(pub T);

impl<F, V> ToChildren<F> for Children
where
    F: FnOnce() -> V + Send + 'static,
    V: IntoView,
{
    fn to_children(children: F) -> Self {
        Box::new(move || children().into_any())
    }
}

impl<F, V> ToChildren<F> for ChildrenFn
where
    F: Fn() -> V + Send + Sync + 'static,
    V: IntoView,
{
    fn to_children(children: F) -> Self {
        Arc::new(move || children().into_any())
    }
}

impl<T: IntoView + Send + 'static> ToChildren<ChildrenOptContainer<T>> for Children {
    fn to_children(children: ChildrenOptContainer<T>) -> Self {
        Box::new(move || children.0.into_any())
    }
}

impl<T: IntoView + Clone + Send + Sync + 'static> ToChildren<ChildrenOptContainer<T>> for ChildrenFn {
    fn to_children(children: ChildrenOptContainer<T>) -> Self {
        Arc::new(move || children.0.clone().into_any())
    }
}
