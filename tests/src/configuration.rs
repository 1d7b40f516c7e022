//! A `ponte.toml` in a temporary folder, with the files that it names, and a bridge with this configuration.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use protocol::{Hello, Secret};
use tempfile::TempDir;

use crate::bridge::{Bridge, Builder};
use crate::client::{self, Client};

/// The token of `--token`, whose user is `access-token`. What a bridge prints must not contain it, nor that of a user: tests search for
/// `canary`.
pub const OPERATOR: &str = "canary-token-of-the-operator";

/// Allows everything to the user of `--token`.
const OPERATOR_RULE: &str = r#"
[[rules]]
users = ["access-token"]
topics = ["*", "__*"]
groups = ["*"]
subjects = ["*"]
allow = ["all"]
metrics = true
"#;

/// The names of users and their roles.
pub type Users<'u> = &'u [(&'u str, &'u [&'u str])];

/// The folder with the files.
pub struct Configuration {
    folder: TempDir,
}

impl Configuration {
    /// Users with their tokens, the rule of the operator, and `rest`: further rules, masks and clusters.
    pub fn new(users: Users<'_>, rest: &str) -> Self {
        let configuration = Self::of_files(&[]);
        configuration.write(users, rest);
        configuration
    }

    /// Files by their names; one of them is `ponte.toml`.
    pub fn of_files(files: &[(&str, &str)]) -> Self {
        let configuration = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for (name, content) in files {
            configuration.write_file(name, content);
        }
        configuration
    }

    /// Replaces users, rules, masks and clusters.
    pub fn write(&self, users: Users<'_>, rest: &str) {
        let mut text = String::new();
        for (name, roles) in users {
            let token_file = format!("{name}.token");
            self.write_file(&token_file, &token_of(name));
            text += &format!("[users.{name}]\ntoken-file = {token_file:?}\nroles = {roles:?}\n");
        }
        self.write_file("ponte.toml", &(text + OPERATOR_RULE + rest));
    }

    /// Replaces a file at once, so that a bridge never reads a part of it. Only the file's owner can read it.
    pub fn write_file(&self, name: &str, content: &str) {
        let new = self.path("new");
        std::fs::write(&new, content).expect("a writable folder");
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).expect("the file has just been written");
        std::fs::rename(&new, self.path(name)).expect("both files are in the folder");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of `ponte.toml`, for `--config`.
    pub fn file(&self) -> String {
        self.path("ponte.toml").to_str().expect("a path in UTF-8").to_owned()
    }

    /// A bridge with this configuration.
    pub fn bridge(&self) -> Builder {
        Bridge::start().option("--config", &self.file())
    }

    /// A bridge with this configuration, and with the token of the operator.
    pub fn bridge_with_operator(&self) -> Builder {
        self.bridge().env("PONTE_TOKEN", OPERATOR)
    }
}

/// The token of a user of [`Configuration::new`].
pub fn token_of(user: &str) -> String {
    format!("canary-token-of-{user}-0123456789")
}

/// The `hello` of a user of [`Configuration::new`].
pub fn hello_of(user: &str) -> Hello {
    hello_with(token_of(user))
}

/// A client of a user of [`Configuration::new`].
pub async fn client_of(bridge: &Bridge, user: &str) -> Client {
    Client::greet(bridge.socket().await, hello_of(user)).await
}

/// A client with the token of the operator.
pub async fn operator(bridge: &Bridge) -> Client {
    Client::greet(bridge.socket().await, hello_with(OPERATOR.to_owned())).await
}

fn hello_with(token: String) -> Hello {
    Hello { token: Some(Secret(token)), ..client::hello() }
}
