//! Splits the compiled page at the functions marked with `#[wasm_split]`: the main file starts the page, and the other files
//! are loaded when the page first calls such a function.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

/// The module that loads the files. Its name is in the import section of the main file.
pub(crate) const LOADER: &str = "load_parts.js";

pub(crate) struct SplitCode {
    /// The main file, which wasm-bindgen has not processed yet.
    pub main: PathBuf,
    /// The other files by name.
    pub parts: Vec<(String, Vec<u8>)>,
    /// The source of [`LOADER`].
    pub loader: String,
}

/// Splits `wasm`, which must have been linked with `--emit-relocs`. `glue` is the name of the module that wasm-bindgen will
/// generate for the main file. `directory` is overwritten.
pub(crate) fn split(wasm: &Path, glue: &str, directory: &Path) -> Result<SplitCode> {
    // Parts of an earlier build have other names.
    let _ = fs::remove_dir_all(directory);
    let input = fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let main = directory.join("main.wasm");
    let glue = format!("./{glue}");
    let loader = format!("./{LOADER}");
    let mut options = wasm_split_cli_support::Options::new(&input);
    options.output_dir = directory;
    options.main_out_path = &main;
    options.main_module = &glue;
    options.link_name = &loader;
    let split = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("cannot split the compiled page: {error:#}"))?;

    let mut parts = split
        .split_modules
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let code = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let code = compact(&code).with_context(|| format!("cannot process {}", path.display()))?;
            Ok((name, code))
        })
        .collect::<Result<Vec<_>>>()?;
    parts.sort();
    let path = directory.join(LOADER);
    let loader = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(SplitCode { main, parts, loader })
}

/// Removes the names of functions, and encodes numbers in as few bytes as possible: the linker pads them because of
/// `--emit-relocs`. wasm-bindgen does the same with the main file.
fn compact(code: &[u8]) -> Result<Vec<u8>> {
    let mut config = walrus::ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    Ok(config.parse(code)?.emit_wasm())
}
