//! `bridge topics`: the functions and the vocabulary of `kafka-topics`.

use std::fmt::Write as _;

use anyhow::Context;
use protocol::{
    AddPartitions, AlterTopicConfig, CreateTopic, CreateTopicResult, DeleteTopicResult, ErrorBody, ErrorCode,
    SettingSource, TopicName, TopicResult,
};

use super::confirmation::confirm;
use super::output::{Table, name_line, or_dash, print, print_json, print_message};
use super::{failed, target};
use crate::config::{
    AddPartitionsArgs, AlterTopic, CreateTopicArgs, DeleteTopicArgs, DescribeTopics, EmptyTopicArgs, ListTopics,
    TopicsCommand,
};
use kafka::admin::Admin;

pub async fn run(command: TopicsCommand) -> anyhow::Result<()> {
    let admin = target::admin(command.kafka()).await?;
    let done = tokio::task::spawn_blocking(move || match command {
        TopicsCommand::List(args) => list(&admin, &args),
        TopicsCommand::Describe(args) => describe(&admin, &args),
        TopicsCommand::Create(args) => create(&admin, args),
        TopicsCommand::Alter(args) => alter(&admin, args),
        TopicsCommand::AddPartitions(args) => add_partitions(&admin, args),
        TopicsCommand::Empty(args) => empty(&admin, &args),
        TopicsCommand::Delete(args) => delete(&admin, &args),
    });
    done.await?
}

fn list(admin: &Admin, args: &ListTopics) -> anyhow::Result<()> {
    let mut listed = admin.topics().map_err(failed)?;
    listed.topics.retain(|topic| !(args.exclude_internal && topic.internal));
    if args.common.json {
        return print_json(&listed);
    }
    if !args.verbose {
        return print(&listed.topics.iter().map(|topic| name_line(&topic.name)).collect::<String>());
    }
    let mut table = Table::new(&["TOPIC", "PARTITIONS", "REPLICATION", "RECORDS", "UNDER-REPLICATED", "OFFLINE"]);
    for topic in &listed.topics {
        table.row([
            topic.name.clone(),
            topic.partitions.to_string(),
            topic.replication.to_string(),
            or_dash(topic.records),
            topic.under_replicated.to_string(),
            topic.offline.to_string(),
        ]);
    }
    print(&table.to_text())
}

fn describe(admin: &Admin, args: &DescribeTopics) -> anyhow::Result<()> {
    let names = match &args.topic {
        Some(name) => vec![name.clone()],
        None => {
            let listed = admin.topics().map_err(failed)?;
            let names = listed.topics.iter().map(|topic| TopicName::parse(&topic.name));
            names.collect::<Result<_, _>>().context("Kafka has a topic with an illegal name")?
        }
    };
    let described = names.iter().map(|name| admin.topic(name).map_err(failed));
    let described = described.collect::<anyhow::Result<Vec<TopicResult>>>()?;
    if args.common.json {
        return match (&args.topic, described.as_slice()) {
            (Some(_), [one]) => print_json(one),
            (_, all) => print_json(&all),
        };
    }
    print(&described.iter().map(|topic| description(topic, args.all_settings)).collect::<String>())
}

/// The output of `kafka-topics --describe`, and the first and the next offset of each partition.
fn description(topic: &TopicResult, all_settings: bool) -> String {
    let own = topic.settings.iter().filter(|setting| setting.source == SettingSource::Topic);
    let own: Vec<String> =
        own.map(|setting| format!("{}={}", setting.name, setting.value.as_deref().unwrap_or_default())).collect();
    let replication = topic.partitions.iter().map(|partition| partition.replicas.len()).min().unwrap_or(0);
    let mut text = format!(
        "Topic: {}\tPartitionCount: {}\tReplicationFactor: {replication}\tConfigs: {}\n",
        topic.name,
        topic.partitions.len(),
        own.join(",")
    );
    let ids = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    for partition in &topic.partitions {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\tTopic: {}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}\tOffline: {}\tOffsets: {}",
            topic.name,
            partition.partition,
            partition.leader.map_or_else(|| "none".to_owned(), |leader| leader.to_string()),
            ids(&partition.replicas),
            ids(&partition.in_sync),
            ids(&partition.offline),
            match partition.records() {
                Some(_) => format!("{}-{}", partition.low, partition.high),
                None => "unknown".to_owned(),
            }
        );
    }
    if let Some(error) = &topic.settings_error {
        print_message(&format!("cannot read the settings: {}", error.message));
    }
    if all_settings {
        let mut table = Table::new(&["SETTING", "VALUE", "DEFAULT", "SOURCE"]);
        for setting in &topic.settings {
            let hidden = || "(hidden)".to_owned();
            let value = if setting.sensitive { hidden() } else { setting.value.clone().unwrap_or_default() };
            let source = format!("{:?}", setting.source).to_lowercase();
            table.row([setting.name.clone(), value, setting.default.clone().unwrap_or_default(), source]);
        }
        text.push_str(&table.to_text());
    }
    text
}

