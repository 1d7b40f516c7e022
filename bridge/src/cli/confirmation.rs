//! Asks the user to type a name before a destructive action.

use std::io::{BufRead, IsTerminal, Write};

use crate::config::{ConfigError, ConfirmationArgs};

/// Returns if the user typed the name or passed `--yes`.
pub fn confirm(action: &str, name: &str, args: ConfirmationArgs) -> anyhow::Result<()> {
    if args.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(ConfigError::NotConfirmed(action.to_owned()).into());
    }
    let mut question = std::io::stderr().lock();
    write!(question, "This will {action}. Type {name} to confirm: ")?;
    question.flush()?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed)?;
    anyhow::ensure!(typed.trim() == name, "the name does not match; nothing was changed");
    Ok(())
}
