//! Several topics in one text, such as `orders, payments`. The field shows complete names as chips, and the name that is
//! being typed as text.

/// A separator completes the name before it.
const SEPARATORS: [char; 4] = [',', ' ', '\n', '\t'];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicsText<'t>(&'t str);

impl<'t> TopicsText<'t> {
    pub fn new(text: &'t str) -> Self {
        Self(text)
    }

    /// Each name once, in the order written.
    pub fn names(self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.0.split(SEPARATORS).filter(|name| !name.is_empty()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// The complete names, and the rest as text. Without the focus (`has_focus`) all names are complete; a single name is
    /// plain text.
    pub fn parts(self, has_focus: bool) -> (Vec<String>, String) {
        let mut names = self.names();
        if has_focus {
            let rest = self.0.rsplit(SEPARATORS).next().unwrap_or_default();
            let complete = Self(&self.0[..self.0.len() - rest.len()]).names();
            (complete, rest.to_owned())
        } else if names.len() > 1 {
            (names, String::new())
        } else {
            (Vec::new(), names.pop().unwrap_or_default())
        }
    }

    /// The text with these names, followed by the name that is being typed.
    pub fn join(names: &[String], rest: &str) -> String {
        names.iter().map(|name| format!("{name}, ")).collect::<String>() + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `[complete] rest`.
    fn parts(text: &str, has_focus: bool) -> String {
        let (names, rest) = TopicsText::new(text).parts(has_focus);
        format!("{names:?} {rest}")
    }

    #[test]
    fn names_are_separated_by_commas_or_spaces_and_count_once() {
        assert_eq!(TopicsText::new(" orders,payments, orders  x").names(), ["orders", "payments", "x"]);
        assert_eq!(TopicsText::new(" , ").names(), [""; 0]);
    }

    #[test]
    fn single_name_is_text() {
        assert_eq!(parts("orders", true), "[] orders");
        assert_eq!(parts("orders, ", false), "[] orders");
        assert_eq!(parts("", true), "[] ");
    }

    #[test]
    fn name_that_is_typed_is_text_until_a_separator() {
        assert_eq!(parts("orders, pay", true), r#"["orders"] pay"#);
        assert_eq!(parts("orders, ", true), r#"["orders"] "#);
        assert_eq!(parts("orders, pay,", true), r#"["orders", "pay"] "#);
        assert_eq!(parts("orders, pay", false), r#"["orders", "pay"] "#);
        assert_eq!(TopicsText::join(&["orders".to_owned()], "x"), "orders, x");
    }
}
