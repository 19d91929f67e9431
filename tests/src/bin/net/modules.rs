//! Modules of the Linux kernel, and the order in which they are loaded: [`Modules`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The field of a module's information that lists the modules that it needs, separated by commas. The fields are strings that end with
/// zero.
const NEEDS: &[u8] = b"\0depends=";

/// The modules below a directory, by name.
#[derive(Debug)]
pub struct Modules(BTreeMap<String, PathBuf>);

impl Modules {
    /// Finds the files below this directory.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    pub fn below(directory: &Path) -> Modules {
        let mut found = BTreeMap::new();
        collect(directory, &mut found);
        Modules(found)
    }

    /// The contents of these modules and of those that they need. Each follows those that it needs.
    ///
    /// # Errors
    ///
    /// The name of a module that is missing.
    pub fn in_order(&self, names: &[&str]) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut ordered = Vec::new();
        for name in names {
            self.add(&normal(name), &mut ordered)?;
        }
        Ok(ordered)
    }

    fn add(&self, name: &str, ordered: &mut Vec<(String, Vec<u8>)>) -> Result<(), String> {
        if ordered.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        let content = self.0.get(name).and_then(|path| fs::read(path).ok());
        let content = content.ok_or_else(|| name.to_owned())?;
        for needed in needs(&content) {
            self.add(&needed, ordered)?;
        }
        ordered.push((name.to_owned(), content));
        Ok(())
    }
}

fn collect(directory: &Path, found: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory of modules") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.and_then(|name| name.strip_suffix(".ko")) {
            found.insert(normal(name), path);
        } else if path.is_dir() {
            collect(&path, found);
        }
    }
}

/// A module's name as the kernel reports it. Files may have hyphens instead.
fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// The names of the modules that a module needs.
fn needs(module: &[u8]) -> Vec<String> {
    let start = module.windows(NEEDS.len()).position(|bytes| bytes == NEEDS);
    let list = start.map(|start| &module[start + NEEDS.len()..]);
    let list = list.and_then(|rest| rest.split(|byte| *byte == 0).next());
    let list = String::from_utf8_lossy(list.unwrap_or_default()).into_owned();
    let names = list.split(',').filter(|name| !name.is_empty());
    names.map(normal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with modules: a path, and the names of those that it needs.
    fn modules(files: &[(&str, &str)]) -> (tempfile::TempDir, Modules) {
        let directory = tempfile::tempdir().expect("a directory");
        for (path, needs) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("room");
            let content = format!("ELF\0license=GPL\0depends={needs}\0intree=Y\0");
            fs::write(path, content).expect("room");
        }
        let modules = Modules::below(directory.path());
        (directory, modules)
    }

    #[test]
    fn a_module_follows_those_that_it_needs() {
        let (_directory, modules) = modules(&[
            ("net/igb.ko", "dca,i2c-algo-bit"),
            ("net/e1000.ko", ""),
            ("dca/dca.ko", ""),
            ("i2c/i2c-algo-bit.ko", "dca"),
        ]);
        let names = |wanted: &[&str]| -> Vec<String> {
            let ordered = modules.in_order(wanted).expect("all modules");
            ordered.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&["igb"]), ["dca", "i2c_algo_bit", "igb"]);
        assert_eq!(names(&["e1000", "dca", "e1000"]), ["e1000", "dca"]);
    }

    #[test]
    fn a_missing_module_is_named() {
        let (_directory, modules) = modules(&[("8139cp.ko", "mii")]);
        assert_eq!(modules.in_order(&["8139cp"]), Err("mii".to_owned()));
        assert_eq!(modules.in_order(&["igc"]), Err("igc".to_owned()));
    }
}
