//! AWS credentials from environment variables, or from the credentials endpoint of containers on ECS and EKS (Pod
//! Identity).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use serde::Deserialize;
use ureq::http::{Request, Uri, header};

use super::http::{HttpClient, HttpError};
use super::sigv4::Credentials;
use super::token::TokenError;

/// The host of `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
const ECS_HOST: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);
/// The addresses of the EKS Pod Identity agent.
const EKS_HOSTS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23))];

pub struct ExpiringCredentials {
    pub credentials: Credentials,
    /// `None`: the credentials do not expire.
    pub expires_at: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerCredentials {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    /// RFC 3339.
    expiration: Option<String>,
}

pub fn obtain(http: &HttpClient) -> Result<ExpiringCredentials, TokenError> {
    obtain_with(http, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn obtain_with(
    http: &HttpClient,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<ExpiringCredentials, TokenError> {
    if let (Some(access_key_id), Some(secret_access_key)) =
        (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
    {
        let session_token = variable("AWS_SESSION_TOKEN");
        let credentials = Credentials { access_key_id, secret_access_key, session_token };
        return Ok(ExpiringCredentials { credentials, expires_at: None });
    }
    let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("http://{ECS_HOST}{path}"));
    let endpoint = relative.or_else(|| variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    let endpoint = endpoint.ok_or(TokenError::NoAwsCredentials)?;
    let failed = |reason: String| TokenError::AwsCredentials { endpoint: endpoint.clone(), reason };
    let uri: Uri = endpoint.parse().map_err(|_| failed("invalid URL".to_owned()))?;
    if !is_trusted(&uri) {
        let reason = "the URL must begin with https:// or have the address of this machine, ECS or EKS";
        return Err(failed(reason.to_owned()));
    }
    let mut request = Request::get(uri).header(header::ACCEPT, "application/json");
    if let Some(authorization) = authorization(&variable).map_err(&failed)? {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(String::new()).map_err(|error| failed(error.to_string()))?;
    let response =
        http.send(request).map_err(|(HttpError::Unreachable(reason) | HttpError::Tls(reason))| failed(reason))?;
    if !response.status.is_success() {
        return Err(failed(format!("the endpoint answered {}", response.status.as_u16())));
    }
    // serde's error is left out, because it may contain parts of the response.
    let found: ContainerCredentials = protocol::from_json_bytes(&response.body)
        .map_err(|_| failed("the response does not contain credentials".to_owned()))?;
    let ContainerCredentials { access_key_id, secret_access_key, token: session_token, expiration } = found;
    let expires_at: Option<jiff::Timestamp> = match expiration.as_deref().map(str::parse).transpose() {
        Ok(expires_at) => expires_at,
        Err(_) => return Err(failed("invalid time in Expiration".to_owned())),
    };
    Ok(ExpiringCredentials {
        credentials: Credentials { access_key_id, secret_access_key, session_token },
        expires_at: expires_at.map(SystemTime::from),
    })
}

/// The file is read each time, because EKS renews its content.
fn authorization(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
    match variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => match std::fs::read_to_string(&file) {
            Ok(token) => Ok(Some(token.trim().to_owned())),
            Err(error) => Err(format!("cannot read {file} (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE): {error}")),
        },
        None => Ok(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")),
    }
}

/// The rule of AWS's SDKs: without TLS only the loopback interface and the agents of ECS and EKS are trusted.
fn is_trusted(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    match (uri.scheme_str(), address) {
        (Some("https"), _) => true,
        (Some("http"), Some(address)) => {
            address.is_loopback() || address == IpAddr::V4(ECS_HOST) || EKS_HOSTS.contains(&address)
        }
        (Some("http"), None) => host == "localhost",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::super::http::Roots;
    use super::*;

    fn obtain_from(variables: &[(&str, &str)]) -> Result<ExpiringCredentials, TokenError> {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        obtain_with(&HttpClient::new(&Roots::System), |name| variables.get(name).map(|value| (*value).to_owned()))
    }

    /// Answers one request with this body; the thread returns the head of the request.
    fn agent(body: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}/v1/credentials", listener.local_addr().expect("a bound listener"));
        let answered = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let lines = BufReader::new(stream.try_clone().expect("a socket")).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("an answer");
            head.join("\n")
        });
        (address, answered)
    }

    #[test]
    fn environment_variables_take_precedence_over_the_endpoint() {
        let found = obtain_from(&[
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
        ]);
        assert_eq!(found.expect("credentials").credentials.access_key_id, "key");
    }

    #[test]
    fn credentials_are_fetched_from_the_endpoint_with_the_authorization_token() {
        let (address, answered) = agent(
            r#"{"AccessKeyId":"key","SecretAccessKey":"secret","Token":"session","Expiration":"2026-01-02T03:04:05Z"}"#,
        );
        let found = obtain_from(&[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod"),
        ]);
        let ExpiringCredentials { credentials, expires_at } = found.expect("credentials");
        assert_eq!(
            (credentials.access_key_id.as_str(), credentials.session_token.as_deref()),
            ("key", Some("session"))
        );
        let expiration: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        assert_eq!(expires_at, Some(expiration.into()));
        let head = answered.join().expect("the agent").to_ascii_lowercase();
        assert!(head.starts_with("get /v1/credentials http/1.1") && head.contains("authorization: pod"), "{head}");
    }

    #[test]
    fn error_names_the_missing_variable_or_the_endpoint_and_no_secret() {
        let nothing = obtain_from(&[]).err().expect("no credentials").to_string();
        assert!(nothing.contains("AWS_ACCESS_KEY_ID"), "{nothing}");
        let (address, _) = agent(r#"{"SecretAccessKey":"hidden"}"#);
        let error = obtain_from(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address)]).err().expect("no credentials");
        assert!(error.to_string().contains(&address) && !error.to_string().contains("hidden"), "{error}");
    }

    #[test]
    fn endpoint_without_tls_is_trusted_only_on_known_addresses() {
        for (uri, trusted) in [
            ("http://169.254.170.2/v2", true),
            ("http://169.254.170.23/v1", true),
            ("http://[fd00:ec2::23]/v1", true),
            ("http://[::1]:8080/", true),
            ("http://localhost/", true),
            ("https://agent.example/", true),
            ("http://agent.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_trusted(&Uri::from_static(uri)), trusted, "{uri}");
        }
    }
}
