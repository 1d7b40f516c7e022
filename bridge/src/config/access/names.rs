//! The users, roles and clusters that rules and masks may name. A mistyped name would silently allow or mask nothing.

use std::collections::BTreeSet;

use access::Principal;
use formats::Spot;
use protocol::ClusterName;

use super::super::value::{nearest, suggestion};
use super::{AccessError, AccessTables, Table};

pub struct Names<'t> {
    users: Vec<&'t str>,
    /// The roles of configured users.
    roles: BTreeSet<&'t str>,
    clusters: &'t [ClusterName],
    has_sign_in: bool,
    /// The provider gives roles, which can have any name.
    has_provider_roles: bool,
}

impl<'t> Names<'t> {
    pub fn new(tables: &'t AccessTables, clusters: &'t [ClusterName]) -> Self {
        let configured = tables.users.iter().map(|user| user.keys.name.as_str());
        Self {
            users: configured.chain([Principal::ACCESS_TOKEN, Principal::ANYONE]).collect(),
            roles: tables.users.iter().flat_map(|user| &user.keys.roles).map(String::as_str).collect(),
            clusters,
            has_sign_in: tables.sign_in.is_some(),
            has_provider_roles: tables.sign_in.as_ref().is_some_and(|table| table.keys.roles_claim.is_some()),
        }
    }

    /// Checks the names in a table. `users_key` and `roles_key`: the keys that have users and roles.
    pub fn check<K>(
        &self,
        table: &Table<K>,
        users: &[String],
        users_key: &'static str,
        roles: &[String],
        roles_key: &'static str,
        clusters: &[ClusterName],
    ) -> Result<(), (Spot, AccessError)> {
        for name in users {
            self.check_user(table, users_key, name)?;
        }
        for role in roles {
            self.check_role(table, roles_key, role)?;
        }
        clusters.iter().try_for_each(|name| self.check_cluster(table, name))
    }

    fn check_user<K>(&self, table: &Table<K>, key: &'static str, name: &str) -> Result<(), (Spot, AccessError)> {
        let of_provider = name.strip_prefix(Principal::SIGN_IN_PREFIX).filter(|rest| !rest.is_empty());
        if self.users.contains(&name) || (of_provider.is_some() && self.has_sign_in) {
            return Ok(());
        }
        Err(table.error(key, |header| match of_provider {
            Some(_) => AccessError::NoSignIn { header, key, name: name.to_owned() },
            None => AccessError::UnknownUser {
                header,
                key,
                name: name.to_owned(),
                hint: format!(
                    "{}; allowed: {}",
                    suggestion(nearest(name, self.users.iter().copied())),
                    self.users.join(", ")
                ),
            },
        }))
    }

    fn check_role<K>(&self, table: &Table<K>, key: &'static str, role: &str) -> Result<(), (Spot, AccessError)> {
        if self.has_provider_roles || self.roles.contains(role) {
            return Ok(());
        }
        let nearest = nearest(role, self.roles.iter().copied()).map(str::to_owned);
        Err(table.error(key, |header| AccessError::UnknownRole { header, key, role: role.to_owned(), nearest }))
    }

    fn check_cluster<K>(&self, table: &Table<K>, name: &ClusterName) -> Result<(), (Spot, AccessError)> {
        if self.clusters.contains(name) {
            return Ok(());
        }
        let existing: Vec<&str> = self.clusters.iter().map(ClusterName::as_str).collect();
        Err(table.error("clusters", |header| AccessError::UnknownCluster {
            header,
            name: name.to_string(),
            nearest: nearest(name.as_str(), existing.iter().copied()).map(str::to_owned),
            existing: existing.join(", "),
        }))
    }
}
