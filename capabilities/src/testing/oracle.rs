//! A naive model of derivation: a list of slots, each with its parent's number. Everything else is recomputed from it for
//! each query.

use std::format;
use std::string::String;
use std::vec::Vec;

use crate::testing::checker::{check, ensure};
use crate::testing::forest::{Bits, Forest, Thing, at, index_of};
use crate::testing::operation::{Effect, Operation, Outcome};
use crate::{Badge, Capability, Error, GENERATION_MAX, RevokeStep, Role, Storage};

/// An occupied slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    slot: usize,
    parent: Option<usize>,
    capability: Capability<Thing>,
    role: Role,
}

/// The naive model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    entries: Vec<Entry>,
}

/// Performs `operation` on the oracle, and with `perform` on the forest. Returns the outcome that they agree on.
pub(crate) fn perform_both(
    forest: &Forest,
    oracle: &mut Oracle,
    operation: Operation,
    perform: impl Fn(&Forest, Operation) -> Outcome,
) -> Result<Outcome, String> {
    let before = forest.save();
    let outcome = perform(forest, operation);
    let differs = |flaw| format!("{operation:?} returned {outcome:?}: {flaw}");
    oracle.follow(operation, outcome).map_err(differs)?;
    if outcome.is_err() {
        let is_unchanged = forest.save() == before;
        ensure(is_unchanged, || differs("but changed something".into()))?;
    } else {
        oracle.compare(forest).map_err(differs)?;
    }
    Ok(outcome)
}

impl Oracle {
    /// The oracle for a forest in its current state.
    pub(crate) fn of(forest: &Forest) -> Result<Self, String> {
        let parents = check(forest)?;
        let entry = |index: usize| {
            let slot = forest.slot(at(index));
            Some(Entry {
                slot: index,
                parent: parents[index],
                capability: slot.capability()?,
                role: slot.role()?,
            })
        };
        let entries = (0..forest.len()).filter_map(entry).collect();
        Ok(Self { entries })
    }

    /// Checks the forest and compares every slot with the oracle's.
    pub(crate) fn compare(&mut self, forest: &Forest) -> Result<(), String> {
        let found = Self::of(forest)?.entries;
        let expected = &mut self.entries;
        expected.sort_by_key(|entry| entry.slot);
        ensure(found == *expected, || {
            format!("holds {found:?} instead of {expected:?}")
        })
    }

    /// Performs `operation`; or explains why `outcome` is wrong. The implementation chooses which of the permitted slots a
    /// step of revocation removes.
    fn follow(&mut self, operation: Operation, outcome: Outcome) -> Result<(), String> {
        let expected = match operation {
            Operation::Revoke(root) => self.follow_step(root, None, outcome),
            Operation::RevokeExcept(root, keep) => self.follow_step(root, Some(keep), outcome),
            _ => self.apply(operation),
        };
        ensure(outcome == expected, || format!("instead of {expected:?}"))
    }

    fn apply(&mut self, operation: Operation) -> Outcome {
        match operation {
            Operation::Plant(to, capability) => {
                self.add(to, None, capability, Role::Origin)?;
            }
            Operation::Copy(from, to) => {
                let capability = self.entry(from)?.capability;
                self.add(to, Some(from), capability, Role::Copy)?;
            }
            Operation::Mint(from, to, rights, badge) => {
                let held = self.entry(from)?.capability;
                self.refuse_occupied(to)?;
                self.add(to, Some(from), minted(held, rights, badge)?, Role::Copy)?;
            }
            Operation::Derive(from, to, capability) => {
                self.entry(from)?;
                self.refuse_occupied(to)?;
                if self.origins_to_root(from) > usize::from(GENERATION_MAX) {
                    return Err(Error::TooManyGenerations { place: at(from) });
                }
                self.add(to, Some(from), capability, Role::Origin)?;
            }
            Operation::Move(from, to) => self.rename(from, to)?,
            Operation::Delete(index) if self.entry(index)?.role == Role::Copy => {
                return self.take(index);
            }
            Operation::Delete(index) | Operation::ClearLeaf(index) => {
                self.entry(index)?;
                self.refuse_in_use(index)?;
                return self.take(index);
            }
            Operation::Revoke(_) | Operation::RevokeExcept(..) => unreachable!("see follow"),
        }
        Ok(Effect::Filled)
    }

