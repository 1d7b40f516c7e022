//! The page, built and compressed at compile time by `build.rs`.

use server::http::Asset;

include!(concat!(env!("OUT_DIR"), "/page.rs"));
