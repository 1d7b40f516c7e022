//! Why a broker cannot be reached: maps librdkafka's messages to causes, and each cause to an error that names the
//! property to change.

use protocol::{ErrorBody, ErrorBroker, ErrorCode};
use rdkafka::error::RDKafkaErrorCode;

use super::broker_errors::BrokerError;

/// Ordered by specificity: if several brokers fail for different causes, the first in this order is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The broker refuses the user name and password, or the token.
    WrongCredentials,
    /// The broker does not offer this `sasl.mechanism`.
    UnknownMechanism,
    /// The bridge uses SASL, and the listener does not.
    ListenerWithoutSasl,
    /// The listener requires SASL, and the bridge does not use it.
    ListenerWithSasl,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateForOtherHost,
    CertificateSelfSigned,
    CertificateOfUnknownIssuer,
    /// Refused for another reason, or the reason is not known yet.
    CertificateRejected,
    /// The broker requires a client certificate, and the bridge has none.
    ClientCertificateMissing,
    /// The broker refuses the client certificate of the bridge.
    ClientCertificateRejected,
    /// The bridge uses TLS, and the listener does not.
    ListenerWithoutTls,
    /// The listener uses TLS, and the bridge does not.
    ListenerWithTls,
    TlsHandshake,
    NotAuthorized,
    Dns,
    Refused,
    /// The connection ended before the broker answered anything.
    ClosedBeforeAnswer,
    TimedOut,
    Closed,
    Other,
}

impl Cause {
    /// The cause that follows from librdkafka's error code, its message (in `rdkafka_broker.c`, `rdkafka_ssl.c`,
    /// `rdkafka_sasl*.c` and `rdkafka_transport.c` of 2.12) and the state of the connection.
    pub fn of(code: Option<RDKafkaErrorCode>, detail: &str, state: &str) -> Self {
        use RDKafkaErrorCode as Kafka;
        let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
        match code {
            _ if says(&["mechanism handshake failed"]) => {
                if says(&["Request not valid in current SASL state", "Disconnected", "transport failure"]) {
                    Self::ListenerWithoutSasl
                } else {
                    Self::UnknownMechanism
                }
            }
            _ if says(&["SASL authentication error", "SASL authentication failure"]) => Self::WrongCredentials,
            Some(Kafka::Authentication | Kafka::SaslAuthenticationFailed) => Self::WrongCredentials,
            _ if says(&["broker might require SASL authentication"]) => Self::ListenerWithSasl,
            // 116 (certificate required) exists only in TLS 1.3; with TLS 1.2 Java sends 42 (bad certificate) if the
            // client has no certificate.
            _ if says(&["SSL alert number 116", "client SSL authentication might be required"]) => {
                Self::ClientCertificateMissing
            }
            // 42 to 46 and 48: the certificate is refused; 49: access denied.
            _ if says(&[
                "SSL alert number 42",
                "SSL alert number 43",
                "SSL alert number 44",
                "SSL alert number 45",
                "SSL alert number 46",
                "SSL alert number 48",
                "SSL alert number 49",
            ]) =>
            {
                Self::ClientCertificateRejected
            }
            _ if says(&["certificate verify failed", "Failed to verify broker certificate"]) => {
                Self::CertificateRejected
            }
            _ if says(&["Broker did not provide a certificate"]) => Self::CertificateRejected,
            _ if says(&["wrong version number", "packet length too long", "http request"]) => Self::ListenerWithoutTls,
            // A TLS alert of the broker, interpreted as the length of a response: the alert begins with 0x15 and
            // version 3.
            _ if says(&["Invalid response size 35252", "Invalid response size 35253"]) => Self::ListenerWithTls,
            Some(Kafka::Resolve) => Self::Dns,
            _ if says(&["Failed to resolve"]) => Self::Dns,
            _ if says(&["Connection refused", "actively refused"]) => Self::Refused,
            _ if says(&["Connection setup timed out", "Connection timed out", "request(s) timed out"]) => {
                Self::TimedOut
            }
            _ if says(&["connecting to a PLAINTEXT broker listener?", "during SSL connection handshake"]) => {
                Self::ClosedBeforeAnswer
            }
            Some(Kafka::SSL) => Self::TlsHandshake,
            _ if says(&["SSL handshake failed", "SSL routines"]) => Self::TlsHandshake,
            Some(
                Kafka::ClusterAuthorizationFailed | Kafka::TopicAuthorizationFailed | Kafka::GroupAuthorizationFailed,
            ) => Self::NotAuthorized,
            _ if ["APIVERSION_QUERY", "SSL_HANDSHAKE"].contains(&state) => Self::ClosedBeforeAnswer,
            _ if says(&["Disconnected", "Connection reset", "Broken pipe"]) => Self::Closed,
            _ => Self::Other,
        }
    }

