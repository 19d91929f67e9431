//! A machine's manifest on its way from TOML in the tree to the boot archive.
//!
//! This file knows where manifests lie, which images one names, and what its member of the archive is; what a manifest
//! may say is not decided here.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Error, Result};
use crate::workspace::Workspace;

/// The name that the compiled manifest has in the boot archive.
pub const MEMBER: &str = "manifest.toml";

/// The manifest of a machine that was asked for nothing special.
pub const DEFAULT: &str = "default";

const DIRECTORY: &str = "userland/manifests";
/// The key whose values name images, wherever it stands.
const IMAGE_KEY: &str = "image";

/// The source of the manifest `name`.
pub fn path(name: &str, workspace: &Workspace) -> PathBuf {
    workspace.source(DIRECTORY).join(format!("{name}.toml"))
}

/// The names of all manifests in the tree, in order.
pub fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let directory = workspace.source(DIRECTORY);
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).at(&directory)? {
        let path = entry.at(&directory)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The bytes that go into the archive as [`MEMBER`].
pub fn compile(path: &Path) -> Result<Vec<u8>> {
    parse(path).map(|(text, _)| text.into_bytes())
}

/// The images that the manifest names, each once, in the order of their first mention.
pub fn images(path: &Path) -> Result<Vec<String>> {
    let (_, table) = parse(path)?;
    let mut images = Vec::new();
    collect_images(&toml::Value::Table(table), &mut images);
    Ok(images)
}

fn parse(path: &Path) -> Result<(String, toml::Table)> {
    let text = fs::read_to_string(path).at(path)?;
    // The parser's message shows line and column.
    let table = text
        .parse()
        .map_err(|e: toml::de::Error| Error::Malformed(path.to_path_buf(), e.to_string()))?;
    Ok((text, table))
}

fn collect_images(value: &toml::Value, images: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                match value.as_str() {
                    Some(image)
                        if key == IMAGE_KEY && !images.iter().any(|known| known == image) =>
                    {
                        images.push(image.to_string());
                    }
                    _ => collect_images(value, images),
                }
            }
        }
        toml::Value::Array(values) => values
            .iter()
            .for_each(|value| collect_images(value, images)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images_of(text: &str) -> Vec<String> {
        let mut images = Vec::new();
        collect_images(&text.parse::<toml::Table>().unwrap().into(), &mut images);
        images
    }

    #[test]
    fn finds_images_wherever_they_stand() {
        let text = "[[domain]]\nimage = \"switch\"\n[[domain]]\nimage = \"counter\"\n[extra.deep]\nimage = \"kv\"\n";
        let mut images = images_of(text);
        images.sort();
        assert_eq!(images, ["counter", "kv", "switch"]);
    }

    #[test]
    fn an_image_used_twice_is_listed_once() {
        assert_eq!(images_of("[a]\nimage = \"x\"\n[b]\nimage = \"x\"\n"), ["x"]);
    }

    #[test]
    fn a_typing_error_is_shown_with_file_and_line() {
        let path = std::env::temp_dir().join(format!("xtask-manifest-{}.toml", std::process::id()));
        fs::write(&path, "name = \"a\"\nimage = switch\n").unwrap();
        let error = compile(&path).unwrap_err().to_string();
        fs::remove_file(&path).unwrap();
        assert!(
            error.contains(&*path.to_string_lossy()) && error.contains("line 2"),
            "{error}"
        );
    }
}
