//! The page, built and compressed at compile time (`build.rs`).

use server::http::Asset;

include!(concat!(env!("OUT_DIR"), "/page.rs"));
