//! `[sign-in]` in the file of `--config`: users sign in at an OpenID Connect provider.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use formats::Spot;
use hyper::Uri;

use super::access::AccessError;
use super::table::Table;

/// The claim with the user's name, unless the file names another one. Users of some providers can change it, which
/// docs/configuration.md warns of; there is no second claim, because one user's value of it could be another user's name.
const DEFAULT_NAME_CLAIM: &str = "preferred_username";

const DEFAULT_SCOPES: [&str; 3] = [OPENID, "profile", "email"];

/// The scope that makes a request one of OpenID Connect.
const OPENID: &str = "openid";

/// A working day.
const DEFAULT_LIFETIME_HOURS: u16 = 8;

/// 30 days.
const MAX_LIFETIME_HOURS: i64 = 720;

/// The keys of the table. They are defined as options, so that they are parsed like those of the command line.
#[derive(Args, Clone, Debug)]
pub struct SignInKeys {
    #[arg(long, value_parser = parse_issuer)]
    pub issuer: Option<String>,

    #[arg(long, value_parser = parse_word)]
    pub client_id: Option<String>,

    #[arg(long)]
    pub client_secret_file: Option<PathBuf>,

    #[arg(long, value_parser = parse_page_url)]
    pub url: Option<String>,

    #[arg(long, value_parser = parse_word)]
    pub scopes: Vec<String>,

    #[arg(long, value_parser = parse_word)]
    pub name_claim: Option<String>,

    #[arg(long, value_parser = parse_word)]
    pub roles_claim: Option<String>,

    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=MAX_LIFETIME_HOURS))]
    pub lifetime_hours: Option<u16>,

    #[arg(long)]
    pub ca_file: Option<PathBuf>,
}

/// How users sign in.
#[derive(Clone, Debug)]
pub struct SignInConfig {
    /// As the provider writes it in its tokens: `https`, or `http` of this machine.
    pub issuer: String,
    pub client_id: String,
    /// `None`: a public client.
    pub client_secret: Option<ClientSecret>,
    /// The page's address as browsers see it: scheme, host and port, without a slash at the end.
    pub url: String,
    /// Contains `openid`.
    pub scopes: Vec<String>,
    pub name_claim: String,
    /// A claim, or a path of claims separated by dots.
    pub roles_claim: Option<String>,
    pub lifetime: Duration,
    /// Certificate authorities to trust instead of the system's; it was readable at the start.
    pub ca_file: Option<PathBuf>,
}

/// Never printed, not even by `Debug`.
#[derive(Clone)]
pub struct ClientSecret(pub String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret")
    }
}

impl SignInConfig {
    /// The host of the page's address.
    pub fn host(&self) -> Option<String> {
        self.url.parse::<Uri>().ok()?.host().map(ToOwned::to_owned)
    }
}

impl Table<SignInKeys> {
    pub fn check_sign_in(&self) -> Result<(), (Spot, AccessError)> {
        self.required().map(drop)?;
        if self.options.contains_key("scopes") && !self.keys.scopes.iter().any(|scope| scope == OPENID) {
            return Err(self.error("scopes", |header| AccessError::NoOpenId { header }));
        }
        Ok(())
    }

    /// Issuer, client and URL.
    fn required(&self) -> Result<(&String, &String, &String), (Spot, AccessError)> {
        let keys = &self.keys;
        let issuer = keys.issuer.as_ref();
        let issuer = issuer.ok_or_else(|| self.missing("issuer", "issuer = \"https://login.example/realms/acme\""))?;
        let client = keys.client_id.as_ref().ok_or_else(|| self.missing("client-id", "client-id = \"ponte\""))?;
        let url = keys.url.as_ref().ok_or_else(|| self.missing("url", "url = \"https://ponte.example\""))?;
        Ok((issuer, client, url))
    }

    /// Reads the files that the table names.
    pub fn load(&self) -> Result<SignInConfig, (Spot, AccessError)> {
        let keys = &self.keys;
        let (issuer, client_id, url) = self.required()?;
        let client_secret = keys.client_secret_file.as_deref().map(|file| self.read("client-secret-file", file));
        let client_secret = client_secret.transpose()?.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        if let (Some(secret), Some(file)) = (&client_secret, &keys.client_secret_file)
            && (secret.is_empty() || secret.contains(['\r', '\n']))
        {
            return Err(self.unusable(
                "client-secret-file",
                file,
                "the file has the secret on its only line".to_owned(),
            ));
        }
        if let Some(file) = &keys.ca_file {
            self.read("ca-file", file)?;
        }
        let scopes = match self.options.contains_key("scopes") {
            true => keys.scopes.clone(),
            false => DEFAULT_SCOPES.map(str::to_owned).to_vec(),
        };
        let hours = keys.lifetime_hours.unwrap_or(DEFAULT_LIFETIME_HOURS);
        Ok(SignInConfig {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.map(ClientSecret),
            url: url.clone(),
            scopes,
            name_claim: keys.name_claim.clone().unwrap_or_else(|| DEFAULT_NAME_CLAIM.to_owned()),
            roles_claim: keys.roles_claim.clone(),
            lifetime: Duration::from_secs(u64::from(hours) * 3600),
            ca_file: keys.ca_file.clone(),
        })
    }

    fn read(&self, key: &'static str, file: &Path) -> Result<String, (Spot, AccessError)> {
        std::fs::read_to_string(file).map_err(|error| self.unusable(key, file, error.to_string()))
    }

    fn unusable(&self, key: &'static str, file: &Path, reason: String) -> (Spot, AccessError) {
        self.error(key, |header| AccessError::File { header, key, file: file.to_owned(), reason })
    }
}

fn parse_word(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("use printable ASCII characters without spaces".to_owned()),
    }
}

fn parse_issuer(text: &str) -> Result<String, String> {
    web_address(text).map(|_| text.to_owned()).ok_or_else(|| {
        "use the provider's https address, such as https://login.example/realms/acme; http is allowed for localhost only"
            .to_owned()
    })
}

fn parse_page_url(text: &str) -> Result<String, String> {
    let address = web_address(text).filter(|address| address.path() == "/");
    address.map(|_| text.trim_end_matches('/').to_owned()).ok_or_else(|| {
        "use scheme, host and port of the page, such as https://ponte.example; base-path is added to it; http is allowed \
         for localhost only"
            .to_owned()
    })
}

/// An address without a query, to which secrets can be sent.
fn web_address(text: &str) -> Option<Uri> {
    let address: Uri = text.parse().ok()?;
    let (host, authority) = (address.host()?, address.authority()?);
    let is_this_machine = {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    let is_private = match address.scheme_str()? {
        "https" => true,
        "http" => is_this_machine,
        _ => false,
    };
    let is_plain = !text.contains(['#', '?', '@']) && !authority.as_str().is_empty();
    (is_private && is_plain && !host.is_empty()).then_some(address)
}
