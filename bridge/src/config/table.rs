//! Tables of the file of `--config` whose keys are defined as options.

use std::collections::BTreeMap;

use clap::Args;
use formats::Spot;
use toml::de::{DeArray, DeTable, DeValue};

use super::file::{FileValue, KeyError, Reader};

/// A table with its checked keys.
#[derive(Clone, Debug)]
pub struct Table<K> {
    /// As it is written: `[users.ann]`, `[[rules]]`.
    pub header: String,
    pub at: Spot,
    pub keys: K,
    /// The keys, as they would be typed.
    pub options: BTreeMap<String, FileValue>,
}

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{0} must be a list of tables: begin each with the line [[{0}]]")]
    NotList(&'static str),
    #[error("{header}: {reason}")]
    Key { header: String, reason: KeyError },
}

impl<K: Args> Table<K> {
    /// The tables of `[[name]]`.
    pub fn take_list<E: From<TableError>>(
        reader: &Reader<'_>,
        file: &mut DeTable<'_>,
        name: &'static str,
    ) -> Result<Vec<Self>, (Spot, E)> {
        let Some(value) = file.remove(name) else { return Ok(Vec::new()) };
        let at = reader.spot(value.span().start);
        let DeValue::Array(tables) = value.into_inner() else { return Err((at, TableError::NotList(name).into())) };
        let tables: DeArray<'_> = tables;
        let read = tables.into_iter().map(|table| {
            let at = reader.spot(table.span().start);
            let DeValue::Table(table) = table.into_inner() else { return Err((at, TableError::NotList(name).into())) };
            Self::parse(reader, format!("[[{name}]]"), at, &table)
        });
        read.collect()
    }

    pub fn parse<E: From<TableError>>(
        reader: &Reader<'_>,
        header: String,
        at: Spot,
        table: &DeTable<'_>,
    ) -> Result<Self, (Spot, E)> {
        match reader.keys(at, table) {
            Ok((keys, options)) => Ok(Self { header, at, keys, options }),
            Err((at, reason)) => Err((at, TableError::Key { header, reason }.into())),
        }
    }
}

impl<K> Table<K> {
    /// Where the key is, or the table.
    pub fn spot(&self, key: &str) -> Spot {
        self.options.get(key).map_or(self.at, |value| value.at)
    }

    pub fn has_same_keys(&self, other: &Self) -> bool {
        let texts = |table: &Self| -> Vec<_> {
            table.options.iter().map(|(key, value)| (key.clone(), value.texts.clone())).collect()
        };
        self.header == other.header && texts(self) == texts(other)
    }
}
