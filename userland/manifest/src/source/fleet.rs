//! The file of a fleet: the domains that its machines have in common, and a section for each machine.
//!
//! ```toml
//! [[machine]]
//! name = "a"
//! uuid = "4c4c4544-0042-3510-8054-b9c04f4e3732"   # recognised by the UUID of its firmware, or
//! mac = "52:54:00:12:34:56"                       # by one of its network cards
//! ip = "10.77.0.1/24"                             # the address of its migration server, or "dhcp"
//! [machine.override.nomad]                        # fields of a domain that differ on this machine
//! pool_mib = 64
//!
//! [[domain]]                                      # as in the manifest of one machine
//! name = "switch"
//! ```
//!
//! Each machine's migration server gets the address of its section, an Ethernet address that is derived from the machine's
//! name, and the other machines as its `peers`, with their addresses unless a DHCP server assigns these. A domain of one machine
//! alone has that machine as its `home`. A machine without a section is a guest: it starts the domains with a role and without a home, and
//! its migration server gets its address from a DHCP server.

use std::path::Path;

use identity::{Mac, Name};
use serde::Deserialize;
use toml::Spanned;

use super::{Error, Origin, Overrides, Text, apply, check_images, checked, machine_name};
use crate::fleet::{Member, station};
use crate::network::{DHCP, PortIp};
use crate::{Domain, Fleet, Manifest, Role, Uuid};

/// Reads and checks the fleet in this file, whose domains run only these programs.
///
/// # Errors
/// The first error found. An image that is not one of the programs is an error, which lists them.
pub fn compile_with(path: &Path, programs: &[String]) -> Result<Fleet, Error> {
    let text = Text::read(path)?;
    let document = text.parse()?;
    let fleet = assemble(&text, &document)?;
    check_images(&text, &document.domain, programs)?;
    Ok(fleet)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    machine: Vec<Spanned<Section>>,
    #[serde(default)]
    domain: Vec<Spanned<Domain>>,
}

/// A machine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    name: Spanned<Name>,
    uuid: Option<Spanned<Uuid>>,
    mac: Option<Spanned<Mac>>,
    ip: Spanned<PortIp>,
    #[serde(default, rename = "override")]
    overrides: Overrides,
}

impl Section {
    /// The machine in the `peers` of another one.
    fn as_peer(&self) -> String {
        let (name, PortIp(ip)) = (self.name.get_ref(), self.ip.get_ref());
        if *ip == DHCP {
            name.to_string()
        } else {
            format!("{name}={}", ip.address)
        }
    }
}

fn assemble(text: &Text, document: &Document) -> Result<Fleet, Error> {
    let sections: Vec<&Section> = document.machine.iter().map(Spanned::get_ref).collect();
    if sections.is_empty() {
        return Err(text.error(0..0, "no `[[machine]]`: the fleet has no machine".into()));
    }
    for (index, section) in sections.iter().enumerate() {
        check_section(text, section, &sections[..index])?;
    }
    check_homes(text, &document.domain, &sections)?;
    let members = sections.iter().map(|section| {
        Ok(Member {
            uuid: section.uuid.as_ref().map(|uuid| *uuid.get_ref()),
            mac: section.mac.as_ref().map(|mac| *mac.get_ref()),
            manifest: manifest(text, &document.domain, section, &sections)?,
        })
    });
    let fleet = Fleet {
        members: members.collect::<Result<_, Error>>()?,
        guest_domains: guest_domains(text, &document.domain, &sections)?,
    };
    check_starts(text, &document.domain, &fleet)?;
    Ok(fleet)
}

/// Checks that no two machines of the fleet, guests included, start domains that may exist only once: a movable domain, or ports
/// with the same address.
fn check_starts(text: &Text, common: &[Spanned<Domain>], fleet: &Fleet) -> Result<(), Error> {
    let guest = fleet.guest_named(any_guest());
    let members = fleet.members.iter().map(|member| &member.manifest);
    let machines: Vec<&Manifest> = members.chain([&guest]).collect();
    for (index, machine) in machines.iter().enumerate() {
        for other in &machines[..index] {
            for domain in machine.domains_at_home() {
                let mut same = other.domains_at_home();
                let Some((field, reason)) = same.find_map(|same| conflict(domain, same)) else {
                    continue;
                };
                let machines = format!("on `{}` and on `{}`", other.machine, machine.machine);
                let Domain { name, .. } = domain;
                let mut common = common.iter();
                let origin = common.find(|common| common.get_ref().name == *name);
                let span = origin.map_or(0..0, |origin| text.field(origin.span(), field));
                let reason =
                    format!("domain `{name}`: field `{field}`: it would run {machines}{reason}");
                return Err(text.error(span, reason));
            }
        }
    }
    Ok(())
}

/// The field because of which a machine may not start a domain if another machine starts `other`, and the rest of the reason.
fn conflict(domain: &Domain, other: &Domain) -> Option<(&'static str, String)> {
    if domain.name == other.name && (domain.movable || other.movable) {
        let reason = ": a movable domain starts on one machine, give it a `home`";
        return Some(("movable", reason.into()));
    }
    let shared = domain.port.as_ref()?.shared_with(other.port.as_ref()?)?;
    let remedy = match domain.role {
        Some(Role::MigrationServer) => format!("remove `{shared}` from its `port`"),
        _ => format!("give it a `home`, or another `{shared}` on each machine"),
    };
    Some(("port", format!(" with one `{shared}`: {remedy}")))
}