    /// Whether the broker refused a sign-in. Brokers may count these and lock the account.
    pub fn is_refused_sign_in(self) -> bool {
        matches!(self, Self::WrongCredentials | Self::UnknownMechanism)
    }

    /// Whether retrying cannot help before a setting is changed.
    pub fn needs_changed_settings(self) -> bool {
        self <= Self::TlsHandshake
    }

    fn code(self) -> ErrorCode {
        match self {
            Self::WrongCredentials | Self::UnknownMechanism | Self::ListenerWithSasl | Self::ListenerWithoutSasl => {
                ErrorCode::AuthenticationFailed
            }
            Self::CertificateExpired
            | Self::CertificateNotYetValid
            | Self::CertificateForOtherHost
            | Self::CertificateSelfSigned
            | Self::CertificateOfUnknownIssuer
            | Self::CertificateRejected
            | Self::ClientCertificateMissing
            | Self::ClientCertificateRejected => ErrorCode::CertificateRejected,
            Self::ListenerWithoutTls | Self::ListenerWithTls | Self::TlsHandshake => ErrorCode::TlsFailed,
            Self::NotAuthorized => ErrorCode::Forbidden,
            Self::Dns => ErrorCode::DnsFailed,
            Self::Refused => ErrorCode::ConnectionRefused,
            Self::TimedOut => ErrorCode::ConnectionTimedOut,
            Self::ClosedBeforeAnswer | Self::Closed | Self::Other => ErrorCode::KafkaUnreachable,
        }
    }
}

