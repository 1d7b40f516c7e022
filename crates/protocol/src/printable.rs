//! Which characters names may contain: those that are visible in a log, a terminal and a page.

use std::borrow::Cow;

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

/// A name as it is shown in the page and in the terminal: unchanged, or in quotes and with escapes if it is empty, begins
/// with a quote, begins or ends with white space, or has characters that are not visible.
pub fn shown_name(name: &str) -> Cow<'_, str> {
    let is_clear = !name.is_empty() && !name.starts_with('"') && name.trim() == name && name.chars().all(is_printable);
    if is_clear {
        return Cow::Borrowed(name);
    }
    let mut shown = String::with_capacity(name.len() + 8);
    shown.push('"');
    for character in name.chars() {
        match character {
            '"' | '\\' => shown.extend(['\\', character]),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            character if is_printable(character) => shown.push(character),
            character => shown.extend(character.escape_unicode()),
        }
    }
    shown.push('"');
    Cow::Owned(shown)
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
    fn only_names_that_could_be_misread_are_quoted() {
        for clear in ["my-group", "a b", "città", "say \"hi\"", "C:\\dir"] {
            assert_eq!(shown_name(clear), clear);
        }
        for (name, shown) in [
            ("", r#""""#),
            (" ", r#"" ""#),
            ("a\nb", r#""a\nb""#),
            ("\"\"", r#""\"\"""#),
            ("a\\\t", r#""a\\\t""#),
            ("\u{202e}x", r#""\u{202e}x""#),
        ] {
            assert_eq!(shown_name(name), shown, "{name:?}");
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shorten("città", 5), "città");
        assert_eq!(shorten("città", 4), "citt…");
        assert_eq!(shorten("", 4), "");
    }
}
