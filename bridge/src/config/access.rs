//! `[users.NAME]`, `[[rules]]`, `[[masks]]` and `[sign-in]` in the file of `--config`: who is admitted and who may do what.
//! This module reads the tables and checks that they fit together; `load` also reads the files that they name.

mod error;
mod keys;
mod load;
mod names;

use access::MaskProfile;
use formats::Spot;
use protocol::ClusterName;
use toml::de::{DeTable, DeValue};

use super::file::Reader;
use super::sign_in::SignInKeys;
use super::table::Table;
use super::value::quoted_key;

pub use self::error::AccessError;
pub use self::keys::{MaskKeys, RuleKeys, UserKeys};
pub use self::load::Access;
use self::names::Names;

/// The names of the tables in the file.
pub const TABLES: [&str; 4] = ["users", "rules", "masks", "sign-in"];

/// The tables, in their order in the file.
#[derive(Clone, Debug, Default)]
pub struct AccessTables {
    pub users: Vec<Table<UserKeys>>,
    pub rules: Vec<Table<RuleKeys>>,
    pub masks: Vec<Table<MaskKeys>>,
    pub sign_in: Option<Table<SignInKeys>>,
}

impl AccessTables {
    /// Takes the tables out of the file's content. `clusters`: the clusters that the bridge serves with this file.
    pub fn take(
        reader: &Reader<'_>,
        file: &mut DeTable<'_>,
        clusters: &[ClusterName],
    ) -> Result<Self, (Spot, AccessError)> {
        let mut tables = Self {
            users: read_users(reader, file)?,
            rules: Table::take_list(reader, file, "rules")?,
            masks: Table::take_list(reader, file, "masks")?,
            sign_in: None,
        };
        if let Some(value) = file.remove("sign-in") {
            let at = reader.spot(value.span().start);
            let DeValue::Table(table) = value.into_inner() else { return Err((at, AccessError::NotTable)) };
            tables.sign_in = Some(Table::parse(reader, "[sign-in]".to_owned(), at, &table)?);
        }
        tables.check(clusters)?;
        Ok(tables)
    }

    /// Checks that each table is complete and names only what exists.
    fn check(&self, clusters: &[ClusterName]) -> Result<(), (Spot, AccessError)> {
        let names = Names::new(self, clusters);
        for user in &self.users {
            user.check_user()?;
        }
        for rule in &self.rules {
            rule.check_rule()?;
            names.check(rule, &rule.keys.users, "users", &rule.keys.roles, "roles", &rule.keys.clusters)?;
        }
        for mask in &self.masks {
            mask.check_mask()?;
            let (users, roles) = (&mask.keys.except_users, &mask.keys.except_roles);
            names.check(mask, users, "except-users", roles, "except-roles", &mask.keys.clusters)?;
        }
        if let Some(mask) = self.masks.get(MaskProfile::MAX_MASKS) {
            return Err((mask.at, AccessError::TooManyMasks));
        }
        match &self.sign_in {
            Some(sign_in) => sign_in.check_sign_in(),
            None => Ok(()),
        }
    }

    /// Whether rules and masks are the same ones in the same order.
    fn has_same_policy(&self, other: &Self) -> bool {
        fn are_same<K>(mine: &[Table<K>], theirs: &[Table<K>]) -> bool {
            mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(one, other)| one.has_same_keys(other))
        }
        are_same(&self.rules, &other.rules) && are_same(&self.masks, &other.masks)
    }
}

fn read_users(reader: &Reader<'_>, file: &mut DeTable<'_>) -> Result<Vec<Table<UserKeys>>, (Spot, AccessError)> {
    let Some(value) = file.remove("users") else { return Ok(Vec::new()) };
    let at = reader.spot(value.span().start);
    let DeValue::Table(tables) = value.into_inner() else { return Err((at, AccessError::NotUsers)) };
    let mut tables: Vec<_> = tables.into_iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    if tables.is_empty() {
        return Err((at, AccessError::NoUsers));
    }
    let read = tables.into_iter().map(|(name, table)| {
        let at = reader.spot(name.span().start);
        let name = name.into_inner().into_owned();
        keys::check_user_name(&name).map_err(|error| (at, error))?;
        let DeValue::Table(table) = table.into_inner() else { return Err((at, AccessError::NotUsers)) };
        let header = format!("[users.{}]", quoted_key(&name));
        let mut table: Table<UserKeys> = Table::parse(reader, header, at, &table)?;
        table.keys.name = name;
        Ok(table)
    });
    read.collect()
}

#[cfg(test)]
mod tests;
