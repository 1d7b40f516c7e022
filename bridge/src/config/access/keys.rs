//! The keys of `[users.NAME]`, `[[rules]]` and `[[masks]]`. They are defined as options, so that they are parsed like those of
//! the command line.

use std::path::PathBuf;

use access::{Mask, MaskMethod, MaskPath, Principal, Rule, Who};
use clap::Args;
use formats::Spot;
use protocol::{Action, ClusterName, GroupId, NamePattern, is_printable, limits};

use super::super::schemas::parse_topics;
use super::super::table::Table;
use super::super::value::{nearest, suggestion};
use super::AccessError;

#[derive(Args, Clone, Debug)]
pub struct UserKeys {
    /// The name is part of the table's header.
    #[arg(skip)]
    pub name: String,

    #[arg(long)]
    pub token_file: Option<PathBuf>,

    #[arg(long, value_parser = parse_name)]
    pub roles: Vec<String>,
}

#[derive(Args, Clone, Debug)]
pub struct RuleKeys {
    #[arg(long, value_parser = parse_name)]
    pub users: Vec<String>,

    #[arg(long, value_parser = parse_name)]
    pub roles: Vec<String>,

    #[arg(long, value_parser = ClusterName::parse)]
    pub clusters: Vec<ClusterName>,

    #[arg(long, value_parser = parse_topics)]
    pub topics: Vec<NamePattern>,

    #[arg(long, value_parser = parse_groups)]
    pub groups: Vec<NamePattern>,

    #[arg(long, value_parser = parse_subjects)]
    pub subjects: Vec<NamePattern>,

    #[arg(long, value_parser = parse_actions)]
    pub allow: Vec<Actions>,

    #[arg(long)]
    pub metrics: bool,
}

#[derive(Args, Clone, Debug)]
pub struct MaskKeys {
    #[arg(long, value_parser = ClusterName::parse)]
    pub clusters: Vec<ClusterName>,

    #[arg(long, value_parser = parse_topics)]
    pub topics: Vec<NamePattern>,

    #[arg(long, value_parser = MaskPath::parse)]
    pub fields: Vec<MaskPath>,

    #[arg(long, value_parser = parse_method)]
    pub method: Option<MaskMethod>,

    #[arg(long, value_parser = parse_name)]
    pub except_users: Vec<String>,

    #[arg(long, value_parser = parse_name)]
    pub except_roles: Vec<String>,
}

/// One word of `allow`: an action, or all of them.
#[derive(Clone, Debug)]
pub struct Actions(Vec<Action>);

impl RuleKeys {
    pub fn rule(&self) -> Rule {
        let mut allow: Vec<Action> = self.allow.iter().flat_map(|actions| actions.0.iter().copied()).collect();
        allow.sort_unstable();
        allow.dedup();
        Rule {
            who: Who { users: self.users.clone(), roles: self.roles.clone() },
            clusters: self.clusters.clone(),
            topics: self.topics.clone(),
            groups: self.groups.clone(),
            subjects: self.subjects.clone(),
            allow,
            metrics: self.metrics,
        }
    }
}

impl MaskKeys {
    pub fn mask(&self) -> Mask {
        Mask {
            clusters: self.clusters.clone(),
            topics: self.topics.clone(),
            fields: self.fields.clone(),
            method: self.method.unwrap_or(MaskMethod::Replace),
            except: Who { users: self.except_users.clone(), roles: self.except_roles.clone() },
        }
    }
}

impl<K> Table<K> {
    /// An error about the key, with its place.
    pub fn error(&self, key: &str, error: impl FnOnce(String) -> AccessError) -> (Spot, AccessError) {
        (self.spot(key), error(self.header.clone()))
    }

    /// An empty list must not mean everyone or everything by accident.
    fn check_not_empty(&self, key: &'static str, meaning: &'static str) -> Result<(), (Spot, AccessError)> {
        match self.options.get(key) {
            Some(value) if value.texts.is_empty() => {
                Err(self.error(key, |header| AccessError::Empty { header, key, meaning }))
            }
            _ => Ok(()),
        }
    }

    pub fn missing(&self, key: &'static str, example: &'static str) -> (Spot, AccessError) {
        self.error(key, |header| AccessError::Missing { header, key, example })
    }
}

