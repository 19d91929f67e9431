//! Commands about keys and their values.

use alloc::string::ToString;

use crate::command::{Call, CommandError, is_word};
use crate::resp;
use crate::service::Service;

/// The longest value.
pub const VALUE_BYTES_MAX: usize = 512 << 10;

/// The condition under which `SET` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Always,
    Absent,
    Present,
}

/// `GET key`
pub fn get<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let value = read(call.service, call.request.argument(1));
    call.replies.optional(value);
    Ok(())
}

/// `MGET key ...`
pub fn get_several<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    call.replies.array(call.request.count() - 1);
    for key in call.request.arguments_from(1) {
        call.replies.optional(read(call.service, key));
    }
    Ok(())
}

/// `STRLEN key`
pub fn length<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let value = read(call.service, call.request.argument(1));
    call.replies.integer(value.map_or(0, <[u8]>::len) as i64);
    Ok(())
}

/// `EXISTS key ...`
pub fn exists<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let keys = call.request.arguments_from(1);
    let count = keys.filter(|key| read(call.service, key).is_some()).count();
    call.replies.integer(count as i64);
    Ok(())
}

/// `DEL key ...`
pub fn delete<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let keys = call.request.arguments_from(1);
    let count = keys.filter(|key| call.service.store.remove(key)).count();
    call.replies.integer(count as i64);
    Ok(())
}

/// `SET key value [NX | XX] [GET]`
pub fn set<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let (condition, wants_old) = options(call)?;
    let (key, value) = (call.request.argument(1), call.request.argument(2));
    let old = call.service.store.get(key);
    let is_met = match condition {
        Condition::Always => true,
        Condition::Absent => old.is_none(),
        Condition::Present => old.is_some(),
    };
    if wants_old {
        call.replies.optional(old);
        if !call.replies.has_room() {
            return Err(CommandError::ReplyTooLarge);
        }
    }
    if is_met {
        write(call.service, key, value)?;
    }
    match (wants_old, is_met) {
        (true, _) => {}
        (false, true) => call.replies.simple("OK"),
        (false, false) => call.replies.optional(None),
    }
    Ok(())
}

fn options<'a>(call: &Call<'a>) -> Result<(Condition, bool), CommandError<'a>> {
    let (mut condition, mut wants_old) = (Condition::Always, false);
    for word in call.request.arguments_from(3) {
        match condition {
            _ if is_word(word, "get") => wants_old = true,
            Condition::Always | Condition::Absent if is_word(word, "nx") => {
                condition = Condition::Absent;
            }
            Condition::Always | Condition::Present if is_word(word, "xx") => {
                condition = Condition::Present;
            }
            // Values do not expire here: ignoring an expiry would be worse than refusing it.
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok((condition, wants_old))
}

/// `SETNX key value`
pub fn set_if_absent<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let (key, value) = (call.request.argument(1), call.request.argument(2));
    let is_absent = call.service.store.get(key).is_none();
    if is_absent {
        write(call.service, key, value)?;
    }
    call.replies.integer(is_absent.into());
    Ok(())
}

/// `MSET key value ...`
pub fn set_several<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    if call.request.count().is_multiple_of(2) {
        return Err(CommandError::Arity("mset"));
    }
    let request = call.request;
    let pairs = (1..request.count())
        .step_by(2)
        .map(|index| (request.argument(index), request.argument(index + 1)));
    if pairs
        .clone()
        .any(|(_, value)| value.len() > VALUE_BYTES_MAX)
    {
        return Err(CommandError::TooLong);
    }
    call.service.store.set_several(pairs)?;
    call.replies.simple("OK");
    Ok(())
}

/// `APPEND key text`
pub fn append<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let (key, more) = (call.request.argument(1), call.request.argument(2));
    let length = call.service.store.get(key).map_or(0, <[u8]>::len);
    if length + more.len() > VALUE_BYTES_MAX {
        return Err(CommandError::TooLong);
    }
    let length = call.service.store.append(key, more)?;
    call.replies.integer(length as i64);
    Ok(())
}

/// `INCR key`
pub fn increment<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    add(call, 1)
}

/// `DECR key`
pub fn decrement<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    add(call, -1)
}

/// `INCRBY key number`
pub fn increment_by<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let by = resp::number(call.request.argument(2)).ok_or(CommandError::NotANumber)?;
    add(call, by)
}

/// `DECRBY key number`
pub fn decrement_by<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let by = resp::number(call.request.argument(2)).ok_or(CommandError::NotANumber)?;
    add(call, by.checked_neg().ok_or(CommandError::Overflow)?)
}

fn add<'a>(call: &mut Call<'a>, by: i64) -> Result<(), CommandError<'a>> {
    let key = call.request.argument(1);
    let old = match call.service.store.get(key) {
        None => 0,
        Some(text) => resp::number(text).ok_or(CommandError::NotANumber)?,
    };
    let new = old.checked_add(by).ok_or(CommandError::Overflow)?;
    write(call.service, key, new.to_string().as_bytes())?;
    call.replies.integer(new);
    Ok(())
}

fn read<'s>(service: &'s mut Service, key: &[u8]) -> Option<&'s [u8]> {
    let value = service.store.get(key);
    match value {
        Some(_) => service.statistics.hits += 1,
        None => service.statistics.misses += 1,
    }
    value
}

fn write<'a>(service: &mut Service, key: &[u8], value: &[u8]) -> Result<(), CommandError<'a>> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(CommandError::TooLong);
    }
    Ok(service.store.set(key, value)?)
}