/// Checks that a machine's name, marks and address are not those of an earlier section, and that its `mac` can be that of a card.
fn check_section(text: &Text, section: &Section, earlier: &[&Section]) -> Result<(), Error> {
    let name = &machine_name(text, &section.name)?;
    let refuse = |span, field: &str, reason: String| {
        Err(text.error(span, format!("machine `{name}`: field `{field}`: {reason}")))
    };
    if let Some(mac) = &section.mac
        && mac.get_ref().is_group()
    {
        return refuse(mac.span(), "mac", "it is a group address".into());
    }
    for other in earlier {
        let taken = || format!("the machine `{}` has the same one", other.name.get_ref());
        if other.name.get_ref() == name {
            return refuse(
                section.name.span(),
                "name",
                "another machine has this name".into(),
            );
        }
        if let Some(span) = same(&section.uuid, &other.uuid) {
            return refuse(span, "uuid", taken());
        }
        if let Some(span) = same(&section.mac, &other.mac) {
            return refuse(span, "mac", taken());
        }
        let [PortIp(ip), PortIp(other_ip)] = [section, other].map(|section| *section.ip.get_ref());
        if ip != DHCP && ip.address == other_ip.address {
            return refuse(section.ip.span(), "ip", taken());
        }
    }
    Ok(())
}

/// The location of a mark, if the other section has the same one.
fn same<T: PartialEq>(
    mark: &Option<Spanned<T>>,
    other: &Option<Spanned<T>>,
) -> Option<std::ops::Range<usize>> {
    let (mark, other) = (mark.as_ref()?, other.as_ref()?);
    (mark.get_ref() == other.get_ref()).then(|| mark.span())
}

/// Checks that every home is a machine of the fleet.
fn check_homes(
    text: &Text,
    domains: &[Spanned<Domain>],
    sections: &[&Section],
) -> Result<(), Error> {
    for domain in domains {
        let Domain { name, home, .. } = domain.get_ref();
        let Some(home) = home else { continue };
        let mut machines = sections.iter().map(|section| section.name.get_ref());
        if !machines.any(|machine| machine == home) {
            let reason = format!("domain `{name}`: field `home`: no machine is called `{home}`");
            return Err(text.error(text.field(domain.span(), "home"), reason));
        }
    }
    Ok(())
}

/// The manifest of a machine: the common domains with its changes, its address and the other machines.
fn manifest(
    text: &Text,
    common: &[Spanned<Domain>],
    section: &Section,
    all: &[&Section],
) -> Result<Manifest, Error> {
    let mut domains: Vec<Domain> = common
        .iter()
        .map(|domain| domain.get_ref().clone())
        .collect();
    let mut origins: Vec<Origin> = common.iter().map(|domain| (text, domain.span())).collect();
    apply(&section.overrides, text, &mut domains, &mut origins)?;
    let machine = *section.name.get_ref();
    let is_server = |domain: &&mut Domain| {
        domain.role == Some(Role::MigrationServer) && domain.is_at_home(machine)
    };
    if let Some(server) = domains.iter_mut().find(is_server) {
        let port = server.port.get_or_insert_default();
        port.ip = Some(section.ip.get_ref().0);
        port.mac = port.mac.or(Some(station(machine)));
        let others = all.iter().filter(|other| *other.name.get_ref() != machine);
        set_peers(server, others);
    }
    checked(Manifest { machine, domains }, &origins)
}

/// Sets the machines that a migration server knows from the beginning.
fn set_peers<'a>(server: &mut Domain, peers: impl Iterator<Item = &'a &'a Section>) {
    let peers: Vec<String> = peers.map(|peer| peer.as_peer()).collect();
    server.arguments.insert("peers".into(), peers.join(","));
}

/// The name under which the manifest of guests is checked: they differ in nothing but the name.
const ANY_GUEST: &str = "guest-000000000000";

/// The domains of a machine that no section names: those with a role and without a home. Its migration server gets an address from a
/// DHCP server, and all machines of the fleet as peers.
fn guest_domains(
    text: &Text,
    common: &[Spanned<Domain>],
    sections: &[&Section],
) -> Result<Vec<Domain>, Error> {
    let is_wanted = |domain: &&Spanned<Domain>| {
        let domain = domain.get_ref();
        domain.role.is_some() && domain.home.is_none()
    };
    let wanted: Vec<&Spanned<Domain>> = common.iter().filter(is_wanted).collect();
    let origins: Vec<Origin> = wanted.iter().map(|domain| (text, domain.span())).collect();
    let mut domains: Vec<Domain> = wanted.iter().map(|it| it.get_ref().clone()).collect();
    let is_server = |domain: &&mut Domain| domain.role == Some(Role::MigrationServer);
    if let Some(server) = domains.iter_mut().find(is_server) {
        let port = server.port.get_or_insert_default();
        (port.ip, port.mac) = (Some(DHCP), None);
        set_peers(server, sections.iter());
    }
    let guests = Fleet {
        members: Vec::new(),
        guest_domains: domains,
    };
    checked(guests.guest_named(any_guest()), &origins)?;
    Ok(guests.guest_domains)
}

fn any_guest() -> Name {
    Name::try_new(ANY_GUEST).expect("18 letters, digits and `-` are a name")
}

#[cfg(test)]
pub(crate) mod tests;
