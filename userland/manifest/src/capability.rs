//! What a domain may be given, beyond what is its own anyway (its Domain with MAP, its thread, its `wake`).

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

/// A capability that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    /// To say something, which the machine's console shows.
    Log,
    /// Its own pool, to make objects.
    Pool,
    /// A port at the switch: `port` says which.
    Port,
    /// Beside its port, the frames for domains that have left this machine: to be the migration server.
    Tunnel,
    /// A device: `device` says which.
    Device,
    /// Root's list of domains, and the authority to move them.
    Root,
    /// To be the switch.
    Ports,
    /// The first serial port, and what is said on the machine: to be the console, and write that there.
    Serial,
    /// Memory of its own that outlives it, for what a new life must know of the last.
    Records,
    /// To call the domain that provides this service.
    Service(String),
}

/// What a service's name begins with where a manifest names it as a capability.
const SERVICE: &str = "service:";

/// The names, for messages.
const NAMES: &str = "log, pool, port, tunnel, device, root, ports, serial, records, service:NAME";

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
            "ports" => Ok(Capability::Ports),
            "serial" => Ok(Capability::Serial),
            "records" => Ok(Capability::Records),
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
            Capability::Ports => "ports".to_string(),
            Capability::Serial => "serial".to_string(),
            Capability::Records => "records".to_string(),
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
    fn an_unknown_name_is_named_with_the_known_ones() {
        let error = Capability::try_from("log ".to_string()).unwrap_err();
        assert!(error.contains("`log `") && error.contains(NAMES), "{error}");
        assert!(Capability::try_from("service:".to_string()).is_err());
    }
}
