//! Guests: machines that started from the fleet's image without being named in it. A [`GuestRule`] is broken by a move to or from
//! a guest that could lead to a second instance of a domain.
//!
//! No list of machines that survives a restart contains guests. So a domain may be on a guest only if a restart of its
//! home makes the home forget the domain, because it came to the home in a package. And as long as the home has not
//! forgotten it, the home must know which guest may have it, to query that guest before it starts the domain again. So
//! the home itself sends the domain to the guest, and the guest sends it nowhere but home. See
//! `docs/decisions/0046-a-guest-is-known-to-the-home-of-its-domains.md`.

use crate::fleet::Fleet;
use crate::ids::MachineId;
use crate::offer::Offer;
use crate::reasons::GuestRule;

impl Offer {
    /// Checks a move of the offered domain, as far as the offer shows whether it is allowed. A machine that is not of
    /// the fleet is a guest. What a guest states in its offer may be false, so the root of the destination also checks,
    /// by the name of the domain, whether it may come from the guest.
    ///
    /// # Errors
    /// The rule of guests that the move breaks.
    pub fn check_guests(
        &self,
        fleet: &Fleet,
        source: MachineId,
        destination: MachineId,
    ) -> Result<(), GuestRule> {
        check_guests(fleet, (self.home, self.has_package), source, destination)
    }
}

/// Checks a move of a domain with this home. `has_package`: the source keeps the package in which the domain came.
///
/// # Errors
/// As [`Offer::check_guests`].
pub fn check_guests(
    fleet: &Fleet,
    (home, has_package): (Option<MachineId>, bool),
    source: MachineId,
    destination: MachineId,
) -> Result<(), GuestRule> {
    let is_home = |machine| home == Some(machine);
    match (fleet.contains(source), fleet.contains(destination)) {
        (true, true) => Ok(()),
        (false, false) => Err(GuestRule::NotBetweenGuests),
        (false, true) if is_home(destination) => Ok(()),
        (false, true) => Err(GuestRule::OnlyToHome),
        (true, false) if home.is_some() && !is_home(source) => Err(GuestRule::OnlyFromHome),
        (true, false) if !has_package => Err(GuestRule::OnlyPackages),
        (true, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    const HOME: MachineId = MachineId([1; 32]);
    const MEMBER: MachineId = MachineId([2; 32]);
    const GUEST: MachineId = MachineId([3; 32]);
    const OTHER_GUEST: MachineId = MachineId([4; 32]);

    /// The result for a move of a domain with this home, which `has_package` if the source keeps its package.
    fn check(
        home: Option<MachineId>,
        has_package: bool,
        source: MachineId,
        destination: MachineId,
    ) -> Result<(), GuestRule> {
        let fleet = Fleet::new([HOME, MEMBER]);
        let offer = Offer {
            home,
            has_package,
            ..samples::offer()
        };
        offer.check_guests(&fleet, source, destination)
    }

    #[test]
    fn between_machines_of_the_fleet_every_domain_moves() {
        for home in [None, Some(HOME)] {
            assert_eq!(check(home, false, HOME, MEMBER), Ok(()));
            assert_eq!(check(home, false, MEMBER, HOME), Ok(()));
        }
    }

    #[test]
    fn a_domain_of_a_package_moves_between_its_home_and_a_guest() {
        assert_eq!(check(Some(HOME), true, HOME, GUEST), Ok(()));
        assert_eq!(check(Some(HOME), false, GUEST, HOME), Ok(()));
    }

    #[test]
    fn a_domain_of_a_manifest_does_not_move_to_a_guest() {
        for home in [None, Some(HOME)] {
            let checked = check(home, false, HOME, GUEST);
            assert_eq!(checked, Err(GuestRule::OnlyPackages));
        }
    }

    #[test]
    fn nothing_but_its_home_sends_a_domain_to_a_guest() {
        for has_package in [false, true] {
            let checked = check(Some(HOME), has_package, MEMBER, GUEST);
            assert_eq!(checked, Err(GuestRule::OnlyFromHome));
        }
    }

    #[test]
    fn a_guest_sends_a_domain_nowhere_but_home() {
        let checked = check(Some(HOME), true, GUEST, MEMBER);
        assert_eq!(checked, Err(GuestRule::OnlyToHome));
        assert_eq!(check(None, true, GUEST, HOME), Err(GuestRule::OnlyToHome));
        let checked = check(Some(HOME), true, GUEST, OTHER_GUEST);
        assert_eq!(checked, Err(GuestRule::NotBetweenGuests));
    }
}
