//! Checks the inputs in `corpus/` and random changes of them. To add an input that fuzzing has found, copy it there under a name that says what it shows.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let paths = fs::read_dir(&folder).expect("a folder of inputs").map(|entry| entry.expect("an input").path());
    let inputs: Vec<_> = paths.map(|path| (path.clone(), fs::read(path).expect("a file"))).collect();
    assert!(inputs.len() >= 10, "{} has {} inputs", folder.display(), inputs.len());
    inputs
}

fn replay(target: &str, check: fn(&[u8])) {
    for (path, input) in inputs(target) {
        println!("{}", path.display());
        check(&input);
    }
}

/// Checks random changes of the inputs: bytes that are replaced, inserted or removed, and the beginning of an input followed by the
/// end of another.
fn mutate(target: &str, cases: u32, check: fn(&[u8])) {
    let inputs = inputs(target);
    let edit = (any::<Index>(), any::<u8>(), 0..3_u8);
    let case = (any::<(Index, Index, Index, Index)>(), prop::collection::vec(edit, 0..6));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&case, |((first, to, second, from), edits)| {
        let (first, second) = (&first.get(&inputs).1, &second.get(&inputs).1);
        let mut input = [&first[..to.index(first.len() + 1)], &second[from.index(second.len() + 1)..]].concat();
        for (at, byte, kind) in edits {
            let at = at.index(input.len() + 1);
            match kind {
                0 => input.insert(at, byte),
                _ if at == input.len() => {}
                1 => input[at] = byte,
                _ => drop(input.remove(at)),
            }
        }
        check(&input);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn readers_of_files_take_every_input_of_the_corpus() {
    replay("files", fuzz::files);
}

#[test]
fn readers_of_frames_take_every_input_of_the_corpus() {
    replay("protocol", fuzz::protocol);
}

#[test]
fn decoders_of_records_take_every_input_of_the_corpus() {
    replay("records", fuzz::records);
}

#[test]
fn schemas_of_clients_take_every_input_of_the_corpus() {
    replay("schemas", fuzz::schemas);
}

#[test]
fn filters_take_every_input_of_the_corpus() {
    replay("filters", fuzz::filters);
}

#[test]
fn filters_take_changed_inputs() {
    mutate("filters", 2000, fuzz::filters);
}

#[test]
fn schemas_of_clients_take_changed_inputs() {
    mutate("schemas", 2000, fuzz::schemas);
}

#[test]
fn readers_of_files_take_changed_inputs() {
    mutate("files", 300, fuzz::files);
}

#[test]
fn readers_of_frames_take_changed_inputs() {
    mutate("protocol", 3000, fuzz::protocol);
}

#[test]
fn decoders_of_records_take_changed_inputs() {
    mutate("records", 5000, fuzz::records);
}
