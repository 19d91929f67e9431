//! A domain's definition, from which this machine starts it: its manifest entry, and its program in the boot archive or in a
//! package.

use alloc::format;
use alloc::vec::Vec;

use abi::register::PageCount;
use manifest::{Driver, Restart};

use crate::archive::Archive;
use crate::image::Image;
use crate::layout::MIB_PAGES;
use crate::start_error::StartError;

/// A domain's definition.
#[derive(Debug)]
pub struct Definition {
    /// Its entry in the manifest.
    pub description: manifest::Domain,
    program: Program,
}

/// The location of a program, which is not yet validated.
#[derive(Debug)]
enum Program {
    /// In the boot archive, under the name of its image or of a driver.
    OfArchive(Archive<'static>),
    /// At the end of a package, from this offset on.
    Received(Vec<u8>, usize),
}

impl Definition {
    /// An entry of the manifest, with its program from the archive. If the program is missing, the start will fail.
    pub fn from_archive(description: manifest::Domain, archive: &Archive<'static>) -> Definition {
        Definition {
            description,
            program: Program::OfArchive(*archive),
        }
    }

    /// The entry in a package, whose program begins at this offset.
    pub fn received(description: manifest::Domain, package: Vec<u8>, program: usize) -> Definition {
        Definition {
            description,
            program: Program::Received(package, program),
        }
    }

    /// Whether it came in a package.
    pub fn is_received(&self) -> bool {
        matches!(self.program, Program::Received(..))
    }

    /// The size of its package; zero without one.
    pub fn received_bytes(&self) -> usize {
        match &self.program {
            Program::Received(package, _) => package.len(),
            Program::OfArchive(_) => 0,
        }
    }

    /// Its program: the one that its entry names, or else that of its device's driver.
    ///
    /// # Errors
    /// It is missing or not valid.
    pub fn image(&self, driver: Option<&Driver>) -> Result<Image<'_>, StartError> {
        let name = match driver {
            Some(driver) if self.description.image.is_empty() => driver.image,
            _ => &self.description.image,
        };
        let member = format!("{name}.elf");
        let program = match &self.program {
            Program::OfArchive(archive) => archive.find(&member),
            Program::Received(package, start) => Some(&package[*start..]),
        };
        let program = program.ok_or_else(|| StartError::NoMember(member.clone()))?;
        Image::parse(program).map_err(|error| StartError::Image(member, error))
    }

    /// The size of its pool.
    pub fn pool_pages(&self) -> PageCount {
        PageCount(u64::from(self.description.pool_mib) * MIB_PAGES)
    }

    /// Whether it is restarted when it faults.
    pub fn restarts(&self) -> bool {
        self.description.restart == Restart::Always
    }
}

#[cfg(test)]
impl Definition {
    /// A movable domain without a program.
    pub fn for_tests(restart: Restart) -> Definition {
        let description = manifest::Domain {
            name: "counter".parse().expect("a name"),
            image: "counter".into(),
            role: None,
            priority: 16,
            pool_mib: 8,
            heap_mib: 1,
            stack_kib: 256,
            capabilities: alloc::vec::Vec::new(),
            port: None,
            device: None,
            provides: alloc::vec::Vec::new(),
            stateless: alloc::vec::Vec::new(),
            arguments: alloc::collections::BTreeMap::new(),
            movable: true,
            home: None,
            restart,
        };
        Definition::from_archive(description, &Archive::new(&[]))
    }
}
