//! The faults of hellos and addresses: [`HelloFaults`].

use super::ONSET_US;
use crate::random::Random;

/// The faults of hellos and addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelloFaults {
    /// The seed of the conditions under which hellos travel. They are the network's, but drawn separately, so that seeds that
    /// tests name keep their runs.
    pub seed: u64,
    /// Hellos that someone without the secret records and sends again later, per thousand.
    pub replay_permille: u64,
    /// Changes of addresses.
    pub renumberings: Vec<Renumbering>,
    /// Whether the manifests lack the other machines' addresses.
    pub has_no_addresses: bool,
}

/// A machine gets another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renumbering {
    /// The machine.
    pub machine: usize,
    /// The time.
    pub at_us: u64,
    /// The machine that gets its former address, if there is one.
    pub successor: Option<usize>,
}

impl HelloFaults {
    pub(super) fn draw(random: &mut Random, machines: usize) -> Self {
        let renumberings = [0, 0, 0, 1, 2][random.below(5) as usize];
        HelloFaults {
            seed: random.below(u64::MAX),
            replay_permille: random.below(2) * random.below(800),
            renumberings: (0..renumberings)
                .map(|_| Renumbering::draw(random, machines))
                .collect(),
            has_no_addresses: random.permille(250),
        }
    }
}

impl Renumbering {
    fn draw(random: &mut Random, machines: usize) -> Self {
        let machine = random.below(machines as u64) as usize;
        let step = 1 + random.below(machines as u64 - 1) as usize;
        Renumbering {
            machine,
            at_us: random.below(2 * ONSET_US),
            successor: random.permille(500).then_some((machine + step) % machines),
        }
    }
}
