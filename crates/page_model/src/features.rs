//! The levels of a feature that each broker supports.

use std::collections::BTreeMap;

use protocol::ClusterFeature;

/// Lowest and highest supported level. `None` if the broker does not have the feature.
pub type Levels = Option<(i16, i16)>;

/// Ids of the brokers that report features.
pub fn reporting_brokers(features: &[ClusterFeature]) -> Vec<i32> {
    let mut brokers: Vec<i32> =
        features.iter().flat_map(|feature| &feature.supported).map(|levels| levels.broker).collect();
    brokers.sort_unstable();
    brokers.dedup();
    brokers
}

/// The brokers by the levels that they support, the most common levels first. A single entry means that all brokers
/// support the same levels.
pub fn supported(feature: &ClusterFeature, reporting: &[i32]) -> Vec<(Levels, Vec<i32>)> {
    let mut alike: BTreeMap<Levels, Vec<i32>> = BTreeMap::new();
    for &broker in reporting {
        let levels = feature.supported.iter().find(|levels| levels.broker == broker);
        alike.entry(levels.map(|levels| (levels.min, levels.max))).or_default().push(broker);
    }
    let mut alike: Vec<_> = alike.into_iter().collect();
    alike.sort_by_key(|(levels, brokers)| std::cmp::Reverse((brokers.len(), *levels)));
    alike
}

#[cfg(test)]
mod tests {
    use protocol::SupportedLevels;

    use super::*;

    fn feature(supported: &[(i32, i16, i16)]) -> ClusterFeature {
        let supported = supported.iter().map(|&(broker, min, max)| SupportedLevels { broker, min, max });
        ClusterFeature {
            name: "share.version".to_owned(),
            finalized: Some(1),
            release: None,
            supported: supported.collect(),
        }
    }

    #[test]
    fn brokers_with_less_common_levels_come_last() {
        let features = [feature(&[(1, 0, 1), (2, 0, 2), (3, 0, 1)]), feature(&[(1, 0, 1)])];
        let reporting = reporting_brokers(&features);
        assert_eq!(reporting, [1, 2, 3]);
        assert_eq!(supported(&features[0], &reporting), [(Some((0, 1)), vec![1, 3]), (Some((0, 2)), vec![2])]);
        assert_eq!(supported(&features[1], &reporting), [(None, vec![2, 3]), (Some((0, 1)), vec![1])]);
        assert_eq!(supported(&features[1], &[1]), [(Some((0, 1)), vec![1])]);
    }
}
