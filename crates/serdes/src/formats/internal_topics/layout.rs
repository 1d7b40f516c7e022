//! Describes messages of Kafka's protocol: names, types and versions of their fields.

/// A message: two bytes for its version, and then its fields.
pub(super) struct Message {
    pub(super) name: &'static str,
    /// The versions that are known.
    pub(super) versions: (i16, i16),
    /// The first version with compact lengths and tagged fields; [`NEVER`] if none has them.
    pub(super) flexible_since: i16,
    pub(super) fields: &'static [Field],
}

pub(super) const NEVER: i16 = i16::MAX;

#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The first and the last version that has the field.
    pub(super) versions: (i16, i16),
    pub(super) is_nullable: bool,
    /// The number of a tagged field, which a message has only if its value is not the default.
    pub(super) tag: Option<u32>,
}

/// The type of a field.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Int8,
    Int16,
    Int32,
    Int64,
    Uint16,
    Text,
    Bytes,
    Uuid,
    /// Milliseconds since 1970; negative if it is missing.
    Time,
    /// A number that stands for a name.
    Name(&'static [(i8, &'static str)]),
    Struct(&'static [Field]),
    Array(&'static Kind),
    /// Bytes with a message of the consumer protocol, if the group has this protocol. Its own version is at its start.
    ConsumerProtocol(&'static Message),
}

pub(super) const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, versions: (0, i16::MAX), is_nullable: false, tag: None }
}

impl Field {
    pub(super) const fn since(self, version: i16) -> Self {
        Self { versions: (version, self.versions.1), ..self }
    }

    pub(super) const fn only_in(self, version: i16) -> Self {
        Self { versions: (version, version), ..self }
    }

    pub(super) const fn nullable(self) -> Self {
        Self { is_nullable: true, ..self }
    }

    pub(super) const fn tagged(self, tag: u32) -> Self {
        Self { tag: Some(tag), ..self }
    }

    pub(super) fn is_in(&self, version: i16) -> bool {
        (self.versions.0..=self.versions.1).contains(&version)
    }
}
