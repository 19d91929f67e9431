//! `INFO`: the server's state as text.
//!
//! ```text
//! # Server
//! redis_version:7.0.0
//! ...
//! ```

use alloc::string::String;
use core::fmt::Write;

use crate::command::is_word;
use crate::service::Service;

/// The server's name.
pub const SERVER: &str = "caravan-kv";

/// The version of Redis that replies in the same way, for clients that check the version.
pub const REDIS_VERSION: &str = "7.0.0";

/// A section: its name, and the function that writes its lines.
type Section = (&'static str, fn(&Service, &mut String));

const SECTIONS: &[Section] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Stats", statistics),
    ("Replication", replication),
    ("Keyspace", keys),
];

/// The text of the sections with these names; of all sections if there are no names.
pub fn text<'n>(service: &Service, names: impl Iterator<Item = &'n [u8]> + Clone) -> String {
    let every = ["all", "default", "everything"];
    let is_unnamed = names.clone().next().is_none();
    let is_requested = |section: &str| {
        let mut names = names.clone();
        is_unnamed
            || names
                .any(|name| is_word(name, section) || every.iter().any(|all| is_word(name, all)))
    };
    let mut text = String::new();
    for (name, write) in SECTIONS.iter().filter(|(name, _)| is_requested(name)) {
        let separator = if text.is_empty() { "" } else { "\r\n" };
        line(&mut text, format_args!("{separator}# {name}"));
        write(service, &mut text);
    }
    text
}

fn line(text: &mut String, line: core::fmt::Arguments<'_>) {
    // Writing to a string never fails.
    let _ = write!(text, "{line}\r\n");
}

fn server(service: &Service, text: &mut String) {
    line(text, format_args!("redis_version:{REDIS_VERSION}"));
    line(text, format_args!("redis_mode:standalone"));
    line(text, format_args!("server_name:{SERVER}"));
    line(text, format_args!("tcp_port:{}", service.settings.port));
    line(
        text,
        format_args!("uptime_in_seconds:{}", service.uptime_s()),
    );
    line(text, format_args!("incarnation:{}", service.incarnation()));
}

fn clients(service: &Service, text: &mut String) {
    let count = service.statistics.clients;
    line(text, format_args!("connected_clients:{count}"));
}

fn memory(service: &Service, text: &mut String) {
    let account = service.store.account();
    line(text, format_args!("used_memory:{}", account.used()));
    line(text, format_args!("maxmemory:{}", account.limit()));
    line(text, format_args!("maxmemory_policy:noeviction"));
    let buffers = &service.buffers;
    line(text, format_args!("mem_clients_normal:{}", buffers.used()));
}

fn statistics(service: &Service, text: &mut String) {
    let counted = &service.statistics;
    let connections = counted.connections;
    line(
        text,
        format_args!("total_connections_received:{connections}"),
    );
    line(
        text,
        format_args!("total_commands_processed:{}", counted.commands),
    );
    line(text, format_args!("keyspace_hits:{}", counted.hits));
    line(text, format_args!("keyspace_misses:{}", counted.misses));
}

fn replication(_: &Service, text: &mut String) {
    line(text, format_args!("role:master"));
    line(text, format_args!("connected_slaves:0"));
}

fn keys(service: &Service, text: &mut String) {
    let count = service.store.len();
    if count > 0 {
        line(text, format_args!("db0:keys={count},expires=0,avg_ttl=0"));
    }
}
