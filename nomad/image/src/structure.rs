//! Compares two descriptions of a domain, except for its threads' states, flags, reply rights and time:
//! [`has_same_structure`].

use crate::{Capability, Description, Object, Target};

/// Whether a domain that was built from one description matches the other as soon as its threads are set, its flags raised and
/// its reply rights installed. The time is not compared.
pub fn has_same_structure(one: &Description, other: &Description) -> bool {
    let Description {
        identity,
        clock: _,
        wake,
        slot_count,
        objects,
        outsiders,
        mappings,
        capabilities: _,
        held,
        exports,
    } = one;
    *identity == other.identity
        && *wake == other.wake
        && *slot_count == other.slot_count
        && has_same_objects(objects, &other.objects)
        && *outsiders == other.outsiders
        && *mappings == other.mappings
        && lasting(one).eq(lasting(other))
        && *held == other.held
        && *exports == other.exports
}

fn has_same_objects(objects: &[Object], others: &[Object]) -> bool {
    let is_same = |(object, other): (&Object, &Object)| match (object, other) {
        (Object::Thread(_), Object::Thread(_))
        | (Object::Notification { .. }, Object::Notification { .. }) => true,
        (object, other) => object == other,
    };
    objects.len() == others.len() && objects.iter().zip(others).all(is_same)
}

/// The capabilities that do not end with a call.
fn lasting(description: &Description) -> impl Iterator<Item = &Capability> {
    let capabilities = description.capabilities.iter();
    capabilities.filter(|capability| !matches!(capability.target, Target::Reply(_)))
}

#[cfg(test)]
mod tests {
    use abi::Rights;

    use super::*;
    use crate::samples::description;

    /// The sample, changed.
    fn changed(change: impl FnOnce(&mut Description)) -> Description {
        let mut changed = description();
        change(&mut changed);
        changed
    }

    #[test]
    fn the_state_is_not_compared() {
        let states = [
            changed(|it| it.clock.domain_ns += 1),
            changed(|it| {
                let is_reply = |it: &Capability| matches!(it.target, Target::Reply(_));
                it.capabilities.retain(|it| !is_reply(it));
            }),
            changed(|it| {
                for object in &mut it.objects {
                    match object {
                        Object::Thread(state) => state.0.registers.rip += 2,
                        Object::Notification { flags } => *flags ^= 1,
                        _ => {}
                    }
                }
            }),
        ];
        for state in states {
            assert!(has_same_structure(&description(), &state));
            assert_ne!(description(), state);
        }
    }

    #[test]
    fn everything_else_is() {
        let structures = [
            changed(|it| it.identity.incarnation = it.identity.incarnation.next()),
            changed(|it| it.wake = None),
            changed(|it| it.slot_count += 1),
            changed(|it| it.objects.push(Object::Endpoint)),
            changed(|it| it.objects[0] = Object::Gone),
            changed(|it| drop(it.outsiders.pop())),
            changed(|it| it.mappings[0].address += 4096),
            changed(|it| it.capabilities[0].rights = Rights(0)),
            changed(|it| _ = it.held.pop()),
        ];
        for structure in structures {
            assert!(
                !has_same_structure(&description(), &structure),
                "{structure:?}"
            );
        }
    }
}
