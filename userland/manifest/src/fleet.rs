//! The manifests of all machines of a fleet in one compiled form, from which each machine takes its own: [`Fleet`].
//!
//! ```text
//! "caravan fleet 1\n"   the Fleet, in postcard
//! ```
//!
//! A machine is recognised by its [`Marks`]: the name on the kernel's command line, the UUID of its firmware, the
//! addresses of its network cards, in this order. A machine that no section names is a guest.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use identity::{Mac, Name};
use serde::{Deserialize, Serialize};

use crate::machine::{ManifestError, append_images};
use crate::{Domain, Manifest, Uuid};

/// The name of the compiled fleet in the boot archive.
pub const FLEET_MEMBER: &str = "fleet";

/// The header of the compiled form; the number is incremented when the types change.
const MAGIC: &[u8] = b"caravan fleet 1\n";

/// The machines of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// The machines that the fleet file names, in its order.
    pub members: Vec<Member>,
    /// The domains that any other machine starts.
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
    /// The name.
    Name,
    /// The UUID.
    Uuid(Uuid),
    /// The address of a card.
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

    /// The manifest of a machine that no section names. Its name follows from its first network card.
    pub fn guest(&self, marks: &Marks) -> Manifest {
        let name = match marks.macs.first() {
            Some(mac) => format!("guest-{:012x}", mac.to_word()),
            None => String::from("guest"),
        };
        Manifest {
            machine: Name::try_new(&name).expect("18 letters, digits and `-` are a name"),
            domains: self.guest_domains.clone(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fleet::tests::{TWO, fleet_of};

    const UUID: &str = "00112233-4455-6677-8899-aabbccddeeff";
    const MAC: Mac = Mac([0x52, 0x54, 0, 0xca, 0x7a, 1]);

    /// The names of the sections that match, in order, each with its mark.
    fn names(marks: &Marks) -> Vec<(String, Mark)> {
        let fleet = fleet_of(TWO).unwrap();
        let matches = fleet.matches(marks).into_iter();
        matches
            .map(|(member, mark)| (member.manifest.machine.to_string(), mark))
            .collect()
    }

    #[test]
    fn survives_compilation() {
        let fleet = fleet_of(TWO).unwrap();
        let bytes = fleet.to_bytes();
        assert_eq!(Fleet::from_bytes(&bytes), Ok(fleet));
        assert_eq!(
            Fleet::from_bytes(b"caravan manifest 6\n"),
            Err(ManifestError::Version)
        );
        for end in MAGIC.len()..bytes.len() {
            let cut = Fleet::from_bytes(&bytes[..end]);
            assert_eq!(cut, Err(ManifestError::Damaged), "cut at {end}");
        }
    }

    #[test]
    fn a_machine_is_recognised_by_name_uuid_or_card() {
        let uuid = Uuid::parse(UUID);
        let none = Marks::default();
        assert_eq!(
            names(&Marks {
                name: Some("b"),
                ..none.clone()
            }),
            [("b".into(), Mark::Name)]
        );
        let by_uuid = [("b".into(), Mark::Uuid(uuid.unwrap()))];
        assert_eq!(
            names(&Marks {
                uuid,
                ..none.clone()
            }),
            by_uuid
        );
        let macs = [Mac([2; 6]), MAC].into();
        assert_eq!(
            names(&Marks {
                macs,
                ..none.clone()
            }),
            [("a".into(), Mark::Mac(MAC))]
        );
        assert_eq!(names(&none), []);
    }

    #[test]
    fn a_section_that_contradicts_a_stronger_one_comes_second() {
        let marks = Marks {
            name: None,
            uuid: Uuid::parse(UUID),
            macs: [MAC].into(),
        };
        let order = |marks: &Marks| -> Vec<String> {
            names(marks).into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(order(&marks), ["b", "a"]);
        assert_eq!(
            order(&Marks {
                name: Some("a"),
                ..marks.clone()
            }),
            ["a", "b"]
        );
        // Two marks of one section agree.
        assert_eq!(
            order(&Marks {
                name: Some("b"),
                macs: Vec::new(),
                ..marks
            }),
            ["b"]
        );
    }

    #[test]
    fn an_unknown_name_matches_nothing_whatever_the_other_marks() {
        let marks = Marks {
            name: Some("c"),
            uuid: Uuid::parse(UUID),
            macs: [MAC].into(),
        };
        assert_eq!(names(&marks), []);
    }

    #[test]
    fn a_guest_is_named_after_its_card_and_starts_the_systems_domains_only() {
        let fleet = fleet_of(TWO).unwrap();
        let guest = fleet.guest(&Marks {
            macs: [MAC].into(),
            ..Marks::default()
        });
        assert_eq!(guest.machine.as_str(), "guest-525400ca7a01");
        let started: Vec<_> = guest
            .domains_at_home()
            .map(|domain| domain.name.as_str())
            .collect();
        assert_eq!(started, ["switch", "nic0"]);
        assert_eq!(fleet.guest(&Marks::default()).machine.as_str(), "guest");
    }

    #[test]
    fn the_archive_has_each_program_once() {
        let images = fleet_of(TWO).unwrap();
        let images = images.images();
        for program in ["switch", "nomad-server", "counter", "igb"] {
            assert_eq!(
                images.iter().filter(|image| **image == program).count(),
                1,
                "{images:?}"
            );
        }
    }
}
