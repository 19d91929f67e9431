//! The models of network cards: [`Nic`].

use harness::machine::NicModel;

/// A model, and its name in the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nic(&'static str, NicModel);

/// The models for which there is a driver.
const NICS: [Nic; 6] = [
    Nic("virtio", NicModel::Virtio),
    Nic("e1000", NicModel::E1000),
    Nic("e1000e", NicModel::E1000e),
    Nic("igb", NicModel::Igb),
    Nic("rtl8139", NicModel::Rtl8139),
    Nic("vmxnet3", NicModel::Vmxnet3),
];

impl Nic {
    /// The models with these names, separated by commas; all if there is no name.
    ///
    /// # Panics
    ///
    /// If there is no such model.
    pub fn named(names: &str) -> Vec<Nic> {
        if names.is_empty() {
            return NICS.to_vec();
        }
        let find = |name: &str| NICS.into_iter().find(|nic| nic.0 == name);
        let found = names.split(',').map(|name| (name, find(name.trim())));
        found
            .map(|(name, nic)| nic.unwrap_or_else(|| panic!("no card is called {name:?}")))
            .collect()
    }

    /// Its name in the figures.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Its model.
    pub fn model(self) -> NicModel {
        self.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_cards_are_measured_unless_some_are_named() {
        assert_eq!(Nic::named(""), NICS);
        assert_eq!(Nic::named("igb, virtio"), [NICS[3], NICS[0]]);
    }

    #[test]
    #[should_panic(expected = "no card is called \"ne2k\"")]
    fn an_unknown_card_is_named() {
        Nic::named("virtio,ne2k");
    }
}
