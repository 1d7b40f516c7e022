//! The callbacks that all librdkafka clients share: log lines, client-wide errors, and whether a connection may be
//! opened.

use std::sync::Arc;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::broker_errors::BrokerErrors;
use super::error::is_about_reaching_kafka;
use super::reasons::Cause;
use super::sign_in::SignIn;
use super::statistics::{ReportingClient, Statistics};

/// The state that the callbacks of all clients of one cluster share.
#[derive(Clone, Debug, Default)]
pub struct ClientHooks {
    /// The last error of each broker.
    pub errors: Arc<BrokerErrors>,
    /// Admits connections; `None` if clients do not sign in (no SASL).
    pub sign_in: Option<Arc<SignIn>>,
    /// The statistics of the clients that report them, and refused sign-ins.
    pub statistics: Arc<Statistics>,
}

/// A client's context with its hooks.
pub trait HookedContext: ClientContext {
    fn hooks(&self) -> &ClientHooks;

    /// Called with the cause of each failed connection.
    fn note_failure(&self, _cause: Cause) {}

    /// The client as which this one reports statistics; those of other clients are ignored.
    fn reports_as(&self) -> Option<ReportingClient> {
        None
    }

    /// Whether a connection may be opened now. Must not block.
    fn admits(&self) -> bool {
        self.hooks().sign_in.as_ref().is_none_or(|sign_in| sign_in.admits())
    }
}

/// Logs a line of librdkafka's log, mostly at debug level: librdkafka repeats every failed connection attempt, and the
/// bridge logs only the change of state (see `cluster`).
pub fn log<C: HookedContext>(context: &C, level: RDKafkaLogLevel, facility: &str, message: &str) {
    // librdkafka reports some failures, such as connections that were never set up, only in its log.
    if facility == "FAIL" {
        context.hooks().errors.note(None, message);
    }
    match level {
        // A fatal error of the producer is logged where the producer is replaced.
        _ if facility == "FATAL" => tracing::debug!(target: "librdkafka", facility, "{message}"),
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
            tracing::debug!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::trace!(target: "librdkafka", facility, "{message}"),
    }
}

/// Stores a client-wide error and logs it, as a warning only if it is not reported elsewhere.
pub fn error<C: HookedContext>(context: &C, error: &KafkaError, reason: &str) {
    let code = error.rdkafka_error_code();
    if let Some(cause) = context.hooks().errors.note(code, reason) {
        if cause.is_refused_sign_in() {
            context.hooks().statistics.note_refused_sign_in();
            if let Some(sign_in) = &context.hooks().sign_in {
                sign_in.note_refusal(1);
            }
        }
        context.note_failure(cause);
    }
    match code {
        Some(code) if is_about_reaching_kafka(code) => tracing::debug!(target: "librdkafka", "{reason}"),
        // librdkafka repeats these with every attempt, and they are reported as the outcome of a record or the state of
        // a subscription.
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed,
        ) => tracing::debug!(target: "librdkafka", "{reason}"),
        _ => tracing::warn!(target: "librdkafka", "{reason}"),
    }
}

/// Stores a report of librdkafka's statistics.
pub fn statistics<C: HookedContext>(context: &C, json: &[u8]) {
    if let Some(client) = context.reports_as() {
        context.hooks().statistics.note(client, json);
    }
}

/// Implements [`rdkafka::ClientContext`] with the functions above, and [`Admission`](crate::native::Admission) with
/// [`HookedContext::admits`].
macro_rules! quiet_client_context {
    ($context:ty) => {
        impl rdkafka::ClientContext for $context {
            fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
                $crate::context::log(self, level, facility, message);
            }

            fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
                $crate::context::error(self, &error, reason);
            }

            fn stats_raw(&self, statistics: &[u8]) {
                $crate::context::statistics(self, statistics);
            }
        }

        impl $crate::native::Admission for $context {
            fn admits_connection(&self) -> bool {
                $crate::context::HookedContext::admits(self)
            }
        }
    };
}

pub(crate) use quiet_client_context;
