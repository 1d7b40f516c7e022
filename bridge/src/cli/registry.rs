//! `bridge registry`: the subjects of the schema registry.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use protocol::{
    CompatibilityLevel, DeleteSubjectResult, RegisterSchemaResult, SchemaDraft, SchemaLanguage, SchemaResult,
    SetCompatibilityResult, SubjectName, SubjectResult,
};
use serdes::registry::{Deleted, Deletion, Registry, RegistryClient, RegistryError, SubjectSchema, Version};

use super::confirmation::confirm;
use super::failed;
use super::output::{Table, name_line, or_dash, print, print_json, print_message};
use crate::config::{
    CompatibilityArgs, ConfigError, DeleteSubjectArgs, DescribeSubject, ListSubjects, RegistryCommand, SchemaArgs,
    VersionArg,
};

const LEVEL: &str = "read the compatibility level";
const SET_LEVEL: &str = "set the compatibility level";

pub async fn run(command: RegistryCommand) -> anyhow::Result<()> {
    let settings = command.common().registry.settings().map_err(|reason| ConfigError::registry(None, reason))?;
    let settings = settings.ok_or(ConfigError::NoRegistry)?;
    let client = Registry::<()>::new(&settings, |_| Ok(())).map_err(anyhow::Error::msg)?.client();
    match command {
        RegistryCommand::List(args) => list(&client, &args).await,
        RegistryCommand::Describe(args) => describe(&client, args).await,
        RegistryCommand::Check(args) => check(&client, &args).await,
        RegistryCommand::Register(args) => register(&client, args).await,
        RegistryCommand::Compatibility(args) => compatibility(&client, args).await,
        RegistryCommand::Delete(args) => delete(&client, args).await,
    }
}

/// The registry's answer, or an error that says what failed and what to do.
fn answer<T>(action: &str, answer: Result<T, RegistryError>) -> anyhow::Result<T> {
    answer.map_err(|error| failed(error.to_error_body(action)))
}

async fn list(client: &RegistryClient, args: &ListSubjects) -> anyhow::Result<()> {
    let deleted = if args.deleted { Deleted::Included } else { Deleted::Excluded };
    let mut names = answer("list the subjects", client.subjects(deleted).await)?;
    names.sort_unstable();
    if !args.common.json {
        return print(&names.iter().map(|name| name_line(name)).collect::<String>());
    }
    let existing = match args.deleted {
        true => answer("list the subjects", client.subjects(Deleted::Excluded).await)?,
        false => names.clone(),
    };
    let subjects = names.into_iter().map(|name| SubjectName { deleted: !existing.contains(&name), name });
    print_json(&subjects.collect::<Vec<_>>())
}

async fn describe(client: &RegistryClient, args: DescribeSubject) -> anyhow::Result<()> {
    let subject = &args.subject;
    if let Some(version) = args.version {
        let schema = client.version_or_deleted(subject, version.into()).await;
        let schema = answer(&format!("load the schema of {subject}"), schema)?;
        return match args.common.json {
            true => print_json(&SchemaResult {
                subject: schema.subject,
                version: schema.version,
                schema_id: schema.id,
                language: schema.language,
                text: schema.text,
                references: schema.references,
                referenced_by: Vec::new(),
                referenced_by_error: None,
                structure: None,
                structure_error: None,
            }),
            false => print(&format!("{}\n", schema.text.trim_end())),
        };
    }
    let result = SubjectResult {
        subject: subject.clone(),
        compatibility: answer(LEVEL, client.compatibility(subject).await)?,
        registry_compatibility: client.global_compatibility().await.ok(),
        versions: answer(&format!("list the versions of {subject}"), client.all_versions(subject).await)?,
    };
    if args.common.json {
        return print_json(&result);
    }
    let own = result.compatibility.map(CompatibilityLevel::name);
    let inherited = result.registry_compatibility.map(|level| format!("{} (of the registry)", level.name()));
    let mut text = format!("Subject: {subject}\nCompatibility: {}\n", or_dash(own.map(str::to_owned).or(inherited)));
    let mut table = Table::new(&["VERSION", "ID", "LANGUAGE", "REFERENCES", "STATE"]);
    for version in &result.versions {
        let schema = client.version_or_deleted(subject, Version::Number(version.version)).await.ok();
        let of_schema = |text: fn(&SubjectSchema) -> String| or_dash(schema.as_ref().map(text));
        table.row([
            version.version.to_string(),
            of_schema(|schema| schema.id.to_string()),
            of_schema(|schema| schema.language.title().to_owned()),
            of_schema(|schema| schema.references.len().to_string()),
            if version.deleted { "deleted" } else { "" }.to_owned(),
        ]);
    }
    text.push_str(&table.to_text());
    print(&text)
}

