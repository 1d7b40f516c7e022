//! Setting OAuth tokens on clients.

use std::ffi::{CStr, CString};
use std::os::raw::c_char;

use rdkafka_sys as sys;

use super::client::KafkaClient;

/// The handle of a client, to set tokens.
///
/// It must not outlive its client; `oauth::SignedIn` owns both, and drops this one first.
pub struct TokenSlot(*mut sys::rd_kafka_t);

// SAFETY: librdkafka's client handles are thread-safe objects (rdkafka.h: "all functions are thread-safe").
unsafe impl Send for TokenSlot {}

impl TokenSlot {
    pub fn of(client: &impl KafkaClient) -> Self {
        Self(client.handle())
    }

    /// Sets the token with which the client authenticates from now on. `expires_at_ms`: milliseconds since 1970-01-01
    /// UTC; `extensions`: the names and values of SASL extensions.
    ///
    /// # Errors
    /// librdkafka's reason for refusing the token, without the token itself.
    pub fn set(
        &self,
        token: &str,
        expires_at_ms: i64,
        principal: &str,
        extensions: &[(String, String)],
    ) -> Result<(), String> {
        const NUL: &str = "the token contains a zero byte";
        let (Ok(token_c), Ok(principal)) = (CString::new(token), CString::new(principal)) else {
            return Err(NUL.to_owned());
        };
        let pairs = extensions.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        let pairs = pairs.map(CString::new).collect::<Result<Vec<_>, _>>().map_err(|_| NUL.to_owned())?;
        let mut pairs_c: Vec<*const c_char> = pairs.iter().map(|text| text.as_ptr()).collect();
        let mut reason = [0 as c_char; 512];
        // SAFETY: the handle is valid as long as the client, which this value does not outlive. All texts end with a
        // zero byte and live until the call returns; librdkafka copies them. The length of the buffer is correct.
        let (code, reason) = unsafe {
            let code = sys::rd_kafka_oauthbearer_set_token(
                self.0,
                token_c.as_ptr(),
                expires_at_ms,
                principal.as_ptr(),
                pairs_c.as_mut_ptr(),
                pairs_c.len(),
                reason.as_mut_ptr(),
                reason.len(),
            );
            (code, CStr::from_ptr(reason.as_ptr()).to_string_lossy().into_owned())
        };
        match code {
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            _ => Err(reason.replace(token, "…")),
        }
    }
}
