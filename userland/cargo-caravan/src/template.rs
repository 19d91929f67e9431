//! A new crate, from the files in `template/`.

use std::fs;
use std::path::Path;

use abi::start_page::is_name;
use xtask::programs::{self, KERNEL_PACKAGE};
use xtask::workspace::Workspace;

use crate::error::{AtPath, Error, Result};

/// The files of a crate, and their content.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/Cargo.toml.in")),
    ("caravan.toml", include_str!("../template/caravan.toml.in")),
    ("src/main.rs", include_str!("../template/main.rs")),
    ("README.md", include_str!("../template/README.md.in")),
    (".gitignore", include_str!("../template/gitignore")),
];

/// The tree's lock file. With a copy of it, the new crate uses the same versions of dependencies as the tree.
const LOCK: &str = "Cargo.lock";

/// Names that a new crate cannot have: cargo or the compiler uses them, or crates that every domain is built with have them.
const RESERVED: &[&str] = &[
    "abi",
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc_macro",
    "runtime",
    "std",
    "test",
];

/// Makes the crate `name` in `directory`, which must not exist.
///
/// # Errors
/// The name cannot be used, the directory exists, or a file cannot be written.
pub fn create(name: &str, directory: &Path, tree: &Workspace) -> Result<()> {
    check_name(name, tree)?;
    if directory.symlink_metadata().is_ok() {
        return Err(Error::Exists(directory.to_path_buf()));
    }
    let runtime = tree.source("userland/runtime");
    let source = directory.join("src");
    fs::create_dir_all(&source).at(&source)?;
    for (file, text) in FILES {
        // The Rust string literal of a path of printable characters is also a TOML string.
        let text = text
            .replace("{{name}}", name)
            .replace("{{runtime}}", &format!("{:?}", runtime.to_string_lossy()))
            .replace("{{tree}}", &tree.root().to_string_lossy());
        let path = directory.join(file);
        fs::write(&path, text).at(&path)?;
    }
    let (from, to) = (tree.source(LOCK), directory.join(LOCK));
    fs::copy(&from, &to).at(&from)?;
    Ok(())
}

fn check_name(name: &str, tree: &Workspace) -> Result<()> {
    let refuse = |reason: String| Err(Error::Name(name.to_owned(), reason));
    if !is_name(name) {
        return refuse(manifest::check::invalid_name(name));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || !name.bytes().all(is_plain) {
        return refuse(
            "a crate's name begins with a letter and has letters, digits, `-` and `_`".into(),
        );
    }
    if RESERVED.contains(&name) {
        return refuse(
            "cargo, the compiler or a crate that every domain is built with has this name".into(),
        );
    }
    check_image(name, tree).or_else(refuse)
}

/// Checks that no program of the tree has this name.
pub fn check_image(name: &str, tree: &Workspace) -> std::result::Result<(), String> {
    let known = programs::all(tree).map_err(|error| error.to_string())?;
    if name == KERNEL_PACKAGE || known.iter().any(|known| known == name) {
        return Err("the tree has a program of this name".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_name_is_refused_with_the_reason() {
        let tree = Workspace::find();
        for (name, reason) in [
            ("", "1 to"),
            ("my domain", "letters"),
            ("a-name-that-is-far-too-long-for-one", "1 to"),
            ("a.b", "crate"),
            ("7up", "crate"),
            ("kv", "tree"),
            ("kernel", "tree"),
            ("core", "compiler"),
        ] {
            let error = check_name(name, &tree).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(check_name("my-echo_2", &tree).is_ok());
    }

    #[test]
    fn a_new_crate_has_all_files_without_placeholders() {
        let tree = Workspace::find();
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("below/echo");
        create("echo", &directory, &tree).unwrap();
        for (file, _) in FILES {
            let text = fs::read_to_string(directory.join(file)).unwrap();
            assert!(!text.contains("{{"), "{file}: {text}");
        }
        let entry = manifest::Entry::read(&directory.join("caravan.toml")).unwrap();
        assert_eq!(entry.domain().name.as_str(), "echo");
        let again = create("echo", &directory, &tree).unwrap_err();
        assert!(matches!(again, Error::Exists(path) if path == directory));
    }
}