impl Table<UserKeys> {
    pub(super) fn check_user(&self) -> Result<(), (Spot, AccessError)> {
        match &self.keys.token_file {
            Some(_) => Ok(()),
            None => Err(self.missing("token-file", "token-file = \"ann.token\"")),
        }
    }
}

impl Table<RuleKeys> {
    pub(super) fn check_rule(&self) -> Result<(), (Spot, AccessError)> {
        self.check_not_empty("users", "every user")?;
        self.check_not_empty("roles", "every user")?;
        self.check_not_empty("clusters", "every cluster")?;
        let RuleKeys { topics, groups, subjects, allow, metrics, .. } = &self.keys;
        let objects = [("topics", topics), ("groups", groups), ("subjects", subjects)];
        let object = objects.into_iter().find(|(_, patterns)| !patterns.is_empty()).map(|(key, _)| key);
        match (object, allow.is_empty()) {
            (Some(key), true) => Err(self.error(key, |header| AccessError::NoActions { header, key })),
            (None, false) => Err(self.error("allow", |header| AccessError::NoObjects { header })),
            (None, true) if !metrics => Err(self.error("allow", |header| AccessError::AllowsNothing { header })),
            _ => Ok(()),
        }
    }
}

impl Table<MaskKeys> {
    pub(super) fn check_mask(&self) -> Result<(), (Spot, AccessError)> {
        self.check_not_empty("clusters", "every cluster")?;
        if self.keys.topics.is_empty() {
            return Err(self.missing("topics", "topics = [\"orders-*\"]"));
        }
        if self.keys.fields.is_empty() {
            return Err(self.missing("fields", "fields = [\"value.email\"]"));
        }
        Ok(())
    }
}

pub fn check_user_name(name: &str) -> Result<(), AccessError> {
    const RESERVED: [(&str, &str); 2] = [
        (Principal::ACCESS_TOKEN, "clients with the token of --token or --token-file"),
        (Principal::ANYONE, "the clients of a bridge that admits everyone"),
    ];
    if let Some((name, meaning)) = RESERVED.into_iter().find(|(reserved, _)| *reserved == name) {
        return Err(AccessError::ReservedName { name, meaning });
    }
    // The same characters as in names of clusters, so that a name needs no escaping in logs, and never begins with "oidc:".
    ClusterName::parse(name).map(drop).map_err(|_| AccessError::UserName(name.to_owned()))
}

/// The name of a user or a role. Those of users who sign in come from the provider and may have any characters.
fn parse_name(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.trim() == text && text.chars().all(is_printable) {
        true => Ok(text.to_owned()),
        false => Err("a name is not empty, has only printable characters, and no spaces at its ends".to_owned()),
    }
}

fn parse_groups(text: &str) -> Result<NamePattern, String> {
    GroupId::parse(text)
        .map(|_| NamePattern(text.to_owned()))
        .map_err(|_| "no group has such a name: use printable characters, and * for any characters".to_owned())
}

fn parse_subjects(text: &str) -> Result<NamePattern, String> {
    match !text.is_empty() && text.len() <= limits::SUBJECT_BYTES && text.chars().all(is_printable) {
        true => Ok(NamePattern(text.to_owned())),
        false => Err("no subject has such a name: use printable characters, and * for any characters".to_owned()),
    }
}

fn parse_actions(text: &str) -> Result<Actions, String> {
    const ALL: &str = "all";
    if text == ALL {
        return Ok(Actions(Action::ALL.to_vec()));
    }
    let action = Action::ALL.into_iter().find(|action| action.name() == text);
    action.map(|action| Actions(vec![action])).ok_or_else(|| {
        let names = Action::ALL.map(Action::name);
        let nearest = nearest(text, names.into_iter().chain([ALL]));
        format!("allowed values: {}, or {ALL}{}", names.join(", "), suggestion(nearest))
    })
}

fn parse_method(text: &str) -> Result<MaskMethod, String> {
    match text {
        "replace" => Ok(MaskMethod::Replace),
        "hash" => Ok(MaskMethod::Hash),
        "remove" => Ok(MaskMethod::Remove),
        _ => Err("allowed values: replace, hash, remove".to_owned()),
    }
}
