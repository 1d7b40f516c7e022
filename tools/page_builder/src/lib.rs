//! Builds the files that the bridge serves from `frontend/`: wasm, its JavaScript glue, the stylesheet, the icon and
//! `index.html`, each with its compressed forms. All tools run as libraries: no trunk, no wasm-bindgen program, no
//! Node.
//!
//! This crate serves nothing and does not depend on the bridge: `bridge/build.rs` embeds the files that [`build`]
//! returns.

mod asset;
mod compile;
mod embed;
mod html;
mod split;
mod stylesheet;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

pub use asset::Asset;
use asset::CompressionCache;

/// The name of the page's code in file names and error messages.
const STEM: &str = "ponte";

/// The directories of a build.
pub struct Options {
    /// The directory with the workspace's `Cargo.toml`.
    pub workspace_root: PathBuf,
    /// Cargo's target directory for the page. It must not be the one of a cargo that is waiting for this build, because
    /// both would wait for the same lock. It should be the same for all builds, because a new one compiles everything
    /// again.
    pub target_dir: PathBuf,
}

impl Options {
    /// In the page's target directory, so that all profiles and clippy share it.
    fn compression_cache(&self) -> Result<CompressionCache> {
        CompressionCache::open(&self.target_dir.join("compressed"))
    }
}

/// The page, ready to be served. The first asset is `index.html`, at the path `/`.
pub struct Page {
    pub assets: Vec<Asset>,
}

/// Compiles the page and prepares all of its files.
///
/// # Errors
/// If the wasm target is not installed, `frontend` does not compile, the template is missing, or a stylesheet is
/// missing or not linked.
pub fn build(options: &Options) -> Result<Page> {
    let frontend = options.workspace_root.join("frontend");
    let template_path = frontend.join("index.html");
    let template = fs::read_to_string(&template_path)
        .with_context(|| format!("cannot read {}, the page's template", template_path.display()))?;
    let unusable = || format!("cannot use {} as the page's template", template_path.display());
    // Before the compilation, which takes minutes, so that a wrong link is reported at once.
    let style = stylesheet::join(&frontend, &html::stylesheet_links(&template).with_context(unusable)?)?;
    let wasm = compile::frontend_to_wasm(&options.workspace_root, &options.target_dir)?;
    let cache = options.compression_cache()?;

    let glue_name = format!("{STEM}.js");
    let split = split::split(&wasm, &glue_name, &options.target_dir.join("split"))?;
    let bound = bind(&split.main)?;
    let mut files = vec![
        (glue_name, bound.glue.into_bytes()),
        (format!("{STEM}_bg.wasm"), bound.wasm),
        (split::LOADER.to_owned(), split.loader.into_bytes()),
    ];
    files.extend(split.parts);
    files.extend(bound.snippets.into_iter().map(|(path, source)| (path, source.into_bytes())));
    let code = Asset::hashed_folder("code", files, &cache)?;
    let [glue, main, loader, ..] = &code[..] else { bail!("the page's code is incomplete") };
    let style = Asset::hashed("ponte", "css", style, &cache)?;
    let start = html::start_module(glue.relative_path(), main.relative_path(), style.relative_path());
    let start = Asset::hashed("start", "js", start.into_bytes(), &cache)?;
    let icon = optional_file(&frontend.join("favicon.svg"))?
        .map(|svg| Asset::hashed("favicon", "svg", svg, &cache))
        .transpose()?;

    let references = html::References {
        code: main.relative_path(),
        glue: glue.relative_path(),
        loader: loader.relative_path(),
        start: start.relative_path(),
        style: style.relative_path(),
        icon: icon.as_ref().map(Asset::relative_path),
    };
    let index = html::fill_template(&template, &references).with_context(unusable)?;

    let mut assets = vec![Asset::named("/", "html", index.into_bytes(), &cache)?, start, style];
    assets.extend(icon);
    assets.extend(code);
    cache.remove_unused()?;
    Ok(Page { assets })
}

impl Page {
    /// A placeholder with a notice that the bridge was built without its page.
    ///
    /// # Errors
    /// When the target directory cannot be written.
    pub fn skipped(options: &Options) -> Result<Self> {
        let cache = options.compression_cache()?;
        Ok(Self { assets: vec![Asset::named("/", "html", html::SKIPPED.as_bytes().to_vec(), &cache)?] })
    }
}

/// The output of wasm-bindgen.
struct Scripts {
    wasm: Vec<u8>,
    glue: String,
    /// Modules that the glue imports: (path relative to the glue, source).
    snippets: Vec<(String, String)>,
}

fn bind(wasm: &Path) -> Result<Scripts> {
    let mut output = Bindgen::new()
        .input_path(wasm)
        .out_name(STEM)
        .web(true)?
        .typescript(false)
        // The start module names the wasm file; the default path has no hash and does not exist.
        .omit_default_module_path(true)
        // The parts import these symbols from the main file.
        .keep_lld_exports(true)
        .demangle(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .context(
            "wasm-bindgen cannot process the compiled page. If the reason is a schema version: `wasm-bindgen` in \
             frontend/Cargo.toml and `wasm-bindgen-cli-support` in tools/page_builder/Cargo.toml must be the same version",
        )?;

    let inline = output.snippets().iter().flat_map(|(package, sources)| {
        let numbered = sources.iter().enumerate();
        numbered.map(move |(i, source)| (format!("snippets/{package}/inline{i}.js"), source.clone()))
    });
    let local = output.local_modules().iter().map(|(path, source)| (format!("snippets/{path}"), source.clone()));
    let mut snippets: Vec<_> = inline.chain(local).collect();
    snippets.sort();

    Ok(Scripts { glue: output.js().to_owned(), snippets, wasm: output.wasm_mut().emit_wasm() })
}

fn optional_file(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
