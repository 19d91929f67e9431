//! The source form of a manifest: TOML files. A machine's file may include another one and override its fields.
//!
//! | file | content |
//! | --- | --- |
//! | this one | the files of a manifest, and their combination |
//! | `fleet` | the file of a fleet, from which the manifest of each machine is made |
//! | `text` | a file's text, and the locations in it that errors name |
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

pub mod fleet;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use identity::{GUEST_PREFIX, Name};
use serde::Deserialize;
use toml::Spanned;

use crate::check::{self, CheckError};
use crate::{Capability, Domain, Manifest, Port};

pub(crate) use text::Text;

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

/// Reads and checks the manifest in this file, whose domains run only these programs.
///
/// # Errors
/// The first error found. An image that is not one of the programs is an error, which lists them.
pub fn compile_with(path: &Path, programs: &[String]) -> Result<Manifest, Error> {
    let sources = Source::read_all(path)?;
    let manifest = assemble(&sources)?;
    for Source { text, document } in &sources {
        check_images(text, &document.domain, programs)?;
    }
    Ok(manifest)
}

/// Checks that every image of these domains is one of the programs.
fn check_images(
    text: &Text,
    domains: &[Spanned<Domain>],
    programs: &[String],
) -> Result<(), Error> {
    for domain in domains {
        let is_known = |image: &&str| programs.iter().any(|known| known == image);
        let images = domain.get_ref().images();
        if let Some(image) = images.into_iter().find(|image| !is_known(image)) {
            let name = &domain.get_ref().name;
            let known = programs.join(", ");
            let reason = format!(
                "domain `{name}`: field `image`: no program is called `{image}`, the programs are: {known}"
            );
            return Err(text.error(text.field(domain.span(), "image"), reason));
        }
    }
    Ok(())
}

/// One of the files of a manifest.
pub(crate) struct Source {
    pub(crate) text: Text,
    pub(crate) document: Document,
}

impl Source {
    pub(crate) fn read(path: &Path) -> Result<Source, Error> {
        Source::of(Text::read(path)?)
    }

    fn of(text: Text) -> Result<Source, Error> {
        let document = text.parse()?;
        Ok(Source { text, document })
    }

    /// Reads the file at this path, and the file that it includes, which comes first in the result.
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    include: Option<Spanned<String>>,
    machine: Option<Machine>,
    #[serde(default)]
    pub(crate) domain: Vec<Spanned<Domain>>,
    #[serde(default, rename = "override")]
    pub(crate) overrides: Overrides,
}

impl Document {
    /// Whether it contains nothing but domains.
    pub(crate) fn is_domains_only(&self) -> bool {
        self.include.is_none() && self.machine.is_none() && self.overrides.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Machine {
    name: Spanned<Name>,
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

/// The location of a domain for errors: the file and the span of its table.
type Origin<'a> = (&'a Text, Range<usize>);

/// Combines files into a manifest: a later one overrides fields of an earlier one.
pub(crate) fn assemble(sources: &[Source]) -> Result<Manifest, Error> {
    let last = sources.last().expect("a manifest has at least one file");
    let named = |source: &Source| {
        let machine = source.document.machine.as_ref()?;
        Some(machine_name(&source.text, &machine.name))
    };
    let missing = || last.text.error(0..0, "field `machine`: missing".into());
    let machine = sources.iter().rev().find_map(named);
    let machine = machine.ok_or_else(missing)??;
    let (mut domains, mut origins) = (Vec::new(), Vec::<Origin>::new());
    for Source { text, document } in sources {
        for domain in &document.domain {
            domains.push(domain.get_ref().clone());
            origins.push((text, domain.span()));
        }
        apply(&document.overrides, text, &mut domains, &mut origins)?;
    }
    checked(Manifest { machine, domains }, &origins)
}

/// The manifest, if it is valid.
fn checked(manifest: Manifest, origins: &[Origin]) -> Result<Manifest, Error> {
    check::check(&manifest).map_err(|error| locate(&error, &manifest, origins))?;
    Ok(manifest)
}

/// The name of a machine, if no guest can have it.
fn machine_name(text: &Text, name: &Spanned<Name>) -> Result<Name, Error> {
    if name.get_ref().is_of_guest() {
        let reason =
            format!("field `machine`: a name that begins with `{GUEST_PREFIX}` is that of a guest");
        return Err(text.error(name.span(), reason));
    }
    Ok(*name.get_ref())
}

/// The changes to domains, by their names.
type Overrides = BTreeMap<String, Spanned<Override>>;

/// Applies overrides. Errors in an overridden domain are then located in its override.
fn apply<'a>(
    overrides: &Overrides,
    text: &'a Text,
    domains: &mut [Domain],
    origins: &mut [Origin<'a>],
) -> Result<(), Error> {
    for (name, changes) in overrides {
        let Some(index) = domains
            .iter()
            .position(|domain| domain.name.as_str() == name)
        else {
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

#[cfg(test)]
pub(crate) mod tests;