/// The error of one broker for the user: what failed, at which address, and what to change.
pub fn explain(error: &BrokerError) -> ErrorBody {
    let BrokerError { address, id, cause, detail, .. } = error;
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    let message = match cause {
        Cause::WrongCredentials => format!(
            "the broker at {address} refuses the credentials ({}): check sasl.username, sasl.password and sasl.mechanism. The bridge \
             signs in again every 21 seconds, so that it never fails more than 3 times a minute",
            broker_message(detail)
        ),
        Cause::UnknownMechanism => format!(
            "the broker at {address} does not support this sasl.mechanism{}: set sasl.mechanism to one that the broker supports",
            offered_mechanisms(detail)
        ),
        Cause::ListenerWithoutSasl => format!(
            "the listener at {address} does not use SASL: set security.protocol to PLAINTEXT or SSL, or use the address of a SASL \
             listener"
        ),
        Cause::ListenerWithSasl => format!(
            "the broker at {address} closed the connection; its listener seems to require SASL: set security.protocol to \
             SASL_PLAINTEXT or SASL_SSL, and sasl.mechanism"
        ),
        Cause::CertificateExpired => {
            format!("the certificate of the broker at {address} has expired: renew it on the broker")
        }
        Cause::CertificateNotYetValid => format!(
            "the certificate of the broker at {address} is not valid yet: check the clock of this machine and the certificate"
        ),
        Cause::CertificateForOtherHost => format!(
            "the certificate of the broker at {address} does not name the host {host}: use a host name that the certificate names, or \
             set ssl.endpoint.identification.algorithm=none if you accept any certificate of your CA"
        ),
        Cause::CertificateSelfSigned => format!(
            "the certificate of the broker at {address} is self-signed, or its CA is, and it is not trusted here: set ssl.ca.location \
             to the certificate (PEM)"
        ),
        Cause::CertificateOfUnknownIssuer => format!(
            "the certificate of the broker at {address} was issued by a CA that is not trusted here: set ssl.ca.location to the CA's \
             certificate (PEM)"
        ),
        Cause::CertificateRejected => format!(
            "the certificate of the broker at {address} is not accepted ({detail}): check ssl.ca.location, and the certificate's \
             host name and dates"
        ),
        Cause::ClientCertificateMissing => format!(
            "the broker at {address} requires a client certificate: set ssl.certificate.location and ssl.key.location, or \
             ssl.keystore.location"
        ),
        Cause::ClientCertificateRejected => format!(
            "the broker at {address} does not accept the client certificate of the bridge ({detail}): set ssl.certificate.location and \
             ssl.key.location (or ssl.keystore.location) to a certificate that the broker trusts"
        ),
        Cause::ListenerWithoutTls => format!(
            "the listener at {address} does not speak TLS: set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or use the address of \
             a TLS listener"
        ),
        Cause::ListenerWithTls => {
            format!("the listener at {address} speaks TLS: set security.protocol to SSL or SASL_SSL")
        }
        Cause::TlsHandshake => format!(
            "the TLS handshake with the broker at {address} failed ({detail}): check security.protocol, ssl.cipher.suites and the \
             broker's ssl.enabled.protocols"
        ),
        Cause::NotAuthorized => format!(
            "Kafka's access rules do not let the bridge describe the cluster at {address}: give its user the ACL Describe on the cluster"
        ),
        Cause::Dns => format!(
            "the host name {host} of the broker at {address} has no address: check --bootstrap-servers and the DNS of this machine"
        ),
        Cause::Refused => format!(
            "nothing listens at {address}: start the broker there, or name another address with --bootstrap-servers"
        ),
        Cause::TimedOut => format!(
            "{address} does not answer in time: check that the broker is running, that --bootstrap-servers is correct, and that no firewall \
             blocks the connection"
        ),
        Cause::ClosedBeforeAnswer => format!(
            "the broker at {address} closes the connection before it answers: check that the broker is running, and that security.protocol \
             matches its listener"
        ),
        Cause::Closed | Cause::Other => format!("the connection to the broker at {address} failed: {detail}"),
    };
    let broker = ErrorBroker { id: *id, address: address.clone() };
    ErrorBody { broker: Some(Box::new(broker)), ..ErrorBody::new(cause.code(), message) }
}

/// The error if no broker has answered and librdkafka has reported no cause.
pub fn no_answer(bootstrap_servers: &str) -> ErrorBody {
    let message = format!(
        "no Kafka broker answers in time at {bootstrap_servers}: check that the broker is running, that --bootstrap-servers is correct, and \
         that no firewall blocks the connection"
    );
    let broker = (!bootstrap_servers.contains(','))
        .then(|| Box::new(ErrorBroker { id: None, address: bootstrap_servers.to_owned() }));
    ErrorBody { broker, ..ErrorBody::new(ErrorCode::ConnectionTimedOut, message) }
}

/// The error if a broker answered, but its advertised address cannot be reached. `why`: the reason.
pub fn advertised_address(bootstrap_servers: &str, id: i32, address: &str, why: &str) -> ErrorBody {
    let message = format!(
        "the broker at {bootstrap_servers} advertises the address {address}, which this machine cannot reach ({why}): change \
         advertised.listeners of the broker, or make that address known to this machine (DNS, /etc/hosts)"
    );
    let broker = ErrorBroker { id: Some(id), address: address.to_owned() };
    ErrorBody { broker: Some(Box::new(broker)), ..ErrorBody::new(ErrorCode::AdvertisedAddressUnreachable, message) }
}

