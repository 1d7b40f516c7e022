//! The connect callback of librdkafka, with which the client's context admits each connection.

use std::ffi::CString;
#[cfg(unix)]
use std::os::raw::{c_char, c_int, c_void};

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka_sys as sys;

/// Decides whether a client may open a connection now.
pub trait Admission {
    /// Called on librdkafka's threads while librdkafka holds the broker's lock: it must not block. A connection that is
    /// not admitted fails, and librdkafka tries again after `reconnect.backoff.ms`.
    fn admits_connection(&self) -> bool;
}

/// Sets the connect callback, and then adds the brokers. The client must have been created without `bootstrap.servers`:
/// so it has no broker, and no thread that could connect, before the callback is set.
///
/// # Errors
/// If librdkafka finds no address in `bootstrap_servers`.
pub fn connect_when_admitted<C>(client: &Client<C>, bootstrap_servers: &str) -> KafkaResult<()>
where
    C: ClientContext + Admission,
{
    let servers = CString::new(bootstrap_servers)?;
    // SAFETY: a valid client. Its configuration is part of it and was allocated by librdkafka as a mutable object; the
    // `rdkafka` crate offers no way to set the callback before the client is created. Only threads of brokers read the
    // callback, and the first of them is started by `rd_kafka_brokers_add` after it was set. The text lives for the
    // call, which copies it.
    let added = unsafe {
        #[cfg(unix)]
        {
            let configuration = sys::rd_kafka_conf(client.native_ptr()).cast_mut();
            sys::rd_kafka_conf_set_connect_cb(configuration, Some(connect::<C>));
        }
        sys::rd_kafka_brokers_add(client.native_ptr(), servers.as_ptr())
    };
    if added > 0 {
        return Ok(());
    }
    Err(KafkaError::ClientCreation(format!("librdkafka finds no broker address in {bootstrap_servers:?}")))
}

/// Connects as librdkafka does without a callback, if the context admits the connection. The socket is non-blocking.
///
/// # Safety
/// Called by librdkafka with a socket, an address of this length, and the opaque pointer of the client's configuration,
/// which the `rdkafka` crate sets to the client's context; the context outlives the client's threads.
#[cfg(unix)]
unsafe extern "C" fn connect<C: Admission>(
    socket: c_int,
    address: *const libc::sockaddr,
    length: c_int,
    _broker: *const c_char,
    context: *mut c_void,
) -> c_int {
    // SAFETY: see above.
    let context = unsafe { &*context.cast::<C>() };
    if !context.admits_connection() {
        return libc::ECANCELED;
    }
    let length = libc::socklen_t::try_from(length).unwrap_or(0);
    // SAFETY: librdkafka's own socket and address.
    if unsafe { libc::connect(socket, address, length) } == 0 {
        return 0;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EINPROGRESS) => 0,
        Some(error) => error,
        None => libc::EIO,
    }
}

/// Whether the error message is about a connection that was not admitted.
pub fn was_not_admitted(reason: &str) -> bool {
    #[cfg(unix)]
    {
        // "Failed to connect to broker at X: Operation canceled".
        let error = std::io::Error::from_raw_os_error(libc::ECANCELED).to_string();
        let text = error.split(" (os error").next().unwrap_or(&error);
        reason.contains("Failed to connect to broker at ") && reason.contains(text)
    }
    #[cfg(not(unix))]
    {
        let _ = reason;
        false
    }
}
