//! Reads the files of users' tokens, and compares what was loaded with what is loaded later.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use access::{Mask, Policy, Principal, Rule};
use formats::Spot;
use server::access_token::AccessToken;
use server::admission::TokenUser;

use super::{AccessError, AccessTables, Table, UserKeys};

/// Users with their tokens, rules and masks.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub users: Vec<TokenUser>,
    pub rules: Vec<Rule>,
    pub masks: Vec<Mask>,
    tables: AccessTables,
}

/// What differs between two states of the tables and their tokens.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AccessChanges {
    added: Vec<String>,
    removed: Vec<String>,
    /// Users with another token or other roles.
    changed: Vec<String>,
    has_new_policy: bool,
}

impl AccessTables {
    /// Reads the users' tokens. `access_token`: that of `--token`, which must differ from theirs.
    pub fn load(&self, access_token: Option<&AccessToken>) -> Result<Access, (Spot, AccessError)> {
        let mut users: Vec<TokenUser> = Vec::new();
        for table in &self.users {
            let token = table.token()?;
            let same = users.iter().find(|user| user.token.is_same(&token));
            let other = match same {
                Some(user) => Some(format!("the user {}", user.principal)),
                None => {
                    access_token.filter(|other| other.is_same(&token)).map(|_| "--token or --token-file".to_owned())
                }
            };
            if let Some(other) = other {
                return Err(table.error("token-file", |header| AccessError::SameToken { header, other }));
            }
            let principal = Principal::with_token(&table.keys.name, table.keys.roles.iter().cloned());
            users.push(TokenUser { principal: Arc::new(principal), token });
        }
        Ok(Access {
            users,
            rules: self.rules.iter().map(|table| table.keys.rule()).collect(),
            masks: self.masks.iter().map(|table| table.keys.mask()).collect(),
            tables: self.clone(),
        })
    }

    /// The files of the users' tokens.
    pub fn token_files(&self) -> impl Iterator<Item = &Path> {
        self.users.iter().filter_map(|user| user.keys.token_file.as_deref())
    }

    /// Says what is valid and yet suspicious.
    pub fn warn(&self) {
        for file in self.token_files().filter(|file| is_readable_by_others(file)) {
            tracing::warn!(
                "{}: every user of this machine can read the token; restrict its permissions: chmod o-rwx, or defaultMode: 0440 of \
                 a volume in Kubernetes",
                file.display()
            );
        }
        let names_anyone = self.rules.iter().any(|rule| rule.keys.users.iter().any(|user| user == Principal::ANYONE));
        if names_anyone && !(self.users.is_empty() && self.sign_in.is_none()) {
            tracing::warn!(
                "a rule names the user {}, which no client is while users have tokens or sign in; a rule without users and \
                 roles is for everyone",
                Principal::ANYONE
            );
        }
    }
}

impl Table<UserKeys> {
    fn token(&self) -> Result<AccessToken, (Spot, AccessError)> {
        let (key, example) = ("token-file", "token-file = \"ann.token\"");
        let Some(file) = &self.keys.token_file else { return Err(self.missing(key, example)) };
        AccessToken::read(file)
            .map_err(|reason| self.error(key, |header| AccessError::File { header, key, file: file.clone(), reason }))
    }
}

impl Access {
    pub fn policy(&self) -> Policy {
        // The configuration has been checked: it has few enough masks.
        Policy::new(self.rules.clone(), self.masks.clone()).expect("at most MaskProfile::MAX_MASKS masks")
    }

    /// What is different in the other one; `None` if nothing is.
    pub fn changes(&self, other: &Self) -> Option<AccessChanges> {
        let find = |access: &Self, name: &str| access.users.iter().find(|user| user.principal.name == name).cloned();
        let mut changes =
            AccessChanges { has_new_policy: !self.tables.has_same_policy(&other.tables), ..AccessChanges::default() };
        for user in &other.users {
            let name = user.principal.name.clone();
            match find(self, &name) {
                None => changes.added.push(name),
                Some(mine) if mine.principal != user.principal || !mine.token.is_same(&user.token) => {
                    changes.changed.push(name);
                }
                Some(_) => {}
            }
        }
        let names = self.users.iter().map(|user| &user.principal.name);
        changes.removed = names.filter(|name| find(other, name).is_none()).cloned().collect();
        (changes != AccessChanges::default()).then_some(changes)
    }
}

impl fmt::Display for AccessChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)];
        let users = users.into_iter().filter(|(_, names)| !names.is_empty());
        let mut parts: Vec<String> = users.map(|(what, names)| format!("users {what}: {}", names.join(", "))).collect();
        if self.has_new_policy {
            parts.push("rules or masks changed".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}

/// Not those of the file's group: in containers a secret often belongs to the group of the program.
#[cfg(unix)]
fn is_readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o007;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}
