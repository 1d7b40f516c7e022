//! Properties that a file may not change, with the reason: the bridge depends on their value, or they load code. The
//! value that the bridge uses is accepted.

use super::values::{FALSE, TRUE, is_one_of};

/// Whether a file may set a property to a value.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The property is not reserved.
    Free,
    /// The value is the one that the bridge uses.
    Same,
    Refused(&'static str),
}

struct Rule {
    /// The canonical name ([`super::names::canonical`]).
    name: &'static str,
    /// The value that the bridge uses, in every spelling.
    same: &'static [&'static str],
    why: &'static str,
}

const fn rule(name: &'static str, same: &'static [&'static str], why: &'static str) -> Rule {
    Rule { name, same, why }
}

const NONE: &[&str] = &[];

const COMMITS: &str = "the bridge commits only records that a page has acknowledged";

const RULES: &[Rule] = &[
    rule("sasl.kerberos.kinit.cmd", NONE, "the property runs a command"),
    rule("plugin.library.paths", NONE, "the property loads code"),
    rule("ssl.engine.location", NONE, "the property loads code"),
    rule("ssl.providers", NONE, "the property loads code"),
    rule("group.id", NONE, "use --group, or choose it in the page"),
    rule("group.protocol", NONE, "the bridge uses the protocol that the broker supports"),
    rule("group.instance.id", NONE, "two members of the bridge would fence each other"),
    rule("partition.assignment.strategy", &["cooperative-sticky"], "the bridge depends on cooperative-sticky"),
    rule("auto.offset.reset", NONE, "use --start, or choose it in the page"),
    rule("enable.auto.commit", FALSE, COMMITS),
    rule("enable.auto.offset.store", FALSE, COMMITS),
    rule("offset.store.method", &["broker"], "the bridge commits to Kafka, not to a file"),
    rule("offset.store.path", NONE, "the bridge commits to Kafka, not to a file"),
    rule(
        "isolation.level",
        &["read_committed"],
        "the bridge shows committed records (isolation.level=read_committed), and computes ends and waiting records from that",
    ),
    rule("enable.partition.eof", FALSE, "the bridge sets it for each of its clients"),
    rule("enable.idempotence", TRUE, "the bridge depends on it to avoid duplicate records"),
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
    rule("log.queue", FALSE, "the bridge receives librdkafka's log by a callback"),
    rule("log_level", NONE, "set the environment variable PONTE_LOG instead, such as PONTE_LOG=librdkafka=trace"),
    rule(
        "statistics.interval.ms",
        NONE,
        "the bridge sets the interval of the statistics for /metrics; 0 turns them off",
    ),
    rule("enabled_events", NONE, "the bridge sets the events that it handles"),
    rule("internal.termination.signal", NONE, "the bridge handles signals itself"),
];

/// Properties whose names have these prefixes are refused as well.
const REFUSED_PREFIXES: &[(&str, &str)] = &[("test.", "the property simulates errors; use --demo for the demo broker")];

/// `name`: the canonical name ([`super::names::canonical`]).
pub fn verdict(name: &str, value: &str) -> Verdict {
    if let Some((_, why)) = REFUSED_PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return Verdict::Refused(why);
    }
    if name == "statistics.interval.ms" && value == "0" {
        // Turns the statistics off, which the bridge can do without.
        return Verdict::Free;
    }
    let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
        // 0 means no limit, with which records may never get an outcome.
        let never_ends = name == "message.timeout.ms" && value == "0";
        return if never_ends {
            Verdict::Refused("the bridge guarantees an outcome for every record; set a limit above 0")
        } else {
            Verdict::Free
        };
    };
    if is_one_of(value, rule.same) { Verdict::Same } else { Verdict::Refused(rule.why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::names::canonical;

    #[test]
    fn only_the_value_that_the_bridge_uses_is_accepted() {
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
    fn every_rule_has_a_canonical_name() {
        for rule in RULES {
            assert_eq!(canonical(rule.name), rule.name);
        }
    }
}
