//! AWS credentials from the environment, or from the endpoint that containers on ECS and EKS (Pod Identity) are given.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use serde::Deserialize;
use ureq::http::{Request, Uri, header};

use super::http::{HttpClient, HttpError};
use super::sigv4::Credentials;
use super::token::TokenError;

/// Where `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is looked up.
const ECS_HOST: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);
/// Where EKS's agent listens.
const EKS_HOSTS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23))];

pub struct Obtained {
    pub credentials: Credentials,
    /// None: until somebody changes them.
    pub expires_at: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FromContainer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    /// RFC 3339.
    expiration: Option<String>,
}

pub fn obtain(http: &HttpClient) -> Result<Obtained, TokenError> {
    obtain_with(http, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn obtain_with(http: &HttpClient, variable: impl Fn(&str) -> Option<String>) -> Result<Obtained, TokenError> {
    if let (Some(access_key_id), Some(secret_access_key)) =
        (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
    {
        let session_token = variable("AWS_SESSION_TOKEN");
        let credentials = Credentials { access_key_id, secret_access_key, session_token };
        return Ok(Obtained { credentials, expires_at: None });
    }
    let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("http://{ECS_HOST}{path}"));
    let endpoint = relative.or_else(|| variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    let endpoint = endpoint.ok_or(TokenError::NoAwsCredentials)?;
    let failed = |reason: String| TokenError::AwsCredentials { endpoint: endpoint.clone(), reason };
    let uri: Uri = endpoint.parse().map_err(|_| failed("it is no URL".to_owned()))?;
    if !may_be_trusted(&uri) {
        return Err(failed("it is neither https, nor on this machine, nor the address of ECS or EKS".to_owned()));
    }
    let mut request = Request::get(uri).header(header::ACCEPT, "application/json");
    if let Some(authorization) = authorization(&variable).map_err(&failed)? {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(String::new()).map_err(|error| failed(error.to_string()))?;
    let answer =
        http.send(request).map_err(|(HttpError::Unreachable(reason) | HttpError::Tls(reason))| failed(reason))?;
    if !answer.status.is_success() {
        return Err(failed(format!("it answered {}", answer.status.as_u16())));
    }
    // Without serde's reason, which may repeat what stands there.
    let found: FromContainer =
        serde_json::from_slice(&answer.body).map_err(|_| failed("its answer holds no credentials".to_owned()))?;
    let FromContainer { access_key_id, secret_access_key, token: session_token, expiration } = found;
    let expires_at: Option<jiff::Timestamp> = match expiration.as_deref().map(str::parse).transpose() {
        Ok(expires_at) => expires_at,
        Err(_) => return Err(failed("its Expiration is no time".to_owned())),
    };
    Ok(Obtained {
        credentials: Credentials { access_key_id, secret_access_key, session_token },
        expires_at: expires_at.map(SystemTime::from),
    })
}

/// EKS renews the file now and then: it is read each time.
fn authorization(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
    match variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => match std::fs::read_to_string(&file) {
            Ok(token) => Ok(Some(token.trim().to_owned())),
            Err(error) => Err(format!("cannot read {file} (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE): {error}")),
        },
        None => Ok(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")),
    }
}

/// As AWS's SDKs have it: without TLS only this machine and the agents of ECS and EKS.
fn may_be_trusted(uri: &Uri) -> bool {
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

    fn obtain_from(variables: &[(&str, &str)]) -> Result<Obtained, TokenError> {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        obtain_with(&HttpClient::new(&Roots::System), |name| variables.get(name).map(|value| (*value).to_owned()))
    }

    /// Answers one request with this body; the request's head is what the thread returns.
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
    fn the_environment_comes_first() {
        let found = obtain_from(&[
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
        ]);
        assert_eq!(found.expect("credentials").credentials.access_key_id, "key");
    }

    #[test]
    fn a_containers_agent_gives_credentials_to_who_shows_its_token() {
        let (address, answered) = agent(
            r#"{"AccessKeyId":"key","SecretAccessKey":"secret","Token":"session","Expiration":"2026-01-02T03:04:05Z"}"#,
        );
        let found = obtain_from(&[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod"),
        ]);
        let Obtained { credentials, expires_at } = found.expect("credentials");
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
    fn what_is_missing_is_named_and_no_secret_is_repeated() {
        let nothing = obtain_from(&[]).err().expect("no credentials").to_string();
        assert!(nothing.contains("AWS_ACCESS_KEY_ID"), "{nothing}");
        let (address, _) = agent(r#"{"SecretAccessKey":"hidden"}"#);
        let error = obtain_from(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address)]).err().expect("no credentials");
        assert!(error.to_string().contains(&address) && !error.to_string().contains("hidden"), "{error}");
    }

    #[test]
    fn credentials_are_not_asked_of_strangers_without_tls() {
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
            assert_eq!(may_be_trusted(&Uri::from_static(uri)), trusted, "{uri}");
        }
    }
}
