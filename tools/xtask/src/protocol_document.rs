//! `cargo xtask protocol`: generates the published specification of the protocol.

use anyhow::Result;

use crate::programs::{cargo, run as run_command};

pub(crate) fn run() -> Result<()> {
    run_command(&mut cargo(&["run", "--quiet", "--package", "protocol_document"]))
}
