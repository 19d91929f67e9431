//! This machine's manifest, from the boot archive of one machine or of a whole fleet. In a fleet's archive, the marks of this
//! machine select its manifest. The log has the mark that selected it, and any mark of another machine.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use manifest::fleet::Marks;
use manifest::{FLEET_MEMBER, Fleet, MEMBER, Manifest, Uuid};
use runtime::Start;
use runtime::protocol::Name;

use crate::archive::Archive;
use crate::devices::Devices;
use crate::machine::Machine;

/// Reads the manifest. Without a valid one the machine runs no domain, and the log has the reason.
pub fn read(archive: &Archive, start: &Start, machine: &Machine, devices: &Devices) -> Manifest {
    let marks = || marks(|key| start.argument(key), devices.nic_addresses(machine));
    find(archive, marks).unwrap_or_else(|reason| {
        log::error!("{reason}");
        Manifest {
            machine: "nameless".parse().expect("a name"),
            domains: Vec::new(),
        }
    })
}

/// The marks of this machine: from the arguments of the kernel's command line, and its network cards.
fn marks<'a>(
    argument: impl Fn(&str) -> Option<&'a str>,
    macs: Vec<runtime::protocol::Mac>,
) -> Marks<'a> {
    // The boot loader passes an empty text if the machine has no UUID.
    let uuid = argument("uuid").and_then(Uuid::parse);
    Marks {
        name: argument("machine").filter(|name| !name.is_empty()),
        uuid: uuid.filter(|uuid| uuid.is_assigned()),
        macs,
    }
}

/// The manifest, or the reason that there is none.
fn find<'a>(archive: &Archive, marks: impl FnOnce() -> Marks<'a>) -> Result<Manifest, String> {
    let invalid = |member, error| format!("the archive's `{member}`: {error}");
    if let Some(fleet) = archive.find(FLEET_MEMBER) {
        let fleet = Fleet::from_bytes(fleet).map_err(|error| invalid(FLEET_MEMBER, error))?;
        return Ok(choose(&fleet, &marks()));
    }
    let manifest = archive.find(MEMBER);
    let manifest = manifest.ok_or_else(|| format!("the archive has no `{MEMBER}`"))?;
    Manifest::from_bytes(manifest).map_err(|error| invalid(MEMBER, error))
}

/// The manifest of the machine with these marks.
fn choose(fleet: &Fleet, marks: &Marks) -> Manifest {
    let matches = fleet.matches(marks);
    let Some(((member, mark), others)) = matches.split_first() else {
        let guest = fleet.guest(marks);
        log_guest(guest.machine, marks);
        return guest;
    };
    let name = &member.manifest.machine;
    log::info!("machine {name} of the fleet, by {mark}");
    for (other, mark) in others {
        let other = &other.manifest.machine;
        log::warn!(
            "by {mark}, this would be the machine {other} of the fleet, but it starts as {name}"
        );
    }
    member.manifest.clone()
}

/// Logs that this machine is a guest, and the marks by which a fleet file could name it.
fn log_guest(name: Name, marks: &Marks) {
    if let Some(unknown) = marks.name {
        log::warn!("the fleet has no machine {unknown}, which the kernel's command line names");
    }
    let uuid = marks.uuid.map(|uuid| format!("its UUID is {uuid}"));
    let uuid = uuid.unwrap_or_else(|| "it has no UUID".to_string());
    let macs: Vec<String> = marks.macs.iter().map(ToString::to_string).collect();
    let nics = match macs.as_slice() {
        [] => "no network card whose address could be read".to_string(),
        macs => format!("the network card {}", macs.join(" and ")),
    };
    log::info!("{name} is a guest of the fleet: {uuid}, and it has {nics}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::Mac;

    const UUID: &str = "00112233-4455-6677-8899-aabbccddeeff";

    #[test]
    fn marks_are_words_of_the_command_line_and_cards() {
        let words = |key: &str| match key {
            "machine" => Some("a"),
            "uuid" => Some(UUID),
            _ => None,
        };
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let marks = marks(words, [mac].into());
        assert_eq!(marks.name, Some("a"));
        assert_eq!((marks.uuid, marks.macs), (Uuid::parse(UUID), [mac].into()));
    }

    #[test]
    fn an_empty_or_unassigned_word_is_not_a_mark() {
        let zeros = UUID.replace(|digit| digit != '-', "0");
        for uuid in ["", "x", &zeros] {
            let words = |key: &str| (key == "uuid").then_some(uuid).or(Some(""));
            assert_eq!(marks(words, Vec::new()), Marks::default(), "{uuid}");
        }
    }

    #[test]
    fn an_archive_without_a_manifest_is_reported() {
        let error = find(&Archive::new(&[]), Marks::default).unwrap_err();
        assert_eq!(error, "the archive has no `manifest`");
    }
}
