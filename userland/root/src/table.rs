//! The machine's domains, in the order in which they were added: [`DomainTable`].
//!
//! A domain's key is its [`DomainNumber`], which is never reused: the key of a domain that was removed finds nothing.

use alloc::rc::Rc;
use alloc::vec::Vec;

use runtime::protocol::{DomainId, Name};

use crate::badge::DomainNumber;
use crate::definition::Definition;
use crate::domain::Domain;

/// The domains of this machine.
#[derive(Debug, Default)]
pub struct DomainTable {
    domains: Vec<Domain>,
    last_number: u32,
}

impl DomainTable {
    /// Adds a stopped domain without memory or objects.
    pub fn add(&mut self, name: Name, id: DomainId) -> &mut Domain {
        self.last_number += 1;
        let number = DomainNumber(self.last_number);
        self.domains.push(Domain::new(number, name, id));
        self.domains.last_mut().expect("the domain just added")
    }

    /// Adds a domain that is at home here, still stopped.
    pub fn add_at_home(&mut self, name: Name, definition: Rc<Definition>) -> &mut Domain {
        let domain = self.add(name, DomainId(0));
        domain.movable = definition.description.movable;
        domain.home = definition.description.home;
        domain.definition = Some(definition);
        domain
    }

    /// Removes a domain; `None` if it was removed before.
    pub fn remove(&mut self, number: DomainNumber) -> Option<Domain> {
        let mut domains = self.domains.iter();
        let index = domains.position(|domain| domain.number == number)?;
        Some(self.domains.remove(index))
    }

    /// The domain with this key, unless it was removed.
    pub fn by_number(&self, number: DomainNumber) -> Option<&Domain> {
        self.iter().find(|domain| domain.number == number)
    }

    pub fn by_number_mut(&mut self, number: DomainNumber) -> Option<&mut Domain> {
        self.iter_mut().find(|domain| domain.number == number)
    }

    pub fn by_name(&self, name: Name) -> Option<&Domain> {
        self.iter().find(|domain| domain.name == name)
    }

    pub fn by_name_mut(&mut self, name: Name) -> Option<&mut Domain> {
        self.iter_mut().find(|domain| domain.name == name)
    }

    /// The domain at this position of a listing. A removal shifts the later positions.
    pub fn nth(&self, position: usize) -> Option<&Domain> {
        self.domains.get(position)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Domain> {
        self.domains.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Domain> {
        self.domains.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::try_new(text).expect("a name")
    }

    fn names(table: &DomainTable) -> Vec<Name> {
        table.iter().map(|domain| domain.name).collect()
    }

    #[test]
    fn the_key_of_a_removed_domain_finds_nothing() {
        let mut table = DomainTable::default();
        let stale = table.add(name("counter"), DomainId(1)).number;
        assert!(table.remove(stale).is_some());
        // A domain added later has another key, even under the same name.
        let current = table.add(name("counter"), DomainId(1)).number;
        assert_ne!(stale, current);
        assert!(table.by_number(stale).is_none());
        assert!(table.by_number_mut(stale).is_none());
        assert!(table.remove(stale).is_none());
        assert!(table.by_number(current).is_some());
    }

    #[test]
    fn a_key_stays_valid_while_other_domains_are_removed() {
        let mut table = DomainTable::default();
        let first = table.add(name("first"), DomainId(1)).number;
        let second = table.add(name("second"), DomainId(2)).number;
        let third = table.add(name("third"), DomainId(3)).number;
        table.remove(first);
        let found = |number| table.by_number(number).map(|domain| domain.id);
        assert_eq!(found(second), Some(DomainId(2)));
        assert_eq!(found(third), Some(DomainId(3)));
    }

    #[test]
    fn domains_are_listed_in_the_order_of_their_arrival() {
        let mut table = DomainTable::default();
        let first = table.add(name("first"), DomainId(1)).number;
        table.add(name("second"), DomainId(2));
        table.remove(first);
        table.add(name("first"), DomainId(1));
        assert_eq!(names(&table), [name("second"), name("first")]);
        let id = |position| table.nth(position).map(|domain| domain.id);
        assert_eq!(
            (id(0), id(1), id(2)),
            (Some(DomainId(2)), Some(DomainId(1)), None)
        );
    }

    #[test]
    fn a_domain_is_found_by_its_name() {
        let mut table = DomainTable::default();
        table.add(name("counter"), DomainId(1));
        table.add(name("kv"), DomainId(2));
        let found = |text| table.by_name(name(text)).map(|domain| domain.id);
        assert_eq!(found("kv"), Some(DomainId(2)));
        assert_eq!(found("nomad"), None);
    }
}
