//! The models of network cards: [`Card`].

use harness::machine::NicModel;

/// A model, and its name in the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card(&'static str, NicModel);

/// The models for which there is a driver.
const CARDS: [Card; 6] = [
    Card("virtio", NicModel::Virtio),
    Card("e1000", NicModel::E1000),
    Card("e1000e", NicModel::E1000e),
    Card("igb", NicModel::Igb),
    Card("rtl8139", NicModel::Rtl8139),
    Card("vmxnet3", NicModel::Vmxnet3),
];

impl Card {
    /// The models with these names, separated by commas; all if there is no name.
    ///
    /// # Panics
    ///
    /// If there is no such model.
    pub fn named(names: &str) -> Vec<Card> {
        if names.is_empty() {
            return CARDS.to_vec();
        }
        let find = |name: &str| CARDS.into_iter().find(|card| card.0 == name);
        let found = names.split(',').map(|name| (name, find(name.trim())));
        found
            .map(|(name, card)| card.unwrap_or_else(|| panic!("no card is called {name:?}")))
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
        assert_eq!(Card::named(""), CARDS);
        assert_eq!(Card::named("igb, virtio"), [CARDS[3], CARDS[0]]);
    }

    #[test]
    #[should_panic(expected = "no card is called \"ne2k\"")]
    fn an_unknown_card_is_named() {
        Card::named("virtio,ne2k");
    }
}