    /// Performs a step of revocation; returns `outcome` if it is correct, else a correct one.
    fn follow_step(&mut self, root: usize, keep: Option<usize>, outcome: Outcome) -> Outcome {
        self.entry(root)?;
        let mut candidates = self.entries.clone();
        candidates.retain(|entry| {
            let may_go = entry.role == Role::Copy || self.children(entry.slot).is_empty();
            Some(entry.slot) != keep && may_go && self.descends(entry.slot, root)
        });
        let chosen = match outcome {
            Ok(Effect::Step(RevokeStep::Removed { place, .. })) => candidates
                .iter()
                .find(|entry| entry.slot == index_of(place)),
            _ => None,
        };
        match chosen.or(candidates.first()) {
            None => Ok(Effect::Step(RevokeStep::Done)),
            Some(&Entry {
                slot,
                capability,
                role,
                ..
            }) => {
                self.remove(slot);
                Ok(Effect::Step(RevokeStep::Removed {
                    place: at(slot),
                    capability,
                    role,
                }))
            }
        }
    }

    fn entry(&self, slot: usize) -> Result<Entry, Error<Bits>> {
        let found = self.entries.iter().find(|entry| entry.slot == slot);
        found.copied().ok_or(Error::Empty { place: at(slot) })
    }

    fn refuse_occupied(&self, slot: usize) -> Result<(), Error<Bits>> {
        match self.entry(slot) {
            Ok(_) => Err(Error::Occupied { place: at(slot) }),
            Err(_) => Ok(()),
        }
    }

    fn children(&self, slot: usize) -> Vec<usize> {
        let is_child = |entry: &&Entry| entry.parent == Some(slot);
        let children = self.entries.iter().filter(is_child);
        children.map(|entry| entry.slot).collect()
    }

    fn parent(&self, slot: usize) -> Option<usize> {
        self.entry(slot).ok()?.parent
    }

    fn descends(&self, slot: usize, ancestor: usize) -> bool {
        self.parent(slot)
            .is_some_and(|parent| parent == ancestor || self.descends(parent, ancestor))
    }

    /// The number of origins from `slot` to its root.
    fn origins_to_root(&self, slot: usize) -> usize {
        let is_origin = self
            .entry(slot)
            .is_ok_and(|entry| entry.role == Role::Origin);
        let above = self.parent(slot).map_or(0, |up| self.origins_to_root(up));
        above + usize::from(is_origin)
    }

    fn add(
        &mut self,
        slot: usize,
        parent: Option<usize>,
        capability: Capability<Thing>,
        role: Role,
    ) -> Result<(), Error<Bits>> {
        self.refuse_occupied(slot)?;
        self.entries.push(Entry {
            slot,
            parent,
            capability,
            role,
        });
        Ok(())
    }

    fn rename(&mut self, from: usize, to: usize) -> Result<(), Error<Bits>> {
        self.entry(from)?;
        self.refuse_occupied(to)?;
        for entry in &mut self.entries {
            if entry.slot == from {
                entry.slot = to;
            }
            if entry.parent == Some(from) {
                entry.parent = Some(to);
            }
        }
        Ok(())
    }

    fn refuse_in_use(&self, slot: usize) -> Result<(), Error<Bits>> {
        if self.children(slot).is_empty() {
            Ok(())
        } else {
            Err(Error::InUse { place: at(slot) })
        }
    }

    fn take(&mut self, slot: usize) -> Outcome {
        let entry = self.entry(slot)?;
        self.remove(slot);
        Ok(Effect::Took(entry.capability))
    }

    fn remove(&mut self, slot: usize) {
        let heir = self.parent(slot);
        self.entries.retain(|entry| entry.slot != slot);
        for entry in &mut self.entries {
            if entry.parent == Some(slot) {
                entry.parent = heir;
            }
        }
    }
}

fn minted(
    held: Capability<Thing>,
    rights: Bits,
    badge: Badge,
) -> Result<Capability<Thing>, Error<Bits>> {
    if held.rights.0 | rights.0 != held.rights.0 {
        let (held, asked) = (held.rights, rights);
        return Err(Error::RightsExceeded { held, asked });
    }
    match (held.badge, badge) {
        (Badge::NONE, badge) | (badge, Badge::NONE) => Ok(Capability {
            rights,
            badge,
            ..held
        }),
        (held, asked) => Err(Error::BadgeFixed { held, asked }),
    }
}
