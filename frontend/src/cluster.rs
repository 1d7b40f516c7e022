//! The cluster: brokers, under-replicated and offline partitions, features.

pub mod cluster_features;
pub mod cluster_view;
