//! The operations that build the derivation tree and remove slots from it. Each takes constant time and is atomic: an
//! operation that fails has changed nothing.

#[cfg(test)]
mod tests;

use crate::slot::{Content, Role};
use crate::{Badge, Capability, Error, Place, Result, Storage, euler_tour};

/// The largest number of origins among a slot's ancestors. A step of [`revoke`](crate::revoke) passes over origins with
/// descendants, so this limit bounds the length of a step.
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

/// Like [`copy`], but the child has exactly `rights`. It has `badge`, or its parent's badge if `badge` is [`Badge::NONE`].
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

/// Puts `capability` into `to`, as an origin and a child of `from`. A pool is the parent of the objects allocated from it, a
/// Memory the parent of its mappings. Revoking `from` removes `to`, after all descendants of `to`.
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

/// Checks that [`derive`](fn@derive) from `from` into an empty slot would succeed.
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

/// Empties `place` and returns the capability that it held. The children of a deleted copy become children of its parent.
///
/// # Errors
/// [`Error::Empty`]; [`Error::InUse`] for an origin with descendants, since these would refer to an object that no longer
/// exists.
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

/// Empties `place`; its children become children of its parent.
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
