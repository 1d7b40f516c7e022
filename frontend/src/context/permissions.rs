//! The topics that this browser sends to and the groups that it joins without a confirmation, kept in the browser's
//! storage. The rules are in `page_model::ReadState`.

use crate::context::store::Store;
use crate::platform::browser;
use page_model::{AllowedNames, ReadState};

const KEY: &str = "ponte.own-names";

pub fn load(store: Store) {
    store.act(|state, _| state.set_allowed_names(AllowedNames::from_json(&browser::stored(KEY))));
}

/// From now on sending to this topic of the current cluster needs no confirmation.
pub fn allow_topic(store: Store, topic: &str) {
    change(
        store,
        |own, cluster| own.add_topic(cluster, topic.trim()),
        |own, cluster| own.has_topic(cluster, topic.trim()),
    );
}

/// From now on joining this group of the current cluster needs no confirmation.
pub fn allow_group(store: Store, group: &str) {
    change(store, |own, cluster| own.add_group(cluster, group), |own, cluster| own.has_group(cluster, group));
}

fn change(store: Store, add: impl FnOnce(&mut AllowedNames, &str), has: impl FnOnce(&AllowedNames, &str) -> bool) {
    // The demo broker's cluster ends with its bridge.
    let Some(cluster) = store.untracked(|state| state.cluster_key().filter(|_| !state.is_demo())) else { return };
    let mut own = store.untracked(|state| state.allowed_names().clone());
    if has(&own, &cluster) {
        return;
    }
    // Another tab may have added names meanwhile.
    own.merge(&AllowedNames::from_json(&browser::stored(KEY)));
    add(&mut own, &cluster);
    browser::store(KEY, &own.to_json());
    store.act(|state, _| state.set_allowed_names(own));
}
