//! Commands about the connection.

use crate::command::{Call, CommandError, is_word};
use crate::info::{REDIS_VERSION, SERVER};

/// The longest name that a client may have.
const NAME_BYTES_MAX: usize = 64;

/// `PING [text]`
pub fn ping<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    match call.request.count() {
        1 => call.replies.simple("PONG"),
        2 => call.replies.bulk(call.request.argument(1)),
        _ => return Err(CommandError::Arity("ping")),
    }
    Ok(())
}

/// `ECHO text`
pub fn echo<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    call.replies.bulk(call.request.argument(1));
    Ok(())
}

/// `QUIT`
pub fn quit<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    call.client.is_leaving = true;
    call.replies.simple("OK");
    Ok(())
}

/// `SELECT 0`
pub fn select<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    match call.request.argument(1) {
        b"0" => call.replies.simple("OK"),
        _ => return Err(CommandError::DatabaseIndex),
    }
    Ok(())
}

/// `HELLO [2]`
pub fn hello<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    match call.request.count() {
        1 => {}
        2 if call.request.argument(1) == b"2" => {}
        2 => return Err(CommandError::UnsupportedProtocol),
        // Further arguments authenticate or set a name. Authentication is not supported, and `CLIENT` sets names.
        _ => return Err(CommandError::Syntax),
    }
    let replies = &mut *call.replies;
    replies.array(14);
    replies.bulk(b"server");
    replies.bulk(SERVER.as_bytes());
    replies.bulk(b"version");
    replies.bulk(REDIS_VERSION.as_bytes());
    replies.bulk(b"proto");
    replies.integer(2);
    replies.bulk(b"id");
    replies.integer(call.client.id as i64);
    replies.bulk(b"mode");
    replies.bulk(b"standalone");
    replies.bulk(b"role");
    replies.bulk(b"master");
    replies.bulk(b"modules");
    replies.array(0);
    Ok(())
}

/// `CLIENT ID`, `CLIENT GETNAME`, `CLIENT SETNAME name`, `CLIENT SETINFO attribute value`
pub fn client<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let word = call.request.argument(1);
    match call.request.count() {
        2 if is_word(word, "id") => call.replies.integer(call.client.id as i64),
        2 if is_word(word, "getname") => {
            let name = Some(call.client.name.as_slice());
            call.replies.optional(name.filter(|name| !name.is_empty()));
        }
        3 if is_word(word, "setname") => {
            set_name(call)?;
            call.replies.simple("OK");
        }
        // The name and the version of the client's library are ignored.
        4 if is_word(word, "setinfo") => call.replies.simple("OK"),
        _ => return Err(CommandError::Subcommand(word)),
    }
    Ok(())
}

fn set_name<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let name = call.request.argument(2);
    if name.len() > NAME_BYTES_MAX || !name.iter().all(u8::is_ascii_graphic) {
        return Err(CommandError::ClientName);
    }
    call.client.name = name.to_vec();
    Ok(())
}
