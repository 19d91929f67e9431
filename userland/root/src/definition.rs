//! What this machine starts a domain from: its entry in the manifest, and its program, of the boot archive or of a package.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::register::PageCount;
use manifest::Restart;

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

/// The bytes of a program, not yet validated.
#[derive(Debug)]
enum Program {
    /// The archive does not have it.
    Missing,
    /// A member of the boot archive.
    OfArchive(&'static [u8]),
    /// The end of a package, from this offset on.
    Received(Vec<u8>, usize),
}

impl Definition {
    /// An entry of the manifest, with its program from the archive. A missing program fails the start.
    pub fn from_archive(description: manifest::Domain, archive: &Archive<'static>) -> Definition {
        let program = archive.find(&member(&description));
        Definition {
            description,
            program: program.map_or(Program::Missing, Program::OfArchive),
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

    /// The memory that its package takes.
    pub fn received_bytes(&self) -> usize {
        match &self.program {
            Program::Received(package, _) => package.len(),
            Program::Missing | Program::OfArchive(_) => 0,
        }
    }

    /// Its program.
    ///
    /// # Errors
    /// It is missing or not valid.
    pub fn image(&self) -> Result<Image<'_>, StartError> {
        let member = || member(&self.description);
        let program = match &self.program {
            Program::Missing => return Err(StartError::NoMember(member())),
            Program::OfArchive(program) => program,
            Program::Received(package, start) => &package[*start..],
        };
        Image::parse(program).map_err(|error| StartError::Image(member(), error))
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
            name: "counter".into(),
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

/// The archive's name of a program.
fn member(description: &manifest::Domain) -> String {
    format!("{}.elf", description.image)
}
