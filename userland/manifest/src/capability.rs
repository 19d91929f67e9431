//! The capabilities that a domain may receive, in addition to those that every domain has (its Domain with MAP, INSTALL and
//! SPAWN, its thread, its `wake`, its `heap`).

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

/// A capability that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    /// The endpoint for log lines, which the machine's console shows.
    Log,
    /// Its own pool, to create objects.
    Pool,
    /// The port at the switch described by `port`.
    Port,
    /// The port for frames to domains that are leaving or have left this machine: for the migration server.
    Tunnel,
    /// The device described by `device`.
    Device,
    /// Root's endpoint for listing, starting and moving domains: for the migration server.
    Root,
    /// Root's endpoint for listing domains: for the console.
    Domains,
    /// Root's endpoint for commands about ports: for the switch.
    Ports,
    /// The first serial port and the machine's log: for the console.
    Serial,
    /// The screen, if the machine has one: for the console.
    Screen,
    /// The PS/2 keyboard, if the machine has one: for the console.
    Keyboard,
    /// A Memory that outlives the domain, for state that the domain needs after a restart.
    Records,
    /// Root's endpoint for queries about the machine's hardware and its log: for a report on them.
    Inventory,
    /// The endpoint of the domain that provides this service.
    Service(String),
}

/// The prefix of a service's name as a capability in a manifest.
const SERVICE: &str = "service:";

/// All names, for error messages.
const NAMES: &str = "log, pool, port, tunnel, device, root, domains, ports, serial, screen, keyboard, \
                     records, inventory, service:NAME";

impl TryFrom<String> for Capability {
    type Error = String;

    fn try_from(text: String) -> Result<Capability, String> {
        match text.as_str() {
            "log" => Ok(Capability::Log),
            "pool" => Ok(Capability::Pool),
            "port" => Ok(Capability::Port),
            "tunnel" => Ok(Capability::Tunnel),
            "device" => Ok(Capability::Device),
            "root" => Ok(Capability::Root),
            "domains" => Ok(Capability::Domains),
            "ports" => Ok(Capability::Ports),
            "serial" => Ok(Capability::Serial),
            "screen" => Ok(Capability::Screen),
            "keyboard" => Ok(Capability::Keyboard),
            "records" => Ok(Capability::Records),
            "inventory" => Ok(Capability::Inventory),
            _ => match text.strip_prefix(SERVICE) {
                Some(name) if !name.is_empty() => Ok(Capability::Service(name.to_string())),
                _ => Err(alloc::format!(
                    "unknown capability `{text}`, expected one of {NAMES}"
                )),
            },
        }
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> String {
        match capability {
            Capability::Log => "log".to_string(),
            Capability::Pool => "pool".to_string(),
            Capability::Port => "port".to_string(),
            Capability::Tunnel => "tunnel".to_string(),
            Capability::Device => "device".to_string(),
            Capability::Root => "root".to_string(),
            Capability::Domains => "domains".to_string(),
            Capability::Ports => "ports".to_string(),
            Capability::Serial => "serial".to_string(),
            Capability::Screen => "screen".to_string(),
            Capability::Keyboard => "keyboard".to_string(),
            Capability::Records => "records".to_string(),
            Capability::Inventory => "inventory".to_string(),
            Capability::Service(name) => alloc::format!("{SERVICE}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_is_written() {
        for text in NAMES.split(", ") {
            let capability = Capability::try_from(text.to_string()).unwrap();
            assert_eq!(String::from(capability), text);
        }
    }

    #[test]
    fn an_error_lists_the_unknown_name_and_the_known_ones() {
        let error = Capability::try_from("log ".to_string()).unwrap_err();
        assert!(error.contains("`log `") && error.contains(NAMES), "{error}");
        assert!(Capability::try_from("service:".to_string()).is_err());
    }
}
