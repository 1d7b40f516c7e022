//! Everything that is linked into the binary and the page: crates, and the C libraries whose source is inside crates.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::programs::workspace_root;

const PAGE_TARGET: &str = "wasm32-unknown-unknown";

/// Crates that contain a C library as source, and where.
const C_LIBRARIES: &[CLibrary] = &[
    CLibrary {
        name: "librdkafka",
        package: "rdkafka-sys",
        folder: "librdkafka",
        licence: "BSD-2-Clause",
        version: Version::BuildMetadata,
    },
    CLibrary {
        name: "openssl",
        package: "openssl-src",
        folder: "openssl",
        licence: "Apache-2.0",
        version: Version::BuildMetadata,
    },
    CLibrary {
        name: "zstd",
        package: "zstd-sys",
        folder: "zstd",
        licence: "BSD-3-Clause",
        version: Version::BuildMetadata,
    },
    CLibrary {
        name: "zlib",
        package: "libz-sys",
        folder: "src/zlib",
        licence: "Zlib",
        version: Version::Define { header: "zlib.h", name: "ZLIB_VERSION" },
    },
    CLibrary {
        name: "mimalloc",
        package: "libmimalloc-sys",
        folder: "c_src/mimalloc/v3",
        licence: "MIT",
        version: Version::Define { header: "include/mimalloc.h", name: "MI_MALLOC_VERSION" },
    },
];

struct CLibrary {
    name: &'static str,
    package: &'static str,
    folder: &'static str,
    licence: &'static str,
    version: Version,
}

/// Where a C library's version is written.
enum Version {
    /// In the crate's version, after the plus sign.
    BuildMetadata,
    Define {
        header: &'static str,
        name: &'static str,
    },
}

pub(super) struct Component {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression.
    pub(super) licence: String,
    /// Package URL.
    pub(super) purl: String,
    /// Copyright and licence files.
    pub(super) texts: Vec<PathBuf>,
}

/// Sorted by name and version.
pub(super) struct Components(pub(super) Vec<Component>);

impl Components {
    /// # Errors
    /// If a component names no licence, or no licence text can be found for a C library.
    pub(super) fn of(target: &str) -> Result<Self> {
        let mut components = BTreeMap::new();
        for (program, target) in [("bridge", target), ("frontend", PAGE_TARGET)] {
            for package in linked_packages(program, target)? {
                for component in of_package(&package)? {
                    components.insert((component.name.clone(), component.version.clone()), component);
                }
            }
        }
        Ok(Self(components.into_values().collect()))
    }
}

/// The packages of other authors that the program is linked with.
fn linked_packages(program: &str, target: &str) -> Result<Vec<Package>> {
    let metadata = MetadataCommand::new()
        .current_dir(workspace_root())
        .features(CargoOpt::SomeFeatures(Vec::new()))
        .other_options(["--locked".to_owned(), format!("--filter-platform={target}")])
        .exec()?;
    let root = metadata.packages.iter().find(|package| package.name == program);
    let root = root.with_context(|| format!("there is no package {program}"))?.id.clone();
    let ids = linked_ids(&metadata, root)?;
    Ok(metadata.packages.into_iter().filter(|package| package.source.is_some() && ids.contains(&package.id)).collect())
}

fn linked_ids(metadata: &Metadata, root: PackageId) -> Result<BTreeSet<PackageId>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let contains_c_library = |id: &PackageId| C_LIBRARIES.iter().any(|library| metadata[id].name == library.package);
    let (mut found, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if !found.insert(id.clone()) {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == id).context("a dependency without a node")?;
        for dependency in &node.deps {
            let is_linked = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            let is_macro = metadata[&dependency.pkg].targets.iter().any(cargo_metadata::Target::is_proc_macro);
            if is_linked && !is_macro {
                open.push(dependency.pkg.clone());
            } else if contains_c_library(&dependency.pkg) {
                // The crate with OpenSSL's source runs at build time, and so do its own dependencies; only the C library is linked.
                found.insert(dependency.pkg.clone());
            }
        }
    }
    Ok(found)
}

/// The package, and the C library in it.
fn of_package(package: &Package) -> Result<Vec<Component>> {
    let (name, version) = (package.name.to_string(), package.version.to_string());
    let folder = package.manifest_path.parent().context("a manifest is in a folder")?.as_std_path();
    let Some(licence) = &package.license else { bail!("the package {name} {version} names no licence") };
    let mut components = vec![Component {
        // A plus sign in a package URL stands for a space unless it is encoded.
        purl: format!("pkg:cargo/{name}@{}", version.replace('+', "%2B")),
        // Cargo's old notation for OR.
        licence: licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR "),
        texts: licence_files(folder)?,
        name,
        version,
    }];
    if let Some(library) = C_LIBRARIES.iter().find(|library| package.name == library.package) {
        components.push(library.component(package, folder)?);
    }
    Ok(components)
}

impl CLibrary {
    fn component(&self, package: &Package, crate_folder: &Path) -> Result<Component> {
        let folder = crate_folder.join(self.folder);
        let texts = licence_files(&folder)?;
        if texts.is_empty() {
            bail!("no licence file of {} in {}", self.name, folder.display());
        }
        let version = match &self.version {
            // zstd's is `zstd.1.5.7`.
            Version::BuildMetadata => {
                package.version.build.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned()
            }
            Version::Define { header, name } => defined(&folder.join(header), name)?,
        };
        Ok(Component {
            name: self.name.to_owned(),
            purl: format!("pkg:generic/{}@{version}", self.name),
            version,
            licence: self.licence.to_owned(),
            texts,
        })
    }
}

/// The value of `#define NAME` in a C header.
fn defined(header: &Path, name: &str) -> Result<String> {
    let text = fs::read_to_string(header).with_context(|| format!("cannot read {}", header.display()))?;
    let mut words =
        text.lines().filter_map(|line| line.strip_prefix("#define ")?.strip_prefix(name)?.split_whitespace().next());
    let value = words.next().with_context(|| format!("{} does not define {name}", header.display()))?;
    let value = value.trim_matches('"');
    // mimalloc writes 3.3.2 as 30302.
    Ok(match value.parse::<u32>() {
        Ok(number) => format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100),
        Err(_) => value.to_owned(),
    })
}

/// The files of the folder with licences and copyright notices.
fn licence_files(folder: &Path) -> Result<Vec<PathBuf>> {
    const BEGINNINGS: [&str; 5] = ["license", "licence", "copying", "copyright", "notice"];
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        })
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendored_c_library_is_found_with_version_and_licence() {
        let components = Components::of("x86_64-unknown-linux-musl").expect("components").0;
        for library in C_LIBRARIES {
            let component = components
                .iter()
                .find(|component| component.name == library.name && component.purl.starts_with("pkg:generic/"));
            let component = component.unwrap_or_else(|| panic!("no {}", library.name));
            let numbers = component.version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
            assert_eq!(numbers, 3, "{} {}", component.name, component.version);
            assert!(!component.texts.is_empty(), "{}", component.name);
        }
    }

    #[test]
    fn only_what_is_linked_is_a_component() {
        let components = Components::of("x86_64-unknown-linux-musl").expect("components").0;
        let has = |name: &str| components.iter().any(|component| component.name == name);
        // Of the bridge, and of the page.
        assert!(has("tokio") && has("leptos"));
        // A macro, a build tool, a dependency of tests, one of another system, and a package of this workspace.
        for name in ["serde_derive", "cc", "proptest", "windows-sys", "protocol"] {
            assert!(!has(name), "{name} is not linked");
        }
    }
}
