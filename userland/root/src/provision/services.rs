//! The endpoints of domains' services. Root owns them, so that they outlive a provider: [`Services`].

use alloc::string::String;
use alloc::vec::Vec;

use abi::Error;
use manifest::{Capability, Manifest};
use runtime::Cap;
use runtime::capability::Endpoint;

use crate::machine::Machine;

/// The endpoints by their services' names.
#[derive(Debug, Default)]
pub struct Services(Vec<(String, Cap<Endpoint>)>);

impl Services {
    /// The endpoint of a service, if it exists.
    pub fn find(&self, name: &str) -> Option<Cap<Endpoint>> {
        let mut services = self.0.iter();
        let found = services.find(|(service, _)| service == name);
        found.map(|(_, endpoint)| *endpoint)
    }

    /// Creates the missing endpoints of the services that a domain calls or provides. So the provider and its clients may start
    /// in any order.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn create_for(
        &mut self,
        machine: &Machine,
        description: &manifest::Domain,
    ) -> Result<(), Error> {
        let capabilities = description.capabilities.iter();
        let called = capabilities.filter_map(|capability| match capability {
            Capability::Service(name) => Some(name),
            _ => None,
        });
        for name in called.chain(&description.provides) {
            if self.find(name).is_none() {
                let endpoint = machine.pool.create_endpoint()?;
                self.0.push((name.clone(), endpoint));
            }
        }
        Ok(())
    }

    /// Destroys the endpoints of services that no domain of the manifest calls or provides any more.
    pub fn retain_named(&mut self, manifest: &Manifest) {
        let is_named = |name: &String| {
            let mut domains = manifest.domains.iter();
            domains.any(|domain| domain.provides.contains(name) || domain.calls(name))
        };
        for (name, endpoint) in self.0.extract_if(.., |(name, _)| !is_named(name)) {
            if let Err(error) = endpoint.destroy() {
                log::error!("cannot destroy the endpoint of {name}: {error}");
            }
        }
    }
}
