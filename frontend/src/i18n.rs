//! All texts of the page, in every language. `build.rs` generates [`Words`] from the files `i18n/<language>/<feature>.toml`.
//! Kafka's terms are not translated. A further language is a further folder.

use std::cell::RefCell;

include!(concat!(env!("OUT_DIR"), "/words.rs"));

/// The forms of a text by plural category (those of Unicode, which browsers implement). A form that the language does not
/// have is `None`.
#[derive(Clone, Copy)]
pub struct Plural<T: 'static> {
    /// The code of the language.
    code: &'static str,
    zero: Option<T>,
    one: Option<T>,
    two: Option<T>,
    few: Option<T>,
    many: Option<T>,
    other: T,
}

impl<T: Copy> Plural<T> {
    /// The form for this number.
    pub fn of(self, n: u64) -> T {
        let form = match category(self.code, n).as_str() {
            "zero" => self.zero,
            "one" => self.one,
            "two" => self.two,
            "few" => self.few,
            "many" => self.many,
            _ => None,
        };
        form.unwrap_or(self.other)
    }
}

impl Plural<WithN> {
    /// The text with the number: `1 record`, `2 records`. `shown`: the formatted number.
    pub fn count(self, n: u64, shown: &str) -> String {
        self.of(n).with_n(shown)
    }
}

/// A language is represented by its texts.
pub type Language = &'static Words;

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

/// What is known about a language before its texts are loaded.
pub struct LanguageName {
    pub code: &'static str,
    pub short_name: &'static str,
    pub switch_to_this: &'static str,
}

thread_local! {
    /// The languages besides the reference whose texts were loaded.
    static LOADED: RefCell<Vec<Language>> = const { RefCell::new(Vec::new()) };
}

/// The texts of a language if they are here already.
pub fn of(code: &str) -> Option<Language> {
    let is_asked = |words: &&Language| words.code == code;
    [REFERENCE]
        .iter()
        .find(is_asked)
        .copied()
        .or_else(|| LOADED.with_borrow(|loaded| loaded.iter().find(is_asked).copied()))
}

/// The texts of a language, loaded if necessary; `None` if that fails.
pub async fn load(code: &str) -> Option<Language> {
    if let Some(words) = of(code) {
        return Some(words);
    }
    let words = texts_of(code).await?;
    LOADED.with_borrow_mut(|loaded| {
        // Another call may have loaded them meanwhile.
        if !loaded.contains(&words) {
            loaded.push(words);
        }
    });
    Some(words)
}

/// The plural category of a number, by the browser's rules.
#[cfg(target_arch = "wasm32")]
fn category(code: &'static str, n: u64) -> String {
    use js_sys::Intl::PluralRules;
    thread_local! {
        /// Cached, since creating a `PluralRules` takes longer than using it.
        static RULES: RefCell<Vec<(&'static str, PluralRules)>> = const { RefCell::new(Vec::new()) };
    }
    RULES.with_borrow_mut(|rules| {
        let at = rules.iter().position(|(known, _)| *known == code).unwrap_or_else(|| {
            let new = PluralRules::new(&js_sys::Array::of1(&code.into()), &js_sys::Object::new());
            rules.push((code, new));
            rules.len() - 1
        });
        rules[at].1.select(n as f64).into()
    })
}

/// The rule of English and Italian, for native tests, which have no browser.
#[cfg(not(target_arch = "wasm32"))]
fn category(_: &'static str, n: u64) -> String {
    if n == 1 { "one".to_owned() } else { "other".to_owned() }
}

/// Replaces placeholders by their values.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let placeholder =
            values.iter().find_map(|(name, value)| Some((value, after.strip_prefix(name)?.strip_prefix('}')?)));
        match placeholder {
            Some((value, after_placeholder)) => {
                text.push_str(value);
                rest = after_placeholder;
            }
            // A brace that does not begin a placeholder, as in `{"id": 0}`.
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_replace_their_placeholders() {
        assert_eq!(fill("{n} of {total}!", &[("total", "10"), ("n", "{total}")]), "{total} of 10!");
        assert_eq!(fill("no placeholder", &[("n", "1")]), "no placeholder");
        assert_eq!(fill(r#"{"id": {n}} {off"#, &[("n", "1")]), r#"{"id": 1} {off"#);
    }

    #[test]
    fn number_selects_the_plural_form() {
        let words = REFERENCE;
        assert_eq!(words.topics_count.count(1, "1"), "1 topic");
        assert_eq!(words.topics_count.count(1000, "1,000"), "1,000 topics");
    }

    #[test]
    fn every_language_can_be_loaded_and_no_other() {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut load = |code: &str| match std::pin::pin!(load(code)).poll(&mut context) {
            std::task::Poll::Ready(words) => words.map(|words| words.code),
            std::task::Poll::Pending => panic!("without a browser the texts are there"),
        };
        for language in &LANGUAGES {
            assert_eq!(load(language.code), Some(language.code));
            assert!(of(language.code).is_some_and(|words| words.short_name == language.short_name));
        }
        assert_eq!(load("xx"), None);
    }
}
