//! The topics that this browser sends to and the groups that it joins without a question, kept in the browser's storage. The
//! rules are in `state/send_safety.rs` and `state/join_safety.rs`.

use crate::browser;
use crate::desk::Desk;
use page_model::OwnNames;

const KEY: &str = "ponte.own-names";

pub fn load(desk: Desk) {
    desk.set_own_names(OwnNames::from_json(&browser::stored(KEY)));
}

/// From now on sending to this topic of the present cluster needs no question.
pub fn allow_topic(desk: Desk, topic: &str) {
    change(
        desk,
        |own, cluster| own.add_topic(cluster, topic.trim()),
        |own, cluster| own.has_topic(cluster, topic.trim()),
    );
}

/// From now on joining this group of the present cluster needs no question.
pub fn allow_group(desk: Desk, group: &str) {
    change(desk, |own, cluster| own.add_group(cluster, group), |own, cluster| own.has_group(cluster, group));
}

fn change(desk: Desk, add: impl FnOnce(&mut OwnNames, &str), has: impl FnOnce(&OwnNames, &str) -> bool) {
    // The demo broker's cluster is gone with its bridge.
    let Some(cluster) = desk.peek(|page| page.cluster_key().filter(|_| !page.is_demo())) else { return };
    let mut own = desk.peek(|page| page.own_names().clone());
    if has(&own, &cluster) {
        return;
    }
    // Another tab may have added names meanwhile.
    own.merge(&OwnNames::from_json(&browser::stored(KEY)));
    add(&mut own, &cluster);
    browser::store(KEY, &own.to_json());
    desk.set_own_names(own);
}
