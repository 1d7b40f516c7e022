//! Which levels of a feature the brokers support: all the same, or who differs.

use std::collections::BTreeMap;

use protocol::ClusterFeature;

/// Lowest and highest level; none where a broker does not have the feature.
pub type Levels = Option<(i16, i16)>;

/// The brokers that tell their features, by id.
pub fn telling(features: &[ClusterFeature]) -> Vec<i32> {
    let mut brokers: Vec<i32> =
        features.iter().flat_map(|feature| &feature.supported).map(|levels| levels.broker).collect();
    brokers.sort_unstable();
    brokers.dedup();
    brokers
}

/// What most brokers support, then what fewer do, each with its brokers. One entry: they are all alike.
pub fn supported(feature: &ClusterFeature, telling: &[i32]) -> Vec<(Levels, Vec<i32>)> {
    let mut alike: BTreeMap<Levels, Vec<i32>> = BTreeMap::new();
    for &broker in telling {
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
    fn brokers_that_differ_are_named_after_the_many() {
        let features = [feature(&[(1, 0, 1), (2, 0, 2), (3, 0, 1)]), feature(&[(1, 0, 1)])];
        let telling = telling(&features);
        assert_eq!(telling, [1, 2, 3]);
        assert_eq!(supported(&features[0], &telling), [(Some((0, 1)), vec![1, 3]), (Some((0, 2)), vec![2])]);
        assert_eq!(supported(&features[1], &telling), [(None, vec![2, 3]), (Some((0, 1)), vec![1])]);
        assert_eq!(supported(&features[1], &[1]), [(Some((0, 1)), vec![1])]);
    }
}