async fn check(client: &RegistryClient, args: &SchemaArgs) -> anyhow::Result<()> {
    let schema = read_schema(args)?;
    let check =
        answer(&format!("check the schema for {}", args.subject), client.check_schema(&args.subject, &schema).await)?;
    if args.common.json {
        print_json(&check)?;
    } else {
        let mut text = match (check.compatible, check.existing_version) {
            (_, Some(version)) => format!("{} already has this schema, as version {version}.\n", args.subject),
            (true, None) => format!("The schema can become the next version of {}.\n", args.subject),
            (false, None) => format!("The schema is not compatible with {}.\n", args.subject),
        };
        for reason in &check.reasons {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {reason}");
        }
        print(&text)?;
    }
    if !check.compatible {
        bail!("the registry would refuse the schema");
    }
    Ok(())
}

async fn register(client: &RegistryClient, args: SchemaArgs) -> anyhow::Result<()> {
    let schema = read_schema(&args)?;
    let schema_id =
        answer(&format!("register the schema for {}", args.subject), client.register(&args.subject, &schema).await)?;
    let version = client.version_with_id(&args.subject, schema_id, &schema).await.ok().flatten();
    let version = version.with_context(|| {
        let subject = &args.subject;
        format!("the schema is registered for {subject} with the id {schema_id}, but the registry does not report its version")
    })?;
    match args.common.json {
        true => print_json(&RegisterSchemaResult { subject: args.subject, version, schema_id }),
        false => print(&format!("{} has the schema as version {version}, with id {schema_id}.\n", args.subject)),
    }
}

async fn compatibility(client: &RegistryClient, args: CompatibilityArgs) -> anyhow::Result<()> {
    match (&args.subject, args.level) {
        (Some(subject), Some(level)) => answer(SET_LEVEL, client.set_compatibility(subject, Some(level)).await)?,
        (Some(subject), None) if args.unset => answer(SET_LEVEL, client.set_compatibility(subject, None).await)?,
        (None, Some(level)) => answer(SET_LEVEL, client.set_global_compatibility(level).await)?,
        _ => {}
    }
    let own = match &args.subject {
        Some(subject) => answer(LEVEL, client.compatibility(subject).await)?,
        None => None,
    };
    let applies = match own {
        Some(own) => own,
        None => answer(LEVEL, client.global_compatibility().await)?,
    };
    if args.common.json {
        return print_json(&SetCompatibilityResult { subject: args.subject, level: Some(applies) });
    }
    match (&args.subject, own) {
        (Some(subject), Some(own)) => print(&format!("{subject}: {}\n", own.name())),
        (Some(subject), None) => print(&format!("{subject}: {} (of the registry)\n", applies.name())),
        (None, _) => print(&format!("registry: {}\n", applies.name())),
    }
}

async fn delete(client: &RegistryClient, args: DeleteSubjectArgs) -> anyhow::Result<()> {
    let subject = &args.subject;
    let what = match args.version {
        Some(version) => format!("version {version} of {subject}"),
        None => format!("all versions of {subject}"),
    };
    let end = if args.permanent { ", so that records with their ids cannot be read any more" } else { "" };
    confirm(&format!("delete {what}{end}"), subject, args.confirmation)?;
    let deletion = if args.permanent { Deletion::Permanent } else { Deletion::Soft };
    let mut versions = match args.version {
        Some(version) => {
            answer(&format!("delete {what}"), client.delete_version(subject, version, deletion).await)?;
            vec![version]
        }
        None => answer(&format!("delete {what}"), client.delete_subject(subject, deletion).await)?,
    };
    versions.sort_unstable();
    if args.common.json {
        return print_json(&DeleteSubjectResult { subject: args.subject, versions });
    }
    print(&format!("Deleted {what}.\n"))?;
    if !args.permanent {
        print_message("records stay readable; registering the same schema again restores the version");
    }
    Ok(())
}

fn read_schema(args: &SchemaArgs) -> anyhow::Result<SchemaDraft> {
    let file = args.file.display();
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {file}"))?;
    let by_name = || match args.file.extension()?.to_str()? {
        "avsc" => Some(SchemaLanguage::Avro),
        "proto" => Some(SchemaLanguage::Protobuf),
        "json" => Some(SchemaLanguage::Json),
        _ => None,
    };
    let language = args.format.or_else(by_name);
    let language = language.with_context(|| format!("{file} has no known ending; name the language with --format"))?;
    Ok(SchemaDraft { language, text, references: args.references.clone() })
}

impl From<VersionArg> for Version {
    fn from(version: VersionArg) -> Self {
        match version {
            VersionArg::Latest => Self::Latest,
            VersionArg::Number(number) => Self::Number(number),
        }
    }
}
