//! The manifest itself, and its compiled form.
//!
//! ```text
//! "caravan manifest 6\n"   the Manifest, in postcard
//! ```

use alloc::vec::Vec;

use identity::Name;
use serde::{Deserialize, Serialize};

use crate::{Domain, Role};

/// The name of the compiled manifest in the boot archive.
pub const MEMBER: &str = "manifest";

/// The header of the compiled form; the number is incremented when the types change.
const MAGIC: &[u8] = b"caravan manifest 6\n";

/// A machine's name, and the domains that it knows, including those at home on other machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The machine's name in the fleet.
    pub machine: Name,
    /// The domains, in the order in which they start.
    pub domains: Vec<Domain>,
}

/// The reason bytes are not a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// They do not begin with the header of this version.
    #[error("it is not a compiled manifest of version 6")]
    Version,
    /// They are damaged after the header.
    #[error("it is damaged")]
    Damaged,
}

impl Manifest {
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
    pub fn from_bytes(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(ManifestError::Version)?;
        postcard::from_bytes(body).map_err(|_| ManifestError::Damaged)
    }

    /// The domains that this machine starts.
    pub fn domains_at_home(&self) -> impl Iterator<Item = &Domain> {
        self.domains
            .iter()
            .filter(|domain| domain.is_at_home(self.machine))
    }

    /// The domain with this role that this machine starts; if there are several (drivers), the first.
    pub fn at_home_with_role(&self, role: Role) -> Option<&Domain> {
        self.domains_at_home()
            .find(|domain| domain.role == Some(role))
    }

    /// Whether a domain provides this service as a stateless one, so that a client that moves continues with the
    /// service of that name on its new machine.
    pub fn is_stateless(&self, service: &str) -> bool {
        let mut stateless = self.domains.iter().flat_map(|domain| &domain.stateless);
        stateless.any(|other| other == service)
    }

    /// Whether the object with this name ties a domain to its machine because it is a service: one that the domain
    /// provides, or a stateful one that it calls.
    pub fn stays_behind(&self, domain: &Domain, name: &str) -> bool {
        let provides = domain.provides.iter().any(|service| service == name);
        provides || (domain.calls(name) && !self.is_stateless(name))
    }

    /// The programs that the archive must contain, each once, including those of domains at home elsewhere, since
    /// any machine must be able to run any domain.
    pub fn images(&self) -> Vec<&str> {
        let mut images = Vec::new();
        append_images(&mut images, self.domains.iter());
        images
    }
}

/// Adds the programs of these domains that are not in the list yet.
pub(crate) fn append_images<'a>(
    images: &mut Vec<&'a str>,
    domains: impl Iterator<Item = &'a Domain>,
) {
    for image in domains.flat_map(Domain::images) {
        if !images.contains(&image) {
            images.push(image);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::manifest_of;

    const TWO: &str = r#"
        [machine]
        name = "a"
        [[domain]]
        name = "switch"
        image = "switch"
        role = "switch"
        pool_mib = 4
        capabilities = ["log", "ports"]
        [[domain]]
        name = "counter"
        image = "counter"
        pool_mib = 80
        home = "b"
        capabilities = ["port"]
        port = { mac = "52:54:00:00:00:14", ip = "10.77.0.20/24", gateway = "10.77.0.254" }
        arguments = { working-set = "4" }
    "#;

    #[test]
    fn survives_compilation() {
        let manifest = manifest_of(TWO).unwrap();
        assert_eq!(Manifest::from_bytes(&manifest.to_bytes()), Ok(manifest));
    }

    #[test]
    fn rejects_a_damaged_or_foreign_form() {
        let bytes = manifest_of(TWO).unwrap().to_bytes();
        assert_eq!(
            Manifest::from_bytes(b"[machine]"),
            Err(ManifestError::Version)
        );
        for end in MAGIC.len()..bytes.len() {
            assert_eq!(
                Manifest::from_bytes(&bytes[..end]),
                Err(ManifestError::Damaged),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn only_a_stateless_service_is_found_on_another_machine() {
        let manifest = manifest_of(
            r#"
            [machine]
            name = "a"
            [[domain]]
            name = "provider"
            image = "x"
            pool_mib = 2
            provides = ["lookup", "ledger"]
            stateless = ["lookup"]
            [[domain]]
            name = "client"
            image = "x"
            pool_mib = 2
            capabilities = ["log", "service:lookup", "service:ledger"]
        "#,
        )
        .unwrap();
        let [provider, client] = &manifest.domains[..] else {
            panic!("two domains");
        };
        let stays = |domain, name| manifest.stays_behind(domain, name);
        assert!(!stays(client, "log") && !stays(client, "lookup"));
        assert!(stays(client, "ledger"));
        assert!(stays(provider, "lookup") && stays(provider, "ledger"));
    }

    #[test]
    fn only_home_starts_a_domain_that_has_one() {
        let mut manifest = manifest_of(TWO).unwrap();
        let names = |manifest: &Manifest| -> Vec<Name> {
            let domains = manifest.domains_at_home();
            domains.map(|domain| domain.name).collect()
        };
        let [a_switch, a_counter, b] = ["switch", "counter", "b"].map(|it| it.parse().unwrap());
        assert_eq!(names(&manifest), [a_switch]);
        manifest.machine = b;
        assert_eq!(names(&manifest), [a_switch, a_counter]);
        assert_eq!(manifest.images(), ["switch", "counter"]);
        assert!(manifest.at_home_with_role(Role::Switch).is_some());
        assert!(manifest.at_home_with_role(Role::Console).is_none());
    }
}