fn create(admin: &Admin, args: CreateTopicArgs) -> anyhow::Result<()> {
    let request = CreateTopic {
        name: args.topic.to_string(),
        partitions: args.partitions,
        replication: args.replication_factor,
        config: args.settings.into_iter().collect(),
    };
    match admin.create_topic(&args.topic, &request) {
        Err(error) if args.if_not_exists && has_code(&error, ErrorCode::TopicExists) => {
            print_message(&error.message);
            Ok(())
        }
        Err(error) => Err(failed(error)),
        Ok(()) if args.common.json => print_json(&CreateTopicResult { name: request.name }),
        Ok(()) => print(&format!("Created topic {}.\n", args.topic)),
    }
}

fn alter(admin: &Admin, args: AlterTopic) -> anyhow::Result<()> {
    let request = AlterTopicConfig {
        name: args.topic.to_string(),
        set: args.settings.into_iter().collect(),
        delete: args.delete_config,
    };
    let changes = admin.alter_topic_config(&args.topic, &request).map_err(failed)?;
    if args.common.json {
        return print_json(&protocol::AlterTopicConfigResult { name: request.name, changes });
    }
    let mut table = Table::new(&["SETTING", "OLD", "NEW"]);
    for change in &changes {
        table.row([change.name.clone(), or_dash(change.from.as_ref()), or_dash(change.to.as_ref())]);
    }
    if changes.is_empty() {
        print_message("no setting changed");
        return Ok(());
    }
    print(&table.to_text())
}

fn add_partitions(admin: &Admin, args: AddPartitionsArgs) -> anyhow::Result<()> {
    let action = format!(
        "increase the topic {} to {} partitions; keys will map to other partitions",
        args.topic, args.partitions
    );
    confirm(&action, args.topic.as_str(), args.confirmation)?;
    let name = args.topic.to_string();
    let request = AddPartitions { confirm: name.clone(), name, partitions: args.partitions };
    let added = admin.add_partitions(&args.topic, &request).map_err(failed)?;
    if args.common.json {
        return print_json(&added);
    }
    print(&format!("Topic {} now has {} partitions (before: {}).\n", added.name, added.partitions, added.from))
}

fn empty(admin: &Admin, args: &EmptyTopicArgs) -> anyhow::Result<()> {
    confirm(&format!("delete every record of the topic {}", args.topic), args.topic.as_str(), args.confirmation)?;
    let emptied = admin.empty_topic(&args.topic).map_err(failed)?;
    if args.common.json {
        return print_json(&emptied);
    }
    let mut table = Table::new(&["TOPIC", "PARTITION", "OLD-FIRST-OFFSET", "NEW-FIRST-OFFSET"]);
    for partition in &emptied.partitions {
        let (from, to) = (partition.from.to_string(), partition.to.to_string());
        table.row([emptied.name.clone(), partition.partition.to_string(), from, to]);
    }
    print(&table.to_text())
}

fn delete(admin: &Admin, args: &DeleteTopicArgs) -> anyhow::Result<()> {
    confirm(&format!("delete the topic {} and its records", args.topic), args.topic.as_str(), args.confirmation)?;
    match admin.delete_topic(&args.topic) {
        Err(error) if args.if_exists && has_code(&error, ErrorCode::TopicMissing) => {
            print_message(&error.message);
            Ok(())
        }
        Err(error) => Err(failed(error)),
        Ok(()) if args.common.json => print_json(&DeleteTopicResult { name: args.topic.to_string() }),
        Ok(()) => print(&format!("Deleted topic {}.\n", args.topic)),
    }
}

fn has_code(error: &ErrorBody, code: ErrorCode) -> bool {
    error.code == code.number()
}
