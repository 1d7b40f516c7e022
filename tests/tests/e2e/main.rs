//! Ponte end to end, one binary: each module is a boundary that a user has, each test's name is a claim.

mod bad_input;
mod binary;
mod bytes;
mod config;
mod faults;
mod fetch;
mod flow;
mod group;
mod groups_admin;
mod http;
mod limits;
mod network;
mod numbers;
mod origin;
mod page;
mod page_faults;
mod page_states;
mod produce;
mod resume;
mod session;
mod shutdown;
mod tail;
mod terminal;
mod topics;
mod topics_admin;
