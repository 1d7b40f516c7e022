//! Encodes the defaults of a schema once, when it is compiled.

use super::compile::Default;
use super::encode::encode_default;
use super::types::{Type, Types};

/// The longest default, and the sum of all defaults, in bytes. A default `{}` of a record contains the defaults of its
/// fields, so that a short schema could have huge ones.
const MAX_DEFAULT_BYTES: usize = 64 * 1024;
const MAX_ALL_DEFAULT_BYTES: usize = 1024 * 1024;

/// Sets the default of each field. Defaults that are no value of their type are left out: they do not hinder decoding.
pub(super) fn encode_defaults(types: &mut Types, mut defaults: Vec<Default<'_, '_>>) {
    let mut bytes_left = MAX_ALL_DEFAULT_BYTES;
    // The default of a record may need those of its fields, which may come later.
    for _ in 0..protocol::MAX_JSON_DEPTH {
        let mut is_changed = false;
        defaults.retain(|(record_id, field, json)| {
            let Type::Record(record) = types.get(*record_id) else { return false };
            let type_id = record.fields[*field].type_id;
            let Some(encoded) = encode_default(types, type_id, json, bytes_left.min(MAX_DEFAULT_BYTES)) else {
                return true;
            };
            if encoded.len() <= bytes_left
                && let Type::Record(record) = &mut types.types[record_id.0 as usize]
            {
                bytes_left -= encoded.len();
                record.fields[*field].default = Some(encoded.into());
                is_changed = true;
            }
            false
        });
        if !is_changed {
            break;
        }
    }
}
