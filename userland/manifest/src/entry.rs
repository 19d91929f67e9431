//! The manifest entry of one domain in a file of its own, for a program outside of this tree.
//!
//! ```toml
//! [[domain]]                      # as in a machine's manifest
//! name = "echo"
//! image = "echo"
//! pool_mib = 8
//! ```
//!
//! The entry joins the manifest of a machine, and the result is checked as if it were one file.

use std::path::Path;

use crate::source::{Error, Source, assemble};
use crate::{Domain, Manifest};

/// A domain's entry, and the file that it was read from.
pub struct Entry {
    path: Box<Path>,
    source: Source,
}

impl Entry {
    /// Reads the entry in this file.
    ///
    /// # Errors
    /// The file cannot be read, is not valid TOML, or holds anything but exactly one domain.
    pub fn read(path: &Path) -> Result<Entry, Error> {
        let source = Source::read(path)?;
        let Source { text, document } = &source;
        let refuse = |reason: &str| text.error(0..0, reason.to_string());
        if !document.is_domains_only() {
            let reason = "the entry of a domain is `[[domain]]`, without `include`, `machine` and `override`";
            return Err(refuse(reason));
        }
        match document.domain.as_slice() {
            [_] => Ok(Entry {
                path: path.into(),
                source,
            }),
            [] => Err(refuse(
                "no `[[domain]]`: the file must have the entry of one domain",
            )),
            [_, second, ..] => Err(text.error(
                second.span(),
                "a second `[[domain]]`: the file must have the entry of one domain".to_string(),
            )),
        }
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        self.source.document.domain[0].get_ref()
    }

    /// An error in a field of the entry, with its line.
    pub fn error(&self, field: &str, reason: &str) -> Error {
        let Source { text, document } = &self.source;
        let name = &self.domain().name;
        text.error(
            text.field(document.domain[0].span(), field),
            format!("domain `{name}`: field `{field}`: {reason}"),
        )
    }

    /// A machine's manifest with this domain added, and without those of the machine's own domains whose names are in `without`.
    ///
    /// # Errors
    /// The first [`Error`] in either file.
    pub fn join(&self, machine: &Path, without: &[&str]) -> Result<Manifest, Error> {
        let mut sources = Source::read_all(machine)?;
        let is_wanted = |name: &str| !without.contains(&name);
        for Source { document, .. } in &mut sources {
            document
                .domain
                .retain(|domain| is_wanted(domain.get_ref().name.as_str()));
            document.overrides.retain(|name, _| is_wanted(name));
        }
        sources.push(Source::read(&self.path)?);
        assemble(&sources)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const ENTRY: &str =
        "# A domain.\n[[domain]]\nname = \"echo\"\nimage = \"echo\"\npool_mib = 8\n";

    /// A test's own file, removed when the test ends.
    struct File(PathBuf);

    impl File {
        fn new(name: &str, text: &str) -> File {
            let file = format!("manifest-entry-{}-{name}.toml", std::process::id());
            let path = std::env::temp_dir().join(file);
            fs::write(&path, text).unwrap();
            File(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn machine(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../manifests/{name}.toml"))
    }

    fn error_of(name: &str, text: &str) -> String {
        let file = File::new(name, text);
        let joined = Entry::read(&file.0).and_then(|entry| entry.join(&machine("default"), &[]));
        joined.unwrap_err().to_string()
    }

    #[test]
    fn a_domain_joins_a_machine_and_takes_the_place_of_another() {
        let file = File::new("joins", ENTRY);
        let entry = Entry::read(&file.0).unwrap();
        for name in ["default", "machine-b"] {
            let manifest = entry.join(&machine(name), &["counter"]).unwrap();
            let names: Vec<_> = manifest.domains.iter().map(|it| it.name.as_str()).collect();
            assert_eq!(names.last(), Some(&"echo"));
            assert!(names.contains(&"nomad") && !names.contains(&"counter"));
        }
    }

    #[test]
    fn an_error_names_the_file_the_line_and_the_field() {
        let cases = [
            ("pool_mb = 3\n", 6, "`pool_mb`"),
            ("heap_mib = 9\n", 6, "`heap_mib`"),
            ("[machine]\nname = \"c\"\n", 1, "`machine`"),
            (
                "[[domain]]\nname = \"d\"\nimage = \"d\"\npool_mib = 1\n",
                6,
                "second",
            ),
        ];
        for (index, (line, number, expected)) in cases.into_iter().enumerate() {
            let error = error_of(&format!("line-{index}"), &format!("{ENTRY}{line}"));
            let place = format!("line-{index}.toml:{number}: ");
            assert!(
                error.contains(&place) && error.contains(expected),
                "{error}"
            );
        }
        let taken = error_of(
            "taken",
            &ENTRY.replace("name = \"echo\"", "name = \"nomad\""),
        );
        assert!(
            taken.contains("taken.toml:3: ") && taken.contains("`nomad`"),
            "{taken}"
        );
        assert!(error_of("none", "").contains("[[domain]]"));
    }

    #[test]
    fn an_error_reported_by_the_reader_has_the_line_of_its_field() {
        let file = File::new("own", ENTRY);
        let error = Entry::read(&file.0)
            .unwrap()
            .error("image", "no such program");
        assert_eq!(error.line, 4);
        assert!(
            error
                .to_string()
                .ends_with("field `image`: no such program")
        );
    }
}
