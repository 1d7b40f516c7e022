//! Decodes base64 that users paste.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::spot::Spot;

/// Pasted text may lack its padding.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBase64 {
    /// An invalid character at this position.
    At(Spot),
    /// The text ends within a byte.
    Ends,
}

/// Decodes the standard alphabet, with or without padding. White space is skipped.
///
/// # Errors
/// The position of the first invalid character in `text`, or that the text ends within a byte.
pub fn decode_base64(text: &str) -> Result<Vec<u8>, BadBase64> {
    let (positions, digits): (Vec<usize>, Vec<u8>) =
        text.bytes().enumerate().filter(|(_, c)| !c.is_ascii_whitespace()).unzip();
    FORGIVING.decode(digits).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => {
            BadBase64::At(Spot::of(text, positions.get(at).copied().unwrap_or(text.len())))
        }
        _ => BadBase64::Ends,
    })
}
