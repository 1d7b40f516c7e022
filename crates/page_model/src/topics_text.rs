//! Several topics in one text, such as `orders, payments`, and how a field shows it: names that are complete as chips, the
//! one being written as text.

/// Between two names; what is typed there ends a name.
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

    /// The names that are complete, and the rest as text. Without the focus all names are complete; a single name is
    /// plain text.
    pub fn parts(self, is_written: bool) -> (Vec<String>, String) {
        let mut names = self.names();
        if is_written {
            let rest = self.0.rsplit(SEPARATORS).next().unwrap_or_default();
            let complete = Self(&self.0[..self.0.len() - rest.len()]).names();
            (complete, rest.to_owned())
        } else if names.len() > 1 {
            (names, String::new())
        } else {
            (Vec::new(), names.pop().unwrap_or_default())
        }
    }

    /// These names, and behind them what is being written.
    pub fn join(names: &[String], rest: &str) -> String {
        names.iter().map(|name| format!("{name}, ")).collect::<String>() + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `[complete] rest`.
    fn parts(text: &str, is_written: bool) -> String {
        let (names, rest) = TopicsText::new(text).parts(is_written);
        format!("{names:?} {rest}")
    }

    #[test]
    fn names_are_separated_by_commas_or_spaces_and_count_once() {
        assert_eq!(TopicsText::new(" orders,payments, orders  x").names(), ["orders", "payments", "x"]);
        assert_eq!(TopicsText::new(" , ").names(), [""; 0]);
    }

    #[test]
    fn a_name_alone_is_text() {
        assert_eq!(parts("orders", true), "[] orders");
        assert_eq!(parts("orders, ", false), "[] orders");
        assert_eq!(parts("", true), "[] ");
    }

    #[test]
    fn the_name_being_written_is_text_until_it_ends() {
        assert_eq!(parts("orders, pay", true), r#"["orders"] pay"#);
        assert_eq!(parts("orders, ", true), r#"["orders"] "#);
        assert_eq!(parts("orders, pay,", true), r#"["orders", "pay"] "#);
        assert_eq!(parts("orders, pay", false), r#"["orders", "pay"] "#);
        assert_eq!(TopicsText::join(&["orders".to_owned()], "x"), "orders, x");
    }
}
