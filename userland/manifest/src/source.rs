//! The source form of a manifest: TOML, in which one machine may differ from another.
//!
//! ```toml
//! include = "default.toml"        # start from another file
//! [machine]
//! name = "b"
//! [override.nomad]                # and change these fields of this domain
//! port = { mac = "52:54:00:77:00:02", ip = "10.77.0.2/24" }
//! ```
//!
//! Every error names file, line and field.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use abi::start_page::is_name;
use serde::Deserialize;
use toml::Spanned;

use crate::check::{self, CheckError};
use crate::{Capability, Domain, Manifest, Port};

/// An error in a manifest, with its location.
#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 if the file cannot be read.
    pub line: usize,
    /// The reason for rejecting it.
    pub reason: String,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { file, line, reason } = self;
        match line {
            0 => write!(formatter, "{}: {reason}", file.display()),
            _ => write!(formatter, "{}:{line}: {reason}", file.display()),
        }
    }
}

impl std::error::Error for Error {}

/// Reads and checks the manifest in this file.
///
/// # Errors
/// The first error found.
pub fn compile(path: &Path) -> Result<Manifest, Error> {
    assemble(&Source::read_all(path)?)
}

/// One file of those that a manifest is made of.
pub(crate) struct Source {
    pub(crate) text: Text,
    pub(crate) document: Document,
}

impl Source {
    pub(crate) fn read(path: &Path) -> Result<Source, Error> {
        Source::of(Text::read(path)?)
    }

    fn of(text: Text) -> Result<Source, Error> {
        let document = text.document()?;
        Ok(Source { text, document })
    }

    /// The file at this path, after the one that it includes.
    pub(crate) fn read_all(path: &Path) -> Result<Vec<Source>, Error> {
        let source = Source::read(path)?;
        let Some(include) = &source.document.include else {
            return Ok(vec![source]);
        };
        let base = Text::read(&path.with_file_name(include.get_ref())).map_err(|error| {
            let reason = format!("field `include`: {error}");
            source.text.error(include.span(), reason)
        })?;
        let base = Source::of(base)?;
        if let Some(second) = &base.document.include {
            let reason = "field `include`: an included manifest cannot include another".to_string();
            return Err(base.text.error(second.span(), reason));
        }
        Ok(vec![base, source])
    }
}

/// A file's text.
pub(crate) struct Text {
    path: PathBuf,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    include: Option<Spanned<String>>,
    machine: Option<Machine>,
    #[serde(default)]
    pub(crate) domain: Vec<Spanned<Domain>>,
    #[serde(default, rename = "override")]
    pub(crate) overrides: BTreeMap<String, Spanned<Override>>,
}

impl Document {
    /// Whether it contains only domains.
    pub(crate) fn is_domains_only(&self) -> bool {
        self.include.is_none() && self.machine.is_none() && self.overrides.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Machine {
    name: Spanned<String>,
}

/// The fields that a machine may override in an included domain.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Override {
    port: Option<Port>,
    priority: Option<u8>,
    pool_mib: Option<u32>,
    heap_mib: Option<u32>,
    capabilities: Option<Vec<Capability>>,
    arguments: Option<BTreeMap<String, String>>,
}

impl Override {
    fn apply(&self, domain: &mut Domain) {
        if let Some(port) = &self.port {
            domain.port = Some(port.clone());
        }
        domain.priority = self.priority.unwrap_or(domain.priority);
        domain.pool_mib = self.pool_mib.unwrap_or(domain.pool_mib);
        domain.heap_mib = self.heap_mib.unwrap_or(domain.heap_mib);
        if let Some(capabilities) = &self.capabilities {
            domain.capabilities = capabilities.clone();
        }
        for (key, value) in self.arguments.iter().flatten() {
            domain.arguments.insert(key.clone(), value.clone());
        }
    }
}

/// The location of a domain, for errors: the file and the span of its table.
type Origin<'a> = (&'a Text, Range<usize>);

/// The manifest that these files are, a later one over an earlier one.
pub(crate) fn assemble(sources: &[Source]) -> Result<Manifest, Error> {
    let last = sources.last().expect("a manifest is a file at least");
    let names = sources.iter().rev();
    let machine = names.flat_map(machine_name).next();
    let missing = || last.text.error(0..0, "field `machine`: missing".into());
    let machine = machine.ok_or_else(missing)??;
    let (mut domains, mut origins) = (Vec::new(), Vec::<Origin>::new());
    for Source { text, document } in sources {
        for domain in &document.domain {
            domains.push(domain.get_ref().clone());
            origins.push((text, domain.span()));
        }
        apply(document, text, &mut domains, &mut origins)?;
    }
    let manifest = Manifest { machine, domains };
    check::check(&manifest).map_err(|error| locate(&error, &manifest, &origins))?;
    Ok(manifest)
}

