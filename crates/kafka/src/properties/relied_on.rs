//! Properties that no file may change, and why: the bridge's promises stand on them, or they load code. A value equal to the
//! bridge's own is accepted.

/// What a file may say about a property that the bridge decides.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bridge does not decide it.
    Free,
    /// The value is the bridge's own.
    Same,
    Refused(&'static str),
}

struct Rule {
    /// As [`super::names::canonical`] has it.
    name: &'static str,
    /// The bridge's own value, in every spelling.
    same: &'static [&'static str],
    why: &'static str,
}

const fn rule(name: &'static str, same: &'static [&'static str], why: &'static str) -> Rule {
    Rule { name, same, why }
}

const TRUE: &[&str] = &["true", "t", "1"];
const FALSE: &[&str] = &["false", "f", "0"];
const NONE: &[&str] = &[];

const COMMITS: &str = "the bridge commits what a page has acknowledged, and nothing else";

const RULES: &[Rule] = &[
    rule("sasl.kerberos.kinit.cmd", NONE, "it runs a command"),
    rule("plugin.library.paths", NONE, "it loads code"),
    rule("ssl.engine.location", NONE, "it loads code"),
    rule("ssl.providers", NONE, "it loads code"),
    rule("group.id", NONE, "use --group, or choose it in the page"),
    rule("group.protocol", NONE, "the bridge chooses what the broker supports"),
    rule("group.instance.id", NONE, "two members of the bridge would evict each other"),
    rule("partition.assignment.strategy", &["cooperative-sticky"], "the bridge relies on cooperative-sticky"),
    rule("auto.offset.reset", NONE, "use --start, or choose it in the page"),
    rule("enable.auto.commit", FALSE, COMMITS),
    rule("enable.auto.offset.store", FALSE, COMMITS),
    rule("offset.store.method", &["broker"], "the bridge commits to Kafka, not to a file"),
    rule("offset.store.path", NONE, "the bridge commits to Kafka, not to a file"),
    rule(
        "isolation.level",
        &["read_committed"],
        "the bridge shows committed records (isolation.level=read_committed); where the latest record is, and what is said to \
         be not visible yet, go by that",
    ),
    rule("enable.partition.eof", FALSE, "the bridge decides it for each of its clients"),
    rule("enable.idempotence", TRUE, "the bridge relies on it: nothing is written twice"),
    rule("enable.gapless.guarantee", FALSE, "the bridge recreates its producer instead"),
    rule(
        "acks",
        &["all", "-1"],
        "the bridge reports a record as acknowledged only when all in-sync replicas have it (acks=all)",
    ),
    rule("transactional.id", NONE, "the bridge does not write in transactions"),
    rule("partitioner", &["murmur2_random"], "the bridge partitions keys as Java clients do (murmur2_random)"),
    rule("queuing.strategy", &["fifo"], "the bridge keeps the order of records"),
    rule("delivery.report.only.error", FALSE, "the bridge reports every record"),
    rule("log.queue", FALSE, "the bridge reads librdkafka's log itself"),
    rule("log_level", NONE, "set the environment variable PONTE_LOG instead, such as PONTE_LOG=librdkafka=trace"),
    rule("statistics.interval.ms", &["0"], "the bridge does not read librdkafka's statistics"),
    rule("enabled_events", NONE, "the bridge chooses librdkafka's events"),
    rule("internal.termination.signal", NONE, "the bridge handles signals itself"),
];

/// Names that start like this are refused as well.
const REFUSED_PREFIXES: &[(&str, &str)] = &[("test.", "it simulates faults; use --demo for the demo broker")];

/// `name` as [`super::names::canonical`] has it.
pub fn verdict(name: &str, value: &str) -> Verdict {
    if let Some((_, why)) = REFUSED_PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return Verdict::Refused(why);
    }
    let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
        // Never giving up would leave records without an outcome.
        let never_ends = name == "message.timeout.ms" && value == "0";
        return if never_ends {
            Verdict::Refused("the bridge promises an outcome for every record; give it a limit above 0")
        } else {
            Verdict::Free
        };
    };
    if rule.same.iter().any(|same| value.eq_ignore_ascii_case(same)) {
        Verdict::Same
    } else {
        Verdict::Refused(rule.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::names::canonical;

    #[test]
    fn a_value_equal_to_ours_is_accepted_and_no_other() {
        for (name, same, other) in [
            ("acks", "all", "1"),
            ("request.required.acks", "-1", "0"),
            ("enable.idempotence", "True", "false"),
            ("enable.auto.commit", "false", "true"),
            ("partitioner", "murmur2_random", "random"),
            ("isolation.level", "read_committed", "read_uncommitted"),
            ("queuing.strategy", "fifo", "lifo"),
            ("delivery.timeout.ms", "1000", "0"),
        ] {
            assert!(!matches!(verdict(canonical(name), same), Verdict::Refused(_)), "{name}={same}");
            assert!(matches!(verdict(canonical(name), other), Verdict::Refused(_)), "{name}={other}");
        }
    }

    #[test]
    fn every_rule_is_about_the_name_that_is_kept() {
        for rule in RULES {
            assert_eq!(canonical(rule.name), rule.name);
        }
    }
}
