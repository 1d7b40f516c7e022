//! nginx in front of a bridge, with the configuration of `docs/proxies.md` or one of the test's own.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::certificates::{CertificateFiles, Identity, VALID};
use crate::program::Program;
use crate::skip::need_program;
use crate::wait::eventually;

/// The documentation with the configuration that users copy.
const DOCUMENTATION: &str = include_str!("../../docs/proxies.md");

/// It ends when it is dropped.
pub struct Nginx {
    program: Program,
    _folder: TempDir,
    _certificate: CertificateFiles,
    /// `localhost:40123`
    pub address: String,
}

impl Nginx {
    /// The documented configuration with other addresses, after `change`. `None` after a skip.
    pub async fn documented(bridge: &str, change: impl FnOnce(String) -> String) -> Option<Self> {
        let (_, rest) = DOCUMENTATION.split_once("```nginx\n").expect("a configuration of nginx");
        let (configuration, _) = rest.split_once("```").expect("the configuration ends");
        Self::start(&change(configuration.replace("127.0.0.1:3030", bridge))).await
    }

    /// `http` is the content of nginx's `http` block. Its listener is `listen 443 …`, and its files are those of the documentation.
    async fn start(http: &str) -> Option<Self> {
        let nginx = need_program("nginx")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificate = CertificateFiles::of(&Identity::self_signed("localhost", VALID));
        let port = local_kafka::free_ports(1).expect("a free port")[0];
        let http = http
            .replace("listen 443", &format!("listen 127.0.0.1:{port}"))
            .replace("ponte.example;", "localhost;")
            .replace("/etc/ssl/ponte.example.pem", &shown(&certificate.certificate()))
            .replace("/etc/ssl/private/ponte.example.key", &shown(&certificate.key()));
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", shown(&folder.path().join(name))))
            .concat();
        let configuration = format!(
            "daemon off; master_process off; pid {};\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{http}\n}}\n",
            shown(&folder.path().join("nginx.pid")),
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).expect("a temporary folder takes files");
        let mut command = Command::new(nginx);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file).args(["-e", "stderr"]);
        let program = Program::run(command, &[], &[]);
        let address = format!("localhost:{port}");
        let (program, listens) = (program, address.clone());
        let is_up = || async { tokio::net::TcpStream::connect(&listens).await.is_ok().then_some(()) };
        eventually("nginx to listen", is_up).await;
        Some(Self { program, _folder: folder, _certificate: certificate, address })
    }

    pub fn log(&self) -> String {
        self.program.stderr.text()
    }
}

fn shown(path: &Path) -> String {
    path.to_str().expect("a temporary path is text").to_owned()
}
