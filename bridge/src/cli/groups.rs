//! `bridge groups`: the functions and the vocabulary of `kafka-consumer-groups`. A reset is a dry run without
//! `--execute`.

use std::path::Path;

use anyhow::bail;
use protocol::{
    DeleteGroupResult, GroupKind, GroupName, GroupResult, Offset, OffsetResetPlan, PlanOffsetReset,
    PlanOffsetResetResult, Position, ResetTarget, TopicPartition, shown_name,
};

use super::confirmation::confirm;
use super::output::{Table, name_line, or_dash, print, print_json, print_message, shell_word};
use super::{failed, target};
use crate::config::{ConfigError, DeleteGroupArgs, DescribeGroups, GroupsCommand, ListGroups, ResetArgs};
use formats::{OffsetsFile, parse_offsets};
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
            shown_name(&group.group).into_owned(),
            kind_cell(group.kind),
            group.state.clone(),
            or_dash(group.members),
            or_dash(group.lag),
            group.topics.join(","),
        ]);
    }
    print(&table.to_text())
}

fn describe(admin: &Admin, args: &DescribeGroups) -> anyhow::Result<()> {
    let mut described = Vec::new();
    // A group that cannot be described does not hide the others.
    let mut failures = Vec::new();
    match &args.group {
        Some(group) => described.push(admin.group(group).map_err(failed)?),
        None => {
            for listed in admin.groups().map_err(failed)?.groups {
                match GroupName::parse(&listed.group) {
                    Ok(name) => match admin.group(&name) {
                        Ok(group) => described.push(group),
                        Err(error) => failures.push(error.message),
                    },
                    Err(error) => failures.push(format!("a group cannot be described: {error}")),
                }
            }
        }
    }
    print_described(args, &described)?;
    match failures.as_slice() {
        [] => Ok(()),
        failures => bail!("{}", failures.join("\n")),
    }
}

fn print_described(args: &DescribeGroups, described: &[GroupResult]) -> anyhow::Result<()> {
    if args.common.json {
        return match (&args.group, described) {
            (Some(_), [one]) => print_json(one),
            (_, all) => print_json(&all),
        };
    }
    for group in described {
        let kind = match group.kind {
            GroupKind::Share => "Share group",
            GroupKind::Streams => "Streams group",
            GroupKind::Classic | GroupKind::Consumer | GroupKind::Other => "Consumer group",
        };
        match &group.not_described {
            Some(error) => print_message(&format!("{kind} '{}': {}", shown_name(&group.group), error.message)),
            None if group.members.is_empty() => {
                print_message(&format!("{kind} '{}' has no active members.", shown_name(&group.group)));
            }
            None => {}
        }
    }
    print(&match (args.members, args.state) {
        (true, _) => members(described),
        (_, true) => states(described),
        _ => positions(described),
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
                shown_name(&group.group).into_owned(),
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
                shown_name(&group.group).into_owned(),
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

/// The type as Kafka's tools name it; a dash if Kafka did not report it.
fn kind_cell(kind: GroupKind) -> String {
    or_dash((kind != GroupKind::Other).then(|| format!("{kind:?}")))
}

fn states(groups: &[GroupResult]) -> String {
    let mut table =
        Table::new(&["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "TYPE", "STATE", "#MEMBERS", "LAG"]);
    for group in groups {
        let coordinator = group.coordinator.as_ref();
        table.row([
            shown_name(&group.group).into_owned(),
            or_dash(coordinator.map(|broker| format!("{}:{} ({})", broker.host, broker.port, broker.id))),
            or_dash(group.assignor.as_ref()),
            kind_cell(group.kind),
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
        group: args.group.as_str().to_owned(),
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
        print_message("offsets reset");
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
            print_message("dry run: nothing was changed; add --execute to apply these offsets");
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
    let mut table = Table::new(&[
        "GROUP",
        "TOPIC",
        "PARTITION",
        "NEW-OFFSET",
        "CURRENT-OFFSET",
        "MAX-READ-AGAIN",
        "MAX-SKIPPED",
        "NOTE",
    ]);
    for change in &plan.changes {
        let note = match (change.clamped, change.from == Some(change.to)) {
            (true, _) => "the requested offset is out of range",
            (_, true) => "unchanged",
            _ => "",
        };
        table.row([
            shown_name(&plan.group).into_owned(),
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

fn print_undo(group: &GroupName, undo: &OffsetResetPlan) {
    if undo.changes.is_empty() {
        return;
    }
    let group = shell_word(group.as_str());
    print_message(&format!(
        "to undo, save these lines and run bridge groups reset --group={group} --from-file FILE --execute:"
    ));
    for change in &undo.changes {
        print_message(&format!("{},{},{}", change.topic, change.partition, change.to));
    }
}

fn delete(admin: &Admin, args: &DeleteGroupArgs) -> anyhow::Result<()> {
    confirm(&format!("delete the group {} and its positions", args.group), &args.group.to_string(), args.confirmation)?;
    admin.delete_group(&args.group).map_err(failed)?;
    if args.common.json {
        return print_json(&DeleteGroupResult { group: args.group.as_str().to_owned() });
    }
    print(&format!("Deleted group {}.\n", args.group))
}

/// clap requires exactly one target.
fn reset_target(args: &ResetArgs) -> Result<ResetTarget, ConfigError> {
    Ok(match args {
        ResetArgs { from_file: Some(file), .. } => ResetTarget::Positions(read_positions(file, &args.group)?),
        ResetArgs { to_datetime: Some(ms), .. } => ResetTarget::Timestamp(*ms),
        ResetArgs { to_offset: Some(offset), .. } => ResetTarget::Offset(Offset(*offset)),
        ResetArgs { shift_by: Some(by), .. } => ResetTarget::Shift(*by),
        ResetArgs { to_latest: true, .. } => ResetTarget::Latest,
        _ => ResetTarget::Earliest,
    })
}

/// All positions of the group in the file, or every invalid line.
fn read_positions(file: &Path, group: &GroupName) -> Result<Vec<Position>, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| ConfigError::UnreadablePositions { file: file.to_owned(), source })?;
    let OffsetsFile { positions, other_groups } = parse_offsets(&text, group.as_str())
        .map_err(|errors| ConfigError::BadPositions { file: file.to_owned(), errors })?;
    if positions.is_empty() {
        return Err(ConfigError::NoPositions { file: file.to_owned(), group: group.clone(), other_groups });
    }
    if other_groups > 0 {
        let lines = if other_groups == 1 { "1 line".to_owned() } else { format!("{other_groups} lines") };
        print_message(&format!("{}: ignored {lines} of groups other than {group}", file.display()));
    }
    Ok(positions)
}
