//! Which characters names may contain: those that are visible in a log, a terminal and a page.

/// Whether the character is neither a control character (Unicode category Cc), nor a format character (Cf: direction
/// overrides, zero-width characters, tags), nor a line or paragraph separator.
///
/// Those characters can make a name look like another one, reorder the text around it, or start a new line.
pub fn is_printable(character: char) -> bool {
    !character.is_control() && !is_format(character)
}

/// The categories Cf, Zl and Zp of Unicode 17.
fn is_format(character: char) -> bool {
    matches!(character,
        '\u{ad}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}')
}

/// The first characters of a client's text, for an error or a log line.
pub(crate) fn shorten(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_symbols_and_emoji_are_printable() {
        for character in "aZ0 città żółw 東京 עברית हिन्दी € → 🦀".chars() {
            assert!(is_printable(character), "{character:?}");
        }
    }

    #[test]
    fn control_and_format_characters_are_not_printable() {
        for character in [
            '\0',
            '\n',
            '\r',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{ad}',
            '\u{200b}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert!(!is_printable(character), "{character:?}");
        }
    }

    #[test]
    fn debug_escapes_every_unprintable_character() {
        for character in ('\0'..=char::MAX).filter(|&character| !is_printable(character)) {
            assert!(character.escape_debug().count() > 1, "{character:?} would reach a log line unescaped");
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shorten("città", 5), "città");
        assert_eq!(shorten("città", 4), "citt…");
        assert_eq!(shorten("", 4), "");
    }
}
