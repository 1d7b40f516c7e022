//! What the processes of a measurement do, one file each.

pub mod audience;
pub mod echo;
pub mod fan;
pub mod first_record;
pub mod hand_written_page;
pub mod idle_sockets;
pub mod memory_decoder;
pub mod native_consumer;
pub mod native_echo;
pub mod native_producer;
pub mod newest_by_hand;
pub mod paced_producer;
pub mod ready_frames;
pub mod relay;
pub mod searcher;
pub mod sink;
pub mod source;
pub mod warp_server;
