//! Setting the user name and password of SASL PLAIN and SCRAM on clients.

use std::ffi::CStr;

use rdkafka_sys as sys;

use super::c_string::c_string;
use super::client::KafkaClient;

/// The handle of a client, to set credentials.
///
/// It must not outlive its client; `oauth::SignedIn` owns both, and drops this one first.
pub struct CredentialsSlot(*mut sys::rd_kafka_t);

// SAFETY: librdkafka's client handles are thread-safe objects (rdkafka.h: "all functions are thread-safe").
unsafe impl Send for CredentialsSlot {}

impl CredentialsSlot {
    pub fn of(client: &impl KafkaClient) -> Self {
        Self(client.handle())
    }

    /// Sets the credentials with which the client authenticates new connections. Open connections stay open.
    ///
    /// # Errors
    /// librdkafka's reason for refusing them, without the password.
    pub fn set(&self, username: &str, password: &str) -> Result<(), String> {
        let (Ok(username), Ok(password_c)) = (c_string(username), c_string(password)) else {
            return Err("the user name or password contains a zero byte".to_owned());
        };
        // SAFETY: the handle is valid as long as the client, which this value does not outlive. Both texts end with a zero
        // byte and live until the call returns; librdkafka copies them. The error is read before it is destroyed.
        let reason = unsafe {
            let error = sys::rd_kafka_sasl_set_credentials(self.0, username.as_ptr(), password_c.as_ptr());
            if error.is_null() {
                return Ok(());
            }
            let reason = CStr::from_ptr(sys::rd_kafka_error_string(error)).to_string_lossy().into_owned();
            sys::rd_kafka_error_destroy(error);
            reason
        };
        Err(reason.replace(password, "…"))
    }
}
