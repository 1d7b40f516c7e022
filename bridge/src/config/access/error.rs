//! What is wrong with the tables of users, rules, masks and sign-in.

use std::path::PathBuf;

use access::MaskProfile;

use super::super::table::TableError;
use super::super::value::suggestion;

/// `header`: the table, such as `[users.ann]`.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("users must have a table for each user, such as [users.ann]")]
    NotUsers,
    #[error("users has no table; add one, such as [users.ann], or remove it")]
    NoUsers,
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("sign-in must be a table: [sign-in]")]
    NotTable,
    #[error("invalid user name {0:?}: use 1 to 64 letters, digits, dots, underscores and hyphens")]
    UserName(String),
    #[error("the user name {name:?} is reserved for {meaning}; choose another one")]
    ReservedName { name: &'static str, meaning: &'static str },
    #[error("{header} has no {key}; add for example {example}")]
    Missing { header: String, key: &'static str, example: &'static str },
    #[error("{header}: {key} is an empty list; name at least one, or leave {key} out, which means {meaning}")]
    Empty { header: String, key: &'static str, meaning: &'static str },
    #[error(
        "{header} allows nothing: add allow with at least one of describe, read, write, create, alter, delete, or metrics = true"
    )]
    AllowsNothing { header: String },
    #[error(
        "{header} has {key}, but no allow: add allow with at least one of describe, read, write, create, alter, delete"
    )]
    NoActions { header: String, key: &'static str },
    #[error("{header} has allow, but neither topics nor groups nor subjects; topics = [\"*\"] means every topic")]
    NoObjects { header: String },
    #[error("{header}: no user {name:?} in {key}{hint}, or oidc:NAME for a user who signs in")]
    UnknownUser { header: String, key: &'static str, name: String, hint: String },
    #[error("{header}: {name:?} in {key} needs the table [sign-in], because users with oidc: are those who sign in")]
    NoSignIn { header: String, key: &'static str, name: String },
    #[error("{header}: no user has the role {role:?} in {key}{}; give it to a user in [users], or set roles-claim in [sign-in]", suggestion(nearest.as_deref()))]
    UnknownRole { header: String, key: &'static str, role: String, nearest: Option<String> },
    #[error("{header}: no cluster {name:?}{}; the configuration has: {existing}", suggestion(nearest.as_deref()))]
    UnknownCluster { header: String, name: String, nearest: Option<String>, existing: String },
    #[error(
        "there are too many masks; at most {} are possible: list several fields and topics in one table",
        MaskProfile::MAX_MASKS
    )]
    TooManyMasks,
    #[error("{header}: cannot use {key} {}: {reason}", file.display())]
    File { header: String, key: &'static str, file: PathBuf, reason: String },
    #[error("{header} has the same token as {other}; each user needs its own: openssl rand -hex 16 generates one")]
    SameToken { header: String, other: String },
    #[error("{header}: scopes must contain openid")]
    NoOpenId { header: String },
}