/// The machine's name, if the document has one.
fn machine_name(Source { text, document }: &Source) -> Option<Result<String, Error>> {
    let name = &document.machine.as_ref()?.name;
    let reason = || format!("field `machine`: {}", check::invalid_name(name.get_ref()));
    Some(match is_name(name.get_ref()) {
        true => Ok(name.get_ref().clone()),
        false => Err(text.error(name.span(), reason())),
    })
}

/// Applies a document's overrides. Errors in an overridden domain are then located there.
fn apply<'a>(
    document: &Document,
    text: &'a Text,
    domains: &mut [Domain],
    origins: &mut [Origin<'a>],
) -> Result<(), Error> {
    for (name, changes) in &document.overrides {
        let Some(index) = domains.iter().position(|domain| domain.name == *name) else {
            let reason = format!("field `override.{name}`: no domain has this name");
            return Err(text.error(changes.span(), reason));
        };
        changes.get_ref().apply(&mut domains[index]);
        origins[index] = (text, changes.span());
    }
    Ok(())
}

fn locate(error: &CheckError, manifest: &Manifest, origins: &[Origin]) -> Error {
    let CheckError {
        domain,
        field,
        reason,
    } = error;
    let (text, table) = &origins[*domain];
    let name = &manifest.domains[*domain].name;
    text.error(
        text.field(table.clone(), field),
        format!("domain `{name}`: field `{field}`: {reason}"),
    )
}

