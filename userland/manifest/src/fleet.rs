//! The manifests of all machines of a fleet in one compiled form, from which each machine takes its own: [`Fleet`].
//!
//! ```text
//! "caravan fleet 1\n"   the Fleet, in postcard
//! ```
//!
//! A machine is recognised by its [`Marks`]: the name on the kernel's command line, the UUID of its firmware, the
//! addresses of its network cards, in this order. A machine that no section names is a guest.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use identity::{GUEST_PREFIX, Mac, Name};
use serde::{Deserialize, Serialize};

use crate::machine::{ManifestError, append_images};
use crate::{Domain, Manifest, Role, Uuid};

/// The name of the compiled fleet in the boot archive.
pub const FLEET_MEMBER: &str = "fleet";

/// The header of the compiled form; the number is incremented when the types change.
const MAGIC: &[u8] = b"caravan fleet 1\n";

/// The machines of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// The machines that the fleet file names, in its order.
    pub members: Vec<Member>,
    /// The domains that any other machine starts. The migration server among them lacks its Ethernet address, which is derived from
    /// the machine's name.
    pub guest_domains: Vec<Domain>,
}

/// A machine of a fleet, and the marks by which it is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its UUID.
    pub uuid: Option<Uuid>,
    /// The address of one of its network cards.
    pub mac: Option<Mac>,
    /// Its name and its domains.
    pub manifest: Manifest,
}

/// The marks of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks<'a> {
    /// The name on the kernel's command line.
    pub name: Option<&'a str>,
    /// The UUID in its SMBIOS.
    pub uuid: Option<Uuid>,
    /// The addresses of its network cards, in the order of the bus scan.
    pub macs: Vec<Mac>,
}

/// A mark that a section of the fleet file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The name on the kernel's command line.
    Name,
    /// The UUID in the machine's SMBIOS.
    Uuid(Uuid),
    /// The address of one of the machine's network cards.
    Mac(Mac),
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mark::Name => formatter.write_str("the kernel's command line"),
            Mark::Uuid(uuid) => write!(formatter, "its UUID {uuid}"),
            Mark::Mac(mac) => write!(formatter, "its network card {mac}"),
        }
    }
}

/// A section that names a mark of this machine.
pub type Match<'a> = (&'a Member, Mark);

impl Fleet {
    /// The compiled form.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Postcard fails only on sequences of unknown length, and there are none.
        let body = postcard::to_allocvec(self).expect("every field has a compiled form");
        [MAGIC, &body].concat()
    }

    /// Reads the compiled form.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Fleet, ManifestError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(ManifestError::Version)?;
        postcard::from_bytes(body).map_err(|_| ManifestError::Damaged)
    }

    /// The sections that match, the strongest first: by name, by UUID, by the first card, by the next one. The first is this
    /// machine's, and the others contradict it. If no section has the machine's name, none matches, whatever the other marks: the
    /// operator meant a machine that this image does not know.
    pub fn matches(&self, marks: &Marks) -> Vec<Match<'_>> {
        let find = |mark: Mark, is_marked: &dyn Fn(&Member) -> bool| {
            let member = self.members.iter().find(|member| is_marked(member));
            member.map(|member| (member, mark))
        };
        let by_name = marks.name.map(|name| {
            find(Mark::Name, &|member| {
                member.manifest.machine.as_str() == name
            })
        });
        if by_name == Some(None) {
            return Vec::new();
        }
        let by_uuid = marks
            .uuid
            .and_then(|uuid| find(Mark::Uuid(uuid), &|member| member.uuid == Some(uuid)));
        let by_mac = marks
            .macs
            .iter()
            .filter_map(|mac| find(Mark::Mac(*mac), &|member| member.mac == Some(*mac)));
        let all = by_name.flatten().into_iter().chain(by_uuid).chain(by_mac);
        let mut matches: Vec<Match> = Vec::new();
        for found in all {
            if !matches.iter().any(|(member, _)| *member == found.0) {
                matches.push(found);
            }
        }
        matches
    }

    /// The manifest of a machine that no section names. Its name is derived from the address of its first network card. Without a
    /// card, the manifest has no migration server, which could reach no other machine.
    pub fn guest(&self, marks: &Marks) -> Manifest {
        match marks.macs.first() {
            Some(mac) => {
                let name = format!("{GUEST_PREFIX}{:012x}", mac.to_word());
                self.guest_named(
                    Name::try_new(&name).expect("18 letters, digits and `-` are a name"),
                )
            }
            None => {
                let is_server = |domain: &Domain| domain.role == Some(Role::MigrationServer);
                let mut domains = self.guest_domains.clone();
                domains.retain(|domain| !is_server(domain));
                Manifest {
                    machine: Name::try_new("guest").expect("five letters are a name"),
                    domains,
                }
            }
        }
    }

    /// The manifest of the guest with this name.
    pub(crate) fn guest_named(&self, machine: Name) -> Manifest {
        let mut domains = self.guest_domains.clone();
        for domain in &mut domains {
            if domain.role == Some(Role::MigrationServer)
                && let Some(port) = &mut domain.port
            {
                port.mac = Some(station(machine));
            }
        }
        Manifest { machine, domains }
    }

    /// The programs that the archive must contain, each once.
    pub fn images(&self) -> Vec<&str> {
        let members = self
            .members
            .iter()
            .flat_map(|member| &member.manifest.domains);
        let mut images = Vec::new();
        append_images(&mut images, members.chain(&self.guest_domains));
        images
    }
}

/// The Ethernet address of a machine's migration server: locally administered, and a hash (FNV-1a) of the machine's name,
/// so that a machine keeps it wherever the image is made.
pub(crate) fn station(machine: Name) -> Mac {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x100_0000_01b3;
    let hash = machine.as_str().bytes().fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    let [a, b, c, d, e, ..] = hash.to_le_bytes();
    Mac([0x02, a, b, c, d, e])
}

#[cfg(test)]
mod tests;
