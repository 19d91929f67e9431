//! Commands about the server.

use crate::command::{Call, CommandError, is_word};
use crate::commands::strings::VALUE_BYTES_MAX;
use crate::info;
use crate::settings::CONNECTIONS;

/// `DBSIZE`
pub fn database_size<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    call.replies.integer(call.service.store.len() as i64);
    Ok(())
}

/// `FLUSHALL [ASYNC | SYNC]`
pub fn flush<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let word = call.request.argument(1);
    match call.request.count() {
        1 => {}
        2 if is_word(word, "async") || is_word(word, "sync") => {}
        _ => return Err(CommandError::Syntax),
    }
    call.service.store.clear();
    call.replies.simple("OK");
    Ok(())
}

/// `INFO [section ...]`
pub fn info<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let sections = call.request.arguments_from(1);
    let text = info::text(call.service, sections);
    call.replies.bulk(text.as_bytes());
    Ok(())
}

/// `CONFIG GET parameter ...`
pub fn config<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let word = call.request.argument(1);
    if !is_word(word, "get") || call.request.count() < 3 {
        return Err(CommandError::Subcommand(word));
    }
    let parameters = [
        ("appendonly", "no".into()),
        ("databases", "1".into()),
        ("maxclients", alloc::format!("{CONNECTIONS}")),
        (
            "maxmemory",
            alloc::format!("{}", call.service.settings.store_bytes_max),
        ),
        ("maxmemory-policy", "noeviction".into()),
        ("proto-max-bulk-len", alloc::format!("{VALUE_BYTES_MAX}")),
        // There are no snapshots: a domain that must outlive its machine moves to another.
        ("save", "".into()),
    ];
    let is_requested = |name: &str| {
        let mut patterns = call.request.arguments_from(2);
        patterns.any(|pattern| pattern == b"*" || is_word(pattern, name))
    };
    let requested = parameters.iter().filter(|(name, _)| is_requested(name));
    call.replies.array(2 * requested.clone().count());
    for (name, value) in requested {
        call.replies.bulk(name.as_bytes());
        call.replies.bulk(value.as_bytes());
    }
    Ok(())
}
