//! Asking for a name once more before something is destroyed.

use std::io::{BufRead, IsTerminal, Write};

use crate::config::{ConfigError, ConfirmationArgs};

/// Returns once the user typed the name, or said `--yes`.
pub fn confirm(what: &str, name: &str, args: ConfirmationArgs) -> anyhow::Result<()> {
    if args.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(ConfigError::NotConfirmed(what.to_owned()).into());
    }
    eprint!("This will {what}. Type {name} to go on: ");
    std::io::stderr().flush()?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed)?;
    anyhow::ensure!(typed.trim() == name, "that was not its name; nothing was changed");
    Ok(())
}
