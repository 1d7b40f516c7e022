//! How often a test repeats something: a few times by default, and many times with `cargo xtask test --long`, which sets
//! `PONTE_LONG`.

/// The number for this run.
pub fn times(usually: u64, in_the_long_run: u64) -> u64 {
    if is_long() { in_the_long_run } else { usually }
}

pub fn is_long() -> bool {
    std::env::var_os("PONTE_LONG").is_some()
}

/// The seeds of random tests: always the same ones, or the one in `PONTE_SEED`, which repeats a failure.
pub fn seeds(usually: u64, in_the_long_run: u64) -> impl Iterator<Item = Seed> {
    let chosen = std::env::var("PONTE_SEED").ok();
    let chosen: Option<u64> =
        chosen.map(|seed| seed.parse().unwrap_or_else(|error| panic!("PONTE_SEED={seed}: {error}")));
    let seeds = chosen.map_or(1..=times(usually, in_the_long_run), |seed| seed..=seed);
    // Lazily: each seed lives only during its run, and prints its number if that run fails.
    seeds.map(Seed)
}

/// Prints its number when the test fails.
#[derive(Debug)]
pub struct Seed(u64);

impl Seed {
    pub fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.0)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- to run it again: PONTE_SEED={}", self.0);
        }
    }
}