impl Text {
    fn read(path: &Path) -> Result<Text, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error {
            file: path.to_path_buf(),
            line: 0,
            reason: error.to_string(),
        })?;
        Ok(Text {
            path: path.to_path_buf(),
            text,
        })
    }

    fn document(&self) -> Result<Document, Error> {
        toml::from_str(&self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let message = error.message();
            let reason = match self.key_before(span.start) {
                // The parser names the key of an unknown field, but not that of an invalid value.
                Some(key) if !message.contains(&format!("`{key}`")) => {
                    format!("field `{key}`: {message}")
                }
                _ => message.to_string(),
            };
            self.error(span, reason)
        })
    }

    pub(crate) fn error(&self, span: Range<usize>, reason: String) -> Error {
        let before = &self.text[..span.start.min(self.text.len())];
        Error {
            file: self.path.clone(),
            line: before.matches('\n').count() + 1,
            reason,
        }
    }

    /// The key whose value begins at or before `position`, on the same line.
    fn key_before(&self, position: usize) -> Option<&str> {
        let line_start = self.text[..position].rfind('\n').map_or(0, |at| at + 1);
        let (before, _) = self.text[line_start..position].rsplit_once('=')?;
        let key = before.trim_end().rsplit(['{', ',', ' ']).next()?.trim();
        (!key.is_empty()).then_some(key)
    }

    /// The span of a field in a table; that of the table if the field is absent and its default is rejected.
    ///
    /// A table's span may cover only its header: fields are searched up to the next header.
    pub(crate) fn field(&self, table: Range<usize>, field: &str) -> Range<usize> {
        let mut start = table.start;
        for (index, line) in self.text[table.start..].split_inclusive('\n').enumerate() {
            if index > 0 && line.starts_with('[') {
                break;
            }
            let value = line.trim_start().strip_prefix(field);
            if value.is_some_and(|rest| rest.trim_start().starts_with('=')) {
                return start..start + line.len();
            }
            start += line.len();
        }
        table
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Role;

    fn text_of(text: &str) -> Text {
        Text {
            path: "test.toml".into(),
            text: text.into(),
        }
    }

    /// Compiles this text.
    pub(crate) fn manifest_of(text: &str) -> Result<Manifest, Error> {
        assemble(&[Source::of(text_of(text))?])
    }

    /// The error in this text, as displayed.
    pub(crate) fn error_of(text: &str) -> String {
        manifest_of(text).unwrap_err().to_string()
    }

    const DOMAIN: &str =
        "[machine]\nname = \"a\"\n[[domain]]\nname = \"d\"\nimage = \"x\"\npool_mib = 8\n";

    #[test]
    fn omitted_fields_have_defaults() {
        let manifest = manifest_of(DOMAIN).unwrap();
        let domain = &manifest.domains[0];
        assert_eq!((domain.priority, domain.stack_kib), (16, 256));
        assert!(!domain.movable && domain.capabilities.is_empty());
    }

    #[test]
    fn a_typing_error_is_shown_with_line_and_field() {
        let cases = [
            ("prioritty = 3\n", 7, "`prioritty`"),
            ("priority = \"high\"\n", 7, "field `priority`: invalid type"),
            ("priority = -1\n", 7, "field `priority`: invalid value"),
            ("restart = \"often\"\n", 7, "`often`"),
            ("role = \"router\"\n", 7, "`router`"),
            (
                "home = \"two words\"\n",
                7,
                "field `home`: `two words`: the name contains ' '",
            ),
            ("movable = yes\n", 7, "field `movable`"),
            ("capabilities = [\"log\", \"prot\"]\n", 7, "`prot`"),
            ("port = { mac = \"1:2\" }\n", 7, "field `mac`: `1:2`"),
            (
                "port = { ip = \"10.0.0.1\" }\n",
                7,
                "field `ip`: `10.0.0.1`",
            ),
            ("port = { mak = \"52:54:00:00:00:01\" }\n", 7, "`mak`"),
            ("device = { kind = \"e1000\" }\n", 7, "`e1000`"),
            ("arguments = { a = 1 }\n", 7, "field `a`"),
        ];
        for (line, number, expected) in cases {
            let error = error_of(&format!("{DOMAIN}{line}"));
            assert!(
                error.starts_with(&format!("test.toml:{number}: ")) && error.contains(expected),
                "{line}{error}"
            );
        }
    }

    #[test]
    fn a_missing_field_is_named_with_its_domain() {
        let error = error_of("[machine]\nname = \"a\"\n[[domain]]\nname = \"d\"\n");
        assert!(
            error.starts_with("test.toml:3: ") && error.contains("`pool_mib`"),
            "{error}"
        );
        assert!(error_of("").contains("field `machine`: missing"));
    }

    /// Two files in a directory of their own.
    fn compile_two(name: &str, base: &str, machine: &str) -> Result<Manifest, Error> {
        let directory =
            std::env::temp_dir().join(format!("manifest-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("default.toml"), base).unwrap();
        fs::write(directory.join("machine-b.toml"), machine).unwrap();
        let result = compile(&directory.join("machine-b.toml"));
        fs::remove_dir_all(&directory).unwrap();
        result
    }

    #[test]
    fn a_machine_differs_in_its_overrides() {
        let manifest = compile_two(
            "differs",
            &format!("{DOMAIN}arguments = {{ a = \"1\", b = \"2\" }}\n"),
            "include = \"default.toml\"\n[machine]\nname = \"b\"\n\
             [override.d]\narguments = { b = \"3\" }\npool_mib = 9\npriority = 20\n\
             capabilities = [\"pool\"]\n",
        )
        .unwrap();
        let domain = &manifest.domains[0];
        assert_eq!(manifest.machine, "b");
        assert_eq!((domain.pool_mib, domain.priority), (9, 20));
        assert_eq!(domain.capabilities, [Capability::Pool]);
        let arguments: Vec<_> = domain.arguments.values().collect();
        assert_eq!(arguments, ["1", "3"]);
    }

    #[test]
    fn an_error_names_its_file() {
        let include = "include = \"default.toml\"\n[machine]\nname = \"b\"\n";
        let nobody = format!("{include}[override.nobody]\npool_mib = 2\n");
        let error = compile_two("nobody", DOMAIN, &nobody).unwrap_err();
        assert!(error.file.ends_with("machine-b.toml"), "{error}");
        assert_eq!(error.line, 4, "{error}");
        let small = format!("{include}[override.d]\nheap_mib = 7\npool_mib = 0\n");
        let error = compile_two("small", DOMAIN, &small).unwrap_err();
        assert!(error.file.ends_with("machine-b.toml"), "{error}");
        assert_eq!(error.line, 6, "{error}");
        let wrong = DOMAIN.replace("8", "x");
        let error = compile_two("wrong", &wrong, include).unwrap_err();
        assert!(error.file.ends_with("default.toml"), "{error}");
        assert_eq!(error.line, 6, "{error}");
    }

    #[test]
    fn the_manifests_in_the_tree_compile_and_have_a_console() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let directories = ["userland/manifests", "tests/manifests"].map(|it| root.join(it));
        let files = directories
            .map(|it| fs::read_dir(it).unwrap())
            .into_iter()
            .flatten();
        let manifests = files.map(|file| compile(&file.unwrap().path()).unwrap());
        let checked = manifests.inspect(|manifest| {
            let console = manifest.at_home_with_role(Role::Console);
            assert!(console.is_some(), "{manifest:?}");
        });
        assert!(checked.count() >= 3);
    }
}
