//! Runs the bridge on a system that trusts other certificates: the system's bundle is replaced in the process's own mount
//! namespace, as in a container whose image has a company's certificate authority.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::PoisonError;

use crate::program::{PROCESS_STARTS, bridge_binary};
use crate::skip::{need_program, skip};

/// The paths of certificate bundles. librdkafka uses the first that exists, and the HTTP client of the token endpoint has another
/// order, so all that exist are replaced.
const BUNDLES: [&str; 4] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/certs/ca-certificates.crt",
];

/// Bind-mounts the first argument over each of the others up to `--`, and executes the program after it.
const REPLACE: &str = "\
bundle=$1
shift
while [ \"$1\" != -- ]; do
    mount --bind \"$bundle\" \"$1\" || exit 1
    shift
done
shift
exec \"$@\"";

/// The command of the bridge with this file as the system's certificate bundle and without OpenSSL's variables, for
/// [`Program::run`]. `None` after a skip.
///
/// [`Program::run`]: crate::Program::run
pub fn bridge_with_system_bundle(bundle: &Path) -> Option<Command> {
    let unshare = need_program("unshare")?;
    let places: Vec<&str> = BUNDLES.into_iter().filter(|place| Path::new(place).is_file()).collect();
    if places.is_empty() {
        skip("this system has no bundle of trusted certificates (apt-get install ca-certificates)");
        return None;
    }
    let mut command = Command::new(unshare);
    command.args(["--mount", "--map-root-user", "sh", "-c", REPLACE, "sh"]);
    command.arg(bundle).args(places).arg("--");
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    let mut probe = Command::new(command.get_program());
    probe.args(command.get_args()).arg("true").stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = {
        let _starting = PROCESS_STARTS.read().unwrap_or_else(PoisonError::into_inner);
        probe.spawn()
    };
    match started.and_then(|probe| probe.wait_with_output()) {
        Ok(output) if output.status.success() => {
            command.arg(bridge_binary());
            Some(command)
        }
        Ok(output) => {
            skip(&format!("no mount namespace can be had: {}", String::from_utf8_lossy(&output.stderr).trim()));
            None
        }
        Err(error) => {
            skip(&format!("unshare does not run: {error}"));
            None
        }
    }
}
