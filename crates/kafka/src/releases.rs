//! Kafka's releases by the level of `metadata.version`, the only number from which the release of a newer broker can be
//! derived.

/// The first level of each release, from `MetadataVersion.java` of Kafka 4.4. A release's levels are named IV0, IV1 and
/// so on.
const RELEASES: &[(i16, &str)] = &[
    // 3.0-IV0 has no level, so the list starts one below 3.0-IV1.
    (0, "3.0"),
    (2, "3.1"),
    (3, "3.2"),
    (4, "3.3"),
    (8, "3.4"),
    (9, "3.5"),
    (12, "3.6"),
    (15, "3.7"),
    (20, "3.8"),
    (21, "3.9"),
    (22, "4.0"),
    (26, "4.1"),
    (28, "4.2"),
    (30, "4.3"),
    (31, "4.4"),
];

/// The last level of the last release above.
const LAST_LEVEL: i16 = 33;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    pub name: &'static str,
    /// The broker is newer than all releases in the table; `name` is the last of them.
    pub or_newer: bool,
}

/// The release of a broker whose highest supported level this is; `None` for a level below those of all releases.
pub fn of_broker(level: i16) -> Option<Release> {
    let (_, name) = release(level)?;
    Some(Release { name, or_newer: level > LAST_LEVEL })
}

/// Kafka's name of the level, such as `4.3-IV0`; `None` if the level is not in the table.
pub fn name(level: i16) -> Option<String> {
    let (first, release) = release(level).filter(|_| level <= LAST_LEVEL)?;
    Some(format!("{release}-IV{}", level - first))
}

fn release(level: i16) -> Option<(i16, &'static str)> {
    RELEASES.iter().rev().find(|(first, _)| (*first).max(1) <= level).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_kafkas_names() {
        let named =
            [(1, "3.0-IV1"), (7, "3.3-IV3"), (19, "3.7-IV4"), (21, "3.9-IV0"), (25, "4.0-IV3"), (33, "4.4-IV2")];
        for (level, expected) in named {
            assert_eq!(name(level).as_deref(), Some(expected), "{level}");
        }
        assert_eq!([-1, 0, 34].map(name), [None, None, None]);
    }

    #[test]
    fn broker_beyond_the_table_is_the_last_release_or_newer() {
        assert_eq!(of_broker(30), Some(Release { name: "4.3", or_newer: false }));
        assert_eq!(of_broker(34), Some(Release { name: "4.4", or_newer: true }));
        assert_eq!([of_broker(0), of_broker(-5)], [None, None]);
    }
}
