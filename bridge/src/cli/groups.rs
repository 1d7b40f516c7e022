//! `bridge groups`: the functions and the vocabulary of `kafka-consumer-groups`. A reset is a dry run without
//! `--execute`.

use std::path::Path;

use anyhow::bail;
use protocol::{
    DeleteGroupResult, GroupId, GroupResult, Offset, OffsetResetPlan, PlanOffsetReset, PlanOffsetResetResult, Position,
    ResetTarget, TopicPartition,
};

use super::confirmation::confirm;
use super::output::{Table, name_line, or_dash, print, print_json, print_message};
use super::{failed, target};
use crate::config::{ConfigError, DeleteGroupArgs, DescribeGroups, GroupsCommand, ListGroups, ResetArgs};
use formats::parse_offsets;
use kafka::admin::Admin;

pub async fn run(command: GroupsCommand) -> anyhow::Result<()> {
    // An unreadable file is reported before connecting to Kafka.
    let target = match &command {
        GroupsCommand::Reset(args) => Some(reset_target(args)?),
        _ => None,
    };
    let admin = target::admin(command.kafka()).await?;
    let done = tokio::task::spawn_blocking(move || match (command, target) {
        (GroupsCommand::List(args), _) => list(&admin, &args),
        (GroupsCommand::Describe(args), _) => describe(&admin, &args),
        (GroupsCommand::Delete(args), _) => delete(&admin, &args),
        (GroupsCommand::Reset(args), Some(target)) => reset(&admin, &args, target),
        (GroupsCommand::Reset(_), None) => bail!("the reset has no target"),
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
        // Groups with a name that the bridge does not accept are skipped, since they cannot be described.
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
        print_message(&format!("Consumer group '{}' has no active members.", group.group));
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
            let partition = TopicPartition { topic: position.topic.clone(), partition: position.partition };
            let member = group.members.iter().find(|member| member.partitions.contains(&partition));
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
            let assignment: Vec<String> = member
                .partitions
                .iter()
                .map(|partition| format!("{}:{}", partition.topic, partition.partition))
                .collect();
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
    let planned = admin.plan_offset_reset(&args.group, &request, |_| true).map_err(failed)?;
    if args.execute && planned.refused.is_none() {
        let outcome = admin.reset_offsets(&args.group, &planned.plan).map_err(failed)?;
        if args.common.json {
            return print_json(&outcome);
        }
        print_plan(args, &planned.plan)?;
        eprintln!("offsets reset");
        print_undo(&args.group, &outcome.undo);
        return Ok(());
    }
    if args.common.json {
        print_json(&planned)?;
    } else {
        print_plan(args, &planned.plan)?;
    }
    match planned {
        PlanOffsetResetResult { refused: Some(error), .. } => Err(failed(error)),
        _ => {
            eprintln!("dry run: nothing was changed; add --execute to apply these offsets");
            Ok(())
        }
    }
}

fn print_plan(args: &ResetArgs, plan: &OffsetResetPlan) -> anyhow::Result<()> {
    if args.export {
        let lines = plan.changes.iter().map(|change| format!("{},{},{}\n", change.topic, change.partition, change.to));
        return print(&lines.collect::<String>());
    }
    // Kafka's columns come first, for scripts that parse them by position.
    let mut table =
        Table::new(&["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET", "CURRENT-OFFSET", "READ-AGAIN", "SKIPPED", "NOTE"]);
    for change in &plan.changes {
        let note = match (change.clamped, change.from == Some(change.to)) {
            (true, _) => "the requested offset is out of range",
            (_, true) => "unchanged",
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

fn print_undo(group: &GroupId, undo: &OffsetResetPlan) {
    if undo.changes.is_empty() {
        return;
    }
    print_message(&format!(
        "to undo, save these lines and run bridge groups reset --group {group} --from-file FILE --execute:"
    ));
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

/// clap requires exactly one target.
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

/// All positions of the file, or every invalid line.
fn read_positions(file: &Path) -> Result<Vec<Position>, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| ConfigError::UnreadablePositions { file: file.to_owned(), source })?;
    parse_offsets(&text).map_err(|errors| ConfigError::BadPositions { file: file.to_owned(), errors })
}
