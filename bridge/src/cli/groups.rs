//! `bridge groups`: what `kafka-consumer-groups` does, in its words. A reset is a dry run unless told otherwise.

use std::path::Path;

use anyhow::bail;
use protocol::{
    DeleteGroupResult, GroupId, GroupResult, Offset, OffsetResetPlan, PlanOffsetReset, PlanOffsetResetResult, Position,
    ResetTarget, TopicName, TopicPartition,
};

use super::confirmation::confirm;
use super::output::{Table, name_line, or_dash, print, print_json, say};
use super::{failed, target};
use crate::config::{ConfigError, DeleteGroupArgs, DescribeGroups, GroupsCommand, ListGroups, ResetArgs};
use kafka::admin::Admin;

pub async fn run(command: GroupsCommand) -> anyhow::Result<()> {
    // A file that cannot be read is told before Kafka is looked for.
    let to = match &command {
        GroupsCommand::Reset(args) => Some(reset_target(args)?),
        _ => None,
    };
    let admin = target::admin(command.kafka()).await?;
    let done = tokio::task::spawn_blocking(move || match (command, to) {
        (GroupsCommand::List(args), _) => list(&admin, &args),
        (GroupsCommand::Describe(args), _) => describe(&admin, &args),
        (GroupsCommand::Delete(args), _) => delete(&admin, &args),
        (GroupsCommand::Reset(args), Some(to)) => reset(&admin, &args, to),
        (GroupsCommand::Reset(_), None) => bail!("no target to reset to"),
    });
    done.await?
}

fn list(admin: &Admin, args: &ListGroups) -> anyhow::Result<()> {
    let listed = admin.groups().map_err(failed)?;
    if args.common.json {
        return print_json(&listed);
    }
    if !args.verbose {
        return print(&listed.groups.iter().map(|group| name_line(&group.group)).collect::<String>());
    }
    let mut table = Table::new(&["GROUP", "TYPE", "STATE", "MEMBERS", "LAG", "TOPICS"]);
    for group in &listed.groups {
        table.row([
            group.group.clone(),
            or_dash(group.protocol.map(|protocol| format!("{protocol:?}"))),
            group.state.clone(),
            group.members.to_string(),
            or_dash(group.lag),
            group.topics.join(","),
        ]);
    }
    print(&table.to_text())
}

fn describe(admin: &Admin, args: &DescribeGroups) -> anyhow::Result<()> {
    let names = match &args.group {
        Some(group) => vec![group.clone()],
        // A name that we would not take ourselves cannot be asked for either.
        None => admin
            .groups()
            .map_err(failed)?
            .groups
            .iter()
            .filter_map(|group| GroupId::parse(&group.group).ok())
            .collect(),
    };
    let described = names.iter().map(|name| admin.group(name).map_err(failed));
    let described = described.collect::<anyhow::Result<Vec<GroupResult>>>()?;
    if args.common.json {
        return match (&args.group, described.as_slice()) {
            (Some(_), [one]) => print_json(one),
            (_, all) => print_json(&all),
        };
    }
    for group in described.iter().filter(|group| group.members.is_empty()) {
        say(&format!("Consumer group '{}' has no active members.", group.group));
    }
    print(&match (args.members, args.state) {
        (true, _) => members(&described),
        (_, true) => states(&described),
        _ => positions(&described),
    })
}

fn positions(groups: &[GroupResult]) -> String {
    let mut table = Table::new(&[
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ]);
    for group in groups {
        for position in &group.positions {
            let place = TopicPartition { topic: position.topic.clone(), partition: position.partition };
            let member = group.members.iter().find(|member| member.partitions.contains(&place));
            table.row([
                group.group.clone(),
                position.topic.clone(),
                position.partition.to_string(),
                or_dash(position.offset),
                position.end.to_string(),
                position.lag.to_string(),
                or_dash(member.map(|member| &member.member)),
                or_dash(member.map(|member| &member.host)),
                or_dash(member.map(|member| &member.client)),
            ]);
        }
    }
    table.to_text()
}

