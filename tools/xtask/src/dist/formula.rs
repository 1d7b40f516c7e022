//! The Homebrew formula: which archive each system downloads, and its hash.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{VERSION, archive, checksums};

/// The target of each system that Homebrew runs on, as the formula's blocks name it.
const SYSTEMS: [(&str, &str, &str); 4] = [
    ("macos", "arm", "aarch64-apple-darwin"),
    ("macos", "intel", "x86_64-apple-darwin"),
    ("linux", "arm", "aarch64-unknown-linux-musl"),
    ("linux", "intel", "x86_64-unknown-linux-musl"),
];

/// Writes `ponte.rb` for the archives that are in the folder; nothing without any.
pub(super) fn write(folder: &Path, download_url: &str) -> Result<()> {
    let mut sources = String::new();
    for (system, processor, target) in SYSTEMS {
        let name = archive::file_name(target);
        let file = folder.join(&name);
        if file.exists() {
            let hash = checksums::sha256(&file)?;
            write!(
                sources,
                "  on_{system} do\n    on_{processor} do\n      url \"{download_url}/{name}\"\n      sha256 \"{hash}\"\n    end\n  end\n\n"
            )?;
        }
    }
    if sources.is_empty() {
        return Ok(());
    }
    fs::write(folder.join("ponte.rb"), text(&sources)).context("cannot write the Homebrew formula")
}

fn text(sources: &str) -> String {
    format!(
        r##"class Ponte < Formula
  desc "Kafka in the browser"
  version "{VERSION}"
  license "Apache-2.0"

{sources}  def install
    bin.install "ponte"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/ponte.bash" => "ponte"
    zsh_completion.install "completions/_ponte"
    fish_completion.install "completions/ponte.fish"
    pkgetc.install "ponte.toml"
    doc.install "README.md", "CHANGELOG.md", "THIRD-PARTY-LICENSES.txt"
  end

  service do
    run [opt_bin/"ponte", "--config", etc/"ponte/ponte.toml"]
    keep_alive true
  end

  test do
    assert_match version.to_s, shell_output("#{{bin}}/ponte --version")
  end
end
"##
    )
}
