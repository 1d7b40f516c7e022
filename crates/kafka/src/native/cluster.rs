//! The cluster: its brokers, controller and racks.

use std::ffi::CStr;
use std::os::raw::c_int;
use std::time::Duration;

use protocol::Broker;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::admin::{AdminRequests, Failure, array, optional_text};

/// The brokers with the addresses that they advertise.
pub struct BrokerList {
    pub brokers: Vec<Broker>,
}

/// Fetches the brokers without the topics, which `Client::fetch_metadata(None)` would include. Blocks for at most
/// `timeout`.
///
/// # Errors
/// If no broker answers.
pub fn fetch_brokers<C: ClientContext>(client: &Client<C>, timeout: Duration) -> Result<BrokerList, RDKafkaErrorCode> {
    let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
    // SAFETY: a valid client and a valid pointer for the result.
    let error =
        unsafe { sys::rd_kafka_metadata(client.native_ptr(), 0, std::ptr::null_mut(), &mut metadata, timeout_ms) };
    if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(error.into());
    }
    // SAFETY: on success the answer is valid until destroyed; `brokers` has `broker_cnt` entries whose host names are
    // NUL-terminated.
    let brokers = unsafe {
        let count = usize::try_from((*metadata).broker_cnt).unwrap_or(0);
        let entries = if count == 0 { &[] } else { std::slice::from_raw_parts((*metadata).brokers, count) };
        let brokers = entries.iter().map(|broker| Broker {
            id: broker.id,
            host: CStr::from_ptr(broker.host).to_string_lossy().into_owned(),
            port: u16::try_from(broker.port).unwrap_or(0),
        });
        let brokers = brokers.collect();
        sys::rd_kafka_metadata_destroy(metadata);
        brokers
    };
    Ok(BrokerList { brokers })
}

/// The cluster as its controller describes it.
pub struct DescribedCluster {
    /// The brokers that are up, with their racks.
    pub racks: Vec<(i32, Option<String>)>,
    pub controller: Option<i32>,
}

/// Blocks for at most `timeout`.
///
/// # Errors
/// If Kafka refuses the request or does not answer.
pub fn describe_cluster<C: ClientContext>(client: &Client<C>, timeout: Duration) -> Result<DescribedCluster, Failure> {
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER;
    let mut requests = AdminRequests::new(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers.
        unsafe { sys::rd_kafka_DescribeCluster(client, options, queue) }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to DescribeCluster; nodes live as long as it, the controller is null or one of
    // them.
    unsafe {
        let result = sys::rd_kafka_event_DescribeCluster_result(answer.0);
        let nodes = array(|count| sys::rd_kafka_DescribeCluster_result_nodes(result, count));
        let racks =
            nodes.iter().map(|&node| (sys::rd_kafka_Node_id(node), optional_text(sys::rd_kafka_Node_rack(node))));
        let controller = sys::rd_kafka_DescribeCluster_result_controller(result);
        let controller = (!controller.is_null()).then(|| sys::rd_kafka_Node_id(controller));
        Ok(DescribedCluster { racks: racks.collect(), controller })
    }
}

/// Shortens the heartbeat interval of the mock cluster from 3 s, because members of a group receive changes of their
/// assignment by heartbeats.
pub fn shorten_mock_heartbeats<C: ClientContext>(client: &Client<C>) {
    const HEARTBEAT_MS: c_int = 100;
    // SAFETY: the cluster belongs to the client and lives as long; null means that there is no mock cluster.
    unsafe {
        let cluster = sys::rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            sys::rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(cluster, HEARTBEAT_MS);
            // Other tools that connect to the demo broker use the classic protocol, in which the first member waits for
            // this delay.
            sys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        }
    }
}
