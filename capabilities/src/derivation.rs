//! The operations that build the derivation tree and remove slots from it. Each takes constant time and is atomic: if it
//! is refused, it has changed nothing.

#[cfg(test)]
mod tests;

use crate::slot::{Content, Role};
use crate::{Badge, Capability, Error, Place, Result, Storage, euler_tour};

/// The largest number of origins above a slot. It bounds a step of [`revoke`](crate::revoke).
pub const GENERATION_MAX: u8 = 32;

/// Puts `capability` into `place` as the root of a new tree.
///
/// # Errors
/// [`Error::Occupied`].
pub fn plant<S: Storage>(
    storage: &S,
    place: Place,
    capability: Capability<S::Object>,
) -> Result<(), S> {
    refuse_occupied(storage, place)?;
    fill(storage, place, Content::new(capability, 0, Role::Origin));
    euler_tour::begin(storage, place);
    Ok(())
}

/// Copies the capability in `from` into `to`, as a child of `from`.
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`].
pub fn copy<S: Storage>(storage: &S, from: Place, to: Place) -> Result<(), S> {
    let parent = content(storage, from)?;
    refuse_occupied(storage, to)?;
    let role = Role::Copy;
    add_child(storage, from, to, Content { role, ..parent });
    Ok(())
}

/// Like [`copy`], with exactly `rights`, and with `badge` unless that is [`Badge::NONE`].
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`], [`Error::RightsExceeded`], [`Error::BadgeFixed`].
pub fn mint<S: Storage>(
    storage: &S,
    from: Place,
    to: Place,
    rights: <S::Object as crate::Object>::Rights,
    badge: Badge,
) -> Result<(), S> {
    let parent = content(storage, from)?;
    refuse_occupied(storage, to)?;
    let capability = parent.capability().mint(rights, badge)?;
    let content = Content::new(capability, parent.generation, Role::Copy);
    add_child(storage, from, to, content);
    Ok(())
}

/// Puts another capability into `to`, as a child of `from`: the origin of an object allocated from a pool, or of a
/// mapping of a Memory. Revoking `from` removes it, after all its descendants.
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`], [`Error::TooManyGenerations`].
pub fn derive<S: Storage>(
    storage: &S,
    from: Place,
    to: Place,
    capability: Capability<S::Object>,
) -> Result<(), S> {
    content(storage, from)?;
    refuse_occupied(storage, to)?;
    let generation = generation_below(storage, from)?;
    let content = Content::new(capability, generation, Role::Origin);
    add_child(storage, from, to, content);
    Ok(())
}

/// Checks that [`derive`] can derive from `from` into an empty slot.
///
/// # Errors
/// [`Error::Empty`], [`Error::TooManyGenerations`].
pub fn check_derivable<S: Storage>(storage: &S, from: Place) -> Result<(), S> {
    generation_below(storage, from).map(drop)
}

/// The generation of an origin derived from `from`.
#[inline(always)]
fn generation_below<S: Storage>(storage: &S, from: Place) -> Result<u8, S> {
    let parent = content(storage, from)?;
    if parent.generation == GENERATION_MAX {
        return Err(Error::TooManyGenerations { place: from });
    }
    Ok(parent.generation + 1)
}

/// Moves the capability in `from` into `to`, at the same position in the tree, and empties `from`.
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`] (also if `to` is `from`).
pub fn move_to<S: Storage>(storage: &S, from: Place, to: Place) -> Result<(), S> {
    let content = content(storage, from)?;
    refuse_occupied(storage, to)?;
    storage.slot(to).set_content(Some(content));
    euler_tour::replace(storage, from, to);
    storage.slot(from).set_content(None);
    if storage.slot(from).holder() != storage.slot(to).holder() {
        storage.filled(to, &content.capability());
        storage.emptied(from, &content.capability());
    }
    Ok(())
}

/// Empties `place` and returns the capability that it held. The children of a copy become its parent's.
///
/// # Errors
/// [`Error::Empty`]; [`Error::InUse`] for an origin with descendants, which would refer to an object that no longer exists.
#[inline(always)]
pub fn delete<S: Storage>(storage: &S, place: Place) -> Result<Capability<S::Object>, S> {
    match content(storage, place)?.role {
        Role::Origin => clear_leaf(storage, place),
        Role::Copy => Ok(take(storage, place)?),
    }
}

/// Empties `place`, which is a leaf, and returns the capability that it held.
///
/// # Errors
/// [`Error::Empty`], [`Error::InUse`].
#[inline(always)]
pub fn clear_leaf<S: Storage>(storage: &S, place: Place) -> Result<Capability<S::Object>, S> {
    content(storage, place)?;
    if !euler_tour::is_leaf(storage, place) {
        return Err(Error::InUse { place });
    }
    take(storage, place)
}

/// Empties `place`; its children become its parent's.
#[inline(always)]
pub(crate) fn take<S: Storage>(storage: &S, place: Place) -> Result<Capability<S::Object>, S> {
    let content = content(storage, place)?;
    euler_tour::remove(storage, place);
    empty(storage, place, content);
    Ok(content.capability())
}

pub(crate) fn content<S: Storage>(storage: &S, place: Place) -> Result<Content<S::Object>, S> {
    storage.slot(place).content().ok_or(Error::Empty { place })
}

pub(crate) fn refuse_occupied<S: Storage>(storage: &S, place: Place) -> Result<(), S> {
    if storage.slot(place).is_empty() {
        Ok(())
    } else {
        Err(Error::Occupied { place })
    }
}

#[inline(always)]
fn add_child<S: Storage>(storage: &S, parent: Place, place: Place, content: Content<S::Object>) {
    fill(storage, place, content);
    euler_tour::insert_below(storage, parent, place);
}

#[inline(always)]
fn fill<S: Storage>(storage: &S, place: Place, content: Content<S::Object>) {
    storage.slot(place).set_content(Some(content));
    storage.filled(place, &content.capability());
}

#[inline(always)]
fn empty<S: Storage>(storage: &S, place: Place, content: Content<S::Object>) {
    storage.slot(place).set_content(None);
    storage.emptied(place, &content.capability());
}