fn members(groups: &[GroupResult]) -> String {
    let mut table = Table::new(&["GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "#PARTITIONS", "ASSIGNMENT"]);
    for group in groups {
        for member in &group.members {
            let assignment: Vec<String> =
                member.partitions.iter().map(|place| format!("{}:{}", place.topic, place.partition)).collect();
            table.row([
                group.group.clone(),
                member.member.clone(),
                member.host.clone(),
                member.client.clone(),
                member.partitions.len().to_string(),
                assignment.join(","),
            ]);
        }
    }
    table.to_text()
}

fn states(groups: &[GroupResult]) -> String {
    let mut table =
        Table::new(&["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "TYPE", "STATE", "#MEMBERS", "LAG"]);
    for group in groups {
        let coordinator = group.coordinator.as_ref();
        table.row([
            group.group.clone(),
            or_dash(coordinator.map(|broker| format!("{}:{} ({})", broker.host, broker.port, broker.id))),
            or_dash(group.assignor.as_ref()),
            or_dash(group.protocol.map(|protocol| format!("{protocol:?}"))),
            group.state.clone(),
            group.members.len().to_string(),
            group.lag.to_string(),
        ]);
    }
    table.to_text()
}

fn reset(admin: &Admin, args: &ResetArgs, to: ResetTarget) -> anyhow::Result<()> {
    let whole = args.topic.iter().filter(|scope| scope.partitions.is_empty());
    let single = args.topic.iter().flat_map(|scope| {
        scope.partitions.iter().map(|&partition| TopicPartition { topic: scope.topic.to_string(), partition })
    });
    let request = PlanOffsetReset {
        group: args.group.to_string(),
        topics: whole.map(|scope| scope.topic.to_string()).collect(),
        partitions: single.collect(),
        to,
    };
    let planned = admin.plan_offset_reset(&args.group, &request).map_err(failed)?;
    if args.execute && planned.refused.is_none() {
        let outcome = admin.reset_offsets(&args.group, &planned.plan).map_err(failed)?;
        if args.common.json {
            return print_json(&outcome);
        }
        show(args, &planned.plan)?;
        eprintln!("the positions were moved");
        show_way_back(&args.group, &outcome.undo);
        return Ok(());
    }
    if args.common.json {
        print_json(&planned)?;
    } else {
        show(args, &planned.plan)?;
    }
    match planned {
        PlanOffsetResetResult { refused: Some(error), .. } => Err(failed(error)),
        _ => {
            eprintln!("dry run: nothing was changed. Add --execute to do exactly this");
            Ok(())
        }
    }
}

fn show(args: &ResetArgs, plan: &OffsetResetPlan) -> anyhow::Result<()> {
    if args.export {
        let lines = plan.changes.iter().map(|change| format!("{},{},{}\n", change.topic, change.partition, change.to));
        return print(&lines.collect::<String>());
    }
    // Kafka's columns first, for scripts that count them.
    let mut table =
        Table::new(&["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET", "CURRENT-OFFSET", "READ-AGAIN", "SKIPPED", "NOTE"]);
    for change in &plan.changes {
        let note = match (change.clamped, change.from == Some(change.to)) {
            (true, _) => "what was asked for lies outside of the partition",
            (_, true) => "stays",
            _ => "",
        };
        table.row([
            plan.group.clone(),
            change.topic.clone(),
            change.partition.to_string(),
            change.to.to_string(),
            or_dash(change.from),
            change.reread.to_string(),
            change.skipped.to_string(),
            note.to_owned(),
        ]);
    }
    print(&table.to_text())
}

fn show_way_back(group: &GroupId, undo: &OffsetResetPlan) {
    if undo.changes.is_empty() {
        return;
    }
    say(&format!("the way back, as a file for bridge groups reset --group {group} --from-file FILE --execute:"));
    for change in &undo.changes {
        eprintln!("{},{},{}", change.topic, change.partition, change.to);
    }
}

fn delete(admin: &Admin, args: &DeleteGroupArgs) -> anyhow::Result<()> {
    confirm(&format!("delete the group {} and its positions", args.group), args.group.as_str(), args.confirmation)?;
    admin.delete_group(&args.group).map_err(failed)?;
    if args.common.json {
        return print_json(&DeleteGroupResult { group: args.group.to_string() });
    }
    print(&format!("Deleted group {}.\n", args.group))
}

/// clap insists on exactly one.
fn reset_target(args: &ResetArgs) -> Result<ResetTarget, ConfigError> {
    Ok(match args {
        ResetArgs { from_file: Some(file), .. } => ResetTarget::Positions(read_positions(file)?),
        ResetArgs { to_datetime: Some(ms), .. } => ResetTarget::Timestamp(*ms),
        ResetArgs { to_offset: Some(offset), .. } => ResetTarget::Offset(Offset(*offset)),
        ResetArgs { shift_by: Some(by), .. } => ResetTarget::Shift(*by),
        ResetArgs { to_latest: true, .. } => ResetTarget::Latest,
        _ => ResetTarget::Earliest,
    })
}

/// `topic,partition,offset` a line, as `kafka-consumer-groups --export` writes it. None of the three can hold a comma.
fn read_positions(file: &Path) -> Result<Vec<Position>, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| ConfigError::UnreadablePositions { file: file.to_owned(), source })?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            read_position(line).ok_or_else(|| ConfigError::NoPosition { file: file.to_owned(), line: number })
        })
        .collect()
}

fn read_position(line: &str) -> Option<Position> {
    let mut fields = line.split(',').map(|field| field.trim().trim_matches('"'));
    let (topic, partition, offset) = (fields.next()?, fields.next()?, fields.next()?);
    let topic = TopicName::parse(topic).ok()?;
    let partition = partition.parse().ok().filter(|partition: &i32| *partition >= 0)?;
    let offset = offset.parse().ok().filter(|offset: &i64| *offset >= 0)?;
    fields.next().is_none().then(|| Position { topic: topic.to_string(), partition, offset: Offset(offset) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_topic_partition_and_offset() {
        let position = |line: &str| read_position(line).map(|at| (at.topic, at.partition, at.offset.0));
        assert_eq!(position("foobar,0,42"), Some(("foobar".to_owned(), 0, 42)));
        assert_eq!(position(r#" "foobar", 1 ,0 "#), Some(("foobar".to_owned(), 1, 0)));
        for bad in ["", "foobar", "foobar,0", "foobar,0,-1", "foobar,x,1", "foobar,0,1,2", "foo bar,0,1"] {
            assert_eq!(position(bad), None, "{bad:?}");
        }
    }
}
