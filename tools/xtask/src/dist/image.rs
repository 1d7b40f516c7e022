//! The build context of the container image: the Dockerfile and the binary, in a folder with Docker's name of the processor.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::bundle::{Bundle, LICENCES};
use super::{NAME, copy};
use crate::programs::workspace_root;

pub(super) fn write(bundle: &Bundle, folder: &Path) -> Result<()> {
    copy(&workspace_root().join("deploy/docker/Dockerfile.release"), &folder.join("Dockerfile"))?;
    copy(&bundle.folder.join(LICENCES), &folder.join(LICENCES))?;
    copy(&bundle.program, &folder.join(architecture(&bundle.target)?).join(NAME))
}

/// The program in the image context of the packages in `dist`.
pub(super) fn program(dist: &Path, target: &str) -> Result<PathBuf> {
    Ok(dist.join("image").join(architecture(target)?).join(NAME))
}

/// The processor's name in Docker and in Debian.
pub(super) fn architecture(target: &str) -> Result<&'static str> {
    match target.split('-').next() {
        Some("x86_64") => Ok("amd64"),
        Some("aarch64") => Ok("arm64"),
        _ => bail!("no image and no .deb are made for {target}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The two Dockerfiles differ only in where the binary comes from.
    #[test]
    fn images_from_source_and_from_a_release_are_configured_alike() {
        let configuration = |name: &str| -> Vec<String> {
            let text = fs::read_to_string(workspace_root().join("deploy/docker").join(name)).expect("a Dockerfile");
            let image = text.lines().skip_while(|line| !line.starts_with("FROM gcr.io/"));
            let words = ["FROM", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"];
            image.filter(|line| words.iter().any(|word| line.starts_with(word))).map(str::to_owned).collect()
        };
        assert_eq!(configuration("Dockerfile"), configuration("Dockerfile.release"));
        assert_eq!(configuration("Dockerfile").len(), 6);
    }
}
