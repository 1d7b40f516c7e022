//! The limits of searches.

use clap::Args;
use server::search::SearchLimits;

#[derive(Args, Clone, Debug)]
pub struct SearchArgs {
    /// Maximum number of searches that run at the same time
    #[arg(long, env = "PONTE_MAX_SEARCHES", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=256), value_name = "COUNT")]
    pub max_searches: u16,

    /// Maximum number of bytes of keys and values that all searches together read from Kafka in a second; without it there is no limit
    #[arg(long, env = "PONTE_SEARCH_BYTES_PER_SECOND", value_parser = clap::value_parser!(u64).range(1024..), value_name = "BYTES")]
    pub search_bytes_per_second: Option<u64>,
}

impl SearchArgs {
    pub fn limits(&self) -> SearchLimits {
        SearchLimits { running: usize::from(self.max_searches), bytes_per_second: self.search_bytes_per_second }
    }
}
