//! The crate in the working directory: [`Project`].

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use manifest::{Entry, Manifest, Package};
use serde_json::Value;
use xtask::freestanding::Site;
use xtask::manifest::{self as manifests, PAIR};
use xtask::toolchain::Toolchain;
use xtask::workspace::Workspace;
use xtask::{build, elf, process};

use crate::error::{AtPath, Error, Result};
use crate::template;

/// The file with the domain's entry in a manifest.
const ENTRY: &str = "caravan.toml";
/// The file that makes a directory a crate.
const CRATE: &str = "Cargo.toml";
/// The domains of the tree's manifests that the crate's domain replaces.
const REPLACED: [&str; 1] = ["counter"];

/// A domain's crate.
pub struct Project {
    directory: PathBuf,
    /// The domain's entry in a manifest.
    pub entry: Entry,
}

impl Project {
    /// The crate in the working directory.
    ///
    /// # Errors
    /// The working directory has no crate of a domain, or the domain's entry is invalid.
    pub fn here() -> Result<Project> {
        let directory = env::current_dir().at(Path::new("."))?;
        for file in [ENTRY, CRATE] {
            if !directory.join(file).is_file() {
                return Err(Error::NoCrate(directory, file));
            }
        }
        let entry = Entry::read(Path::new(ENTRY))?;
        Ok(Project { directory, entry })
    }

    /// The directories of its build.
    fn site(&self) -> Site {
        Site {
            directory: self.directory.clone(),
            target: self.target(),
        }
    }

    /// Its target directory.
    fn target(&self) -> PathBuf {
        self.directory.join("target")
    }

    /// The directory of the files that machines boot, or that are sent to them.
    pub fn artefacts(&self) -> PathBuf {
        self.target().join("caravan")
    }

    /// The manifests of two machines with the domain in each.
    ///
    /// # Errors
    /// The domain's entry does not fit into them, or a manifest cannot be read.
    pub fn manifests(&self, tree: &Workspace) -> Result<Vec<Manifest>> {
        let join = |name| self.entry.join(&manifests::path(name, tree), &REPLACED);
        let joined: std::result::Result<_, _> = PAIR.into_iter().map(join).collect();
        Ok(joined?)
    }

    /// Compiles the domain and returns the path of the program.
    ///
    /// # Errors
    /// The domain's entry is wrong, the crate has no such program, or it does not compile.
    pub fn build(&self, tree: &Workspace) -> Result<PathBuf> {
        self.manifests(tree)?;
        let image = &self.entry.domain().image;
        let refuse = |reason: String| Error::Entry(self.entry.error("image", &reason));
        template::check_image(image, tree)
            .map_err(|reason| refuse(format!("`{image}`: {reason}")))?;
        let binaries = self.binaries()?;
        if !binaries.contains(image) {
            let binaries = binaries.join(", ");
            return Err(refuse(format!(
                "the crate has no binary `{image}`; its binaries are: {binaries}"
            )));
        }
        Ok(build::foreign(image, &self.site(), tree)?)
    }

    /// Writes the package of the domain with this program, and returns its path.
    ///
    /// # Errors
    /// The program cannot be read, or the package cannot be written.
    pub fn package(&self, program: &Path) -> Result<PathBuf> {
        let domain = self.entry.domain().clone();
        let directory = self.artefacts();
        fs::create_dir_all(&directory).at(&directory)?;
        let path = directory.join(format!("{}.caravan", domain.name));
        let program = &elf::read_stripped(program)?;
        fs::write(&path, Package { domain, program }.to_bytes()).at(&path)?;
        Ok(path)
    }

    /// The names of the crate's binaries.
    fn binaries(&self) -> Result<Vec<String>> {
        let mut cargo = Toolchain::find()?.cargo();
        cargo
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(&self.directory);
        let metadata = process::output(&mut cargo)?;
        Ok(binaries_in(&metadata).ok_or_else(|| {
            let reason = "cargo's metadata for it has no list of targets".to_owned();
            xtask::error::Error::Malformed(self.directory.join(CRATE), reason)
        })?)
    }
}

/// The binaries of the first package in cargo's metadata.
fn binaries_in(metadata: &str) -> Option<Vec<String>> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let targets = metadata["packages"][0]["targets"].as_array()?.iter();
    let is_binary = |target: &&Value| target["kind"][0] == "bin";
    let names = targets
        .filter(is_binary)
        .filter_map(|target| target["name"].as_str().map(str::to_owned));
    Some(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_distinguished_from_other_targets() {
        let target = |kind: &str, name: &str| format!(r#"{{"kind":["{kind}"],"name":"{name}"}}"#);
        let targets = [
            target("bin", "echo"),
            target("lib", "echoes"),
            target("bin", "other"),
        ];
        let metadata = format!(r#"{{"packages":[{{"targets":[{}]}}]}}"#, targets.join(","));
        assert_eq!(binaries_in(&metadata).unwrap(), ["echo", "other"]);
        assert_eq!(binaries_in("{}"), None);
    }
}