/// The broker's message, without librdkafka's prefix.
fn broker_message(detail: &str) -> &str {
    detail.split_once("SASL authentication error: ").map_or(detail, |(_, message)| message)
}

fn offered_mechanisms(detail: &str) -> String {
    match detail.split_once("broker's supported mechanisms: ") {
        Some((_, offered)) if !offered.is_empty() && offered != "(n/a)" => format!(", only {offered}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn librdkafka_messages_map_to_causes() {
        use RDKafkaErrorCode as Kafka;
        let table: &[(Option<Kafka>, &str, &str, Cause)] = &[
            (
                Some(Kafka::BrokerTransportFailure),
                "Connect to ipv4#127.0.0.1:9092 failed: Connection refused",
                "CONNECT",
                Cause::Refused,
            ),
            (
                Some(Kafka::Resolve),
                "Failed to resolve 'nowhere:9092': Name or service not known",
                "CONNECT",
                Cause::Dns,
            ),
            (None, "Connection setup timed out in state CONNECT", "CONNECT", Cause::TimedOut),
            (
                Some(Kafka::Authentication),
                "SASL authentication error: Authentication failed: Invalid username or password",
                "AUTH_REQ",
                Cause::WrongCredentials,
            ),
            (
                Some(Kafka::Authentication),
                "SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN",
                "AUTH_HANDSHAKE",
                Cause::UnknownMechanism,
            ),
            (
                Some(Kafka::Authentication),
                "SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: broker's supported mechanisms: ",
                "AUTH_HANDSHAKE",
                Cause::ListenerWithoutSasl,
            ),
            (
                None,
                "Disconnected: verify that security.protocol is correctly configured, broker might require SASL authentication",
                "UP",
                Cause::ListenerWithSasl,
            ),
            (
                Some(Kafka::SSL),
                "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, \
                 verify that ssl.ca.location is correctly configured or root CA certificates are installed (install ca-certificates package)",
                "SSL_HANDSHAKE",
                Cause::CertificateRejected,
            ),
            (
                Some(Kafka::SSL),
                "SSL handshake failed: error:0A00010B:SSL routines::wrong version number",
                "SSL_HANDSHAKE",
                Cause::ListenerWithoutTls,
            ),
            (
                Some(Kafka::BrokerTransportFailure),
                "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?",
                "SSL_HANDSHAKE",
                Cause::ClosedBeforeAnswer,
            ),
            (
                Some(Kafka::SSL),
                "Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116",
                "APIVERSION_QUERY",
                Cause::ClientCertificateMissing,
            ),
            (
                Some(Kafka::SSL),
                "Receive failed: error:0A000418:SSL routines::tlsv1 alert unknown ca: SSL alert number 48",
                "APIVERSION_QUERY",
                Cause::ClientCertificateRejected,
            ),
            (
                Some(Kafka::BrokerTransportFailure),
                "Disconnected: requesting ApiVersion: might be caused by incorrect security.protocol configuration (connecting to a SSL \
                 listener?) or broker version is < 0.10 (see api.version.request)",
                "APIVERSION_QUERY",
                Cause::ClosedBeforeAnswer,
            ),
            (None, "Disconnected", "UP", Cause::Closed),
        ];
        for &(code, detail, state, cause) in table {
            assert_eq!(Cause::of(code, detail, state), cause, "{detail}");
        }
    }

    #[test]
    fn more_specific_causes_sort_first() {
        assert!(Cause::WrongCredentials < Cause::Dns && Cause::Dns < Cause::TimedOut);
        assert!(Cause::TlsHandshake.needs_changed_settings() && !Cause::Refused.needs_changed_settings());
    }
}
