//! Every link in the documents refers to a file of the tree.

use std::fs;
use std::path::{Path, PathBuf};

/// All documents at the top of the tree and below `docs`.
fn documents(root: &Path) -> Vec<PathBuf> {
    let mut documents = vec![root.join("README.md"), root.join("ARCHITECTURE.md")];
    for directory in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root.join(directory)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        documents.extend(paths.filter(|path| path.extension().is_some_and(|it| it == "md")));
    }
    documents
}

/// The targets of a document's links within the tree, without fragments.
fn targets(text: &str) -> Vec<&str> {
    let after = text.split("](").skip(1);
    let targets = after.filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
        .collect()
}

#[test]
fn every_link_refers_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut broken = Vec::new();
    for document in documents(&root) {
        let text = fs::read_to_string(&document).unwrap();
        for target in targets(&text) {
            if !document.with_file_name(target).exists() {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn links_are_distinguished_from_other_text() {
    let text = "[a](x/y.rs) `f(x)[0](y z)` [b](https://c.d/e) [f](g.md#part) [h](#i)";
    assert_eq!(targets(text), ["x/y.rs", "g.md"]);
}
