//! The manifest itself, and its compiled form.
//!
//! ```text
//! "caravan manifest 2\n"   the Manifest, in postcard
//! ```

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Capability, Domain};

/// What the compiled manifest is called in the boot archive.
pub const MEMBER: &str = "manifest";

/// What the compiled form begins with; the number rises when the types change.
const MAGIC: &[u8] = b"caravan manifest 2\n";

/// What a machine runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The machine's name in the fleet.
    pub machine: String,
    /// The domains, in the order in which they start.
    pub domains: Vec<Domain>,
}

/// Why bytes are no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoManifest {
    /// They do not begin as a compiled manifest of this version.
    Version,
    /// They are damaged after their beginning.
    Damaged,
}

impl fmt::Display for NoManifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            NoManifest::Version => "it is not a compiled manifest of version 2",
            NoManifest::Damaged => "it is damaged",
        })
    }
}

impl Manifest {
    /// The compiled form.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Postcard fails on sequences of unknown length only, and we have none.
        let body = postcard::to_allocvec(self).expect("every field has a compiled form");
        [MAGIC, &body].concat()
    }

    /// Reads the compiled form.
    ///
    /// # Errors
    /// [`NoManifest`] says what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Manifest, NoManifest> {
        let body = bytes.strip_prefix(MAGIC).ok_or(NoManifest::Version)?;
        postcard::from_bytes(body).map_err(|_| NoManifest::Damaged)
    }

    /// The domains that this machine starts.
    pub fn domains_at_home(&self) -> impl Iterator<Item = &Domain> {
        self.domains
            .iter()
            .filter(|domain| domain.is_at_home(&self.machine))
    }

    /// Whether a domain provides this service and says that it keeps nothing of a client: then a client that moves goes on with the
    /// service of that name on its new machine.
    pub fn is_stateless(&self, service: &str) -> bool {
        let is_it = |other: &String| other == service;
        let mut domains = self.domains.iter();
        domains.any(|domain| domain.stateless.iter().any(is_it))
    }

    /// Whether this name of a domain's is a service for which another machine's cannot stand in: one that it provides, or one that
    /// keeps something of its clients.
    pub fn stays_behind(&self, domain: &Domain, name: &str) -> bool {
        let is_call = |capability: &Capability| matches!(capability, Capability::Service(service) if service == name);
        let provides = domain.provides.iter().any(|service| service == name);
        let calls = domain.capabilities.iter().any(is_call);
        provides || (calls && !self.is_stateless(name))
    }

    /// The programs that the archive must hold, each once. Those of domains at home elsewhere are among them, since
    /// a machine's part in the fleet is not what it is able to do.
    pub fn images(&self) -> Vec<&str> {
        let mut images: Vec<&str> = Vec::new();
        for domain in &self.domains {
            if !images.contains(&domain.image.as_str()) {
                images.push(&domain.image);
            }
        }
        images
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
    fn survives_being_compiled() {
        let manifest = manifest_of(TWO).unwrap();
        assert_eq!(Manifest::from_bytes(&manifest.to_bytes()), Ok(manifest));
    }

    #[test]
    fn a_damaged_or_foreign_form_is_refused() {
        let bytes = manifest_of(TWO).unwrap().to_bytes();
        assert_eq!(Manifest::from_bytes(b"[machine]"), Err(NoManifest::Version));
        for end in MAGIC.len()..bytes.len() {
            assert_eq!(
                Manifest::from_bytes(&bytes[..end]),
                Err(NoManifest::Damaged),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn only_a_service_that_keeps_nothing_of_a_client_is_found_again_elsewhere() {
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
        let names = |manifest: &Manifest| -> Vec<String> {
            let domains = manifest.domains_at_home();
            domains.map(|domain| domain.name.clone()).collect()
        };
        assert_eq!(names(&manifest), ["switch"]);
        manifest.machine = "b".into();
        assert_eq!(names(&manifest), ["switch", "counter"]);
        assert_eq!(manifest.images(), ["switch", "counter"]);
    }
}
