//! How the bridge is reached: TLS, and proxies in front of it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use server::http::{BasePath, Certificate, ProxyNetwork};

use super::ConfigError;

#[derive(Args, Debug, Clone)]
pub struct NetworkArgs {
    /// Path below which the bridge is served, such as /ponte, for proxies that pass on the whole path
    #[arg(long, env = "PONTE_BASE_PATH", default_value = "/", value_name = "PATH")]
    pub base_path: BasePath,

    /// Address or network of a proxy whose X-Forwarded-For and X-Forwarded-Proto are believed; repeatable
    #[arg(long, env = "PONTE_TRUSTED_PROXIES", value_delimiter = ',', value_name = "CIDR")]
    pub trusted_proxies: Vec<ProxyNetwork>,

    /// Connections from --trusted-proxies begin with a header of the PROXY protocol (version 1 or 2), which names the client
    #[arg(long, env = "PONTE_PROXY_PROTOCOL")]
    pub proxy_protocol: bool,

    /// File with the certificate chain for HTTPS (PEM); read again when it changes
    #[arg(long, env = "PONTE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// File with the private key of --tls-cert (PEM, without a password)
    #[arg(long, env = "PONTE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl NetworkArgs {
    /// Reads the certificate, if there is one.
    pub fn certificate(&self) -> Result<Option<Arc<Certificate>>, ConfigError> {
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(Certificate::read(certificate.clone(), key.clone())?)),
            (Some(_), None) => Err(ConfigError::TlsIncomplete { given: "--tls-cert", missing: "--tls-key" }),
            (None, Some(_)) => Err(ConfigError::TlsIncomplete { given: "--tls-key", missing: "--tls-cert" }),
        }
    }
}
