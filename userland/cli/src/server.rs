//! The migration server that a command is sent to: [`Server`].

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4, ToSocketAddrs};
use std::str::FromStr;

use identity::Name;
use nomad_client::Target;
use nomad_protocol::PORT;

/// A machine's migration server, as the user states it: `ADDRESS` or `NAME@ADDRESS`, with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// The address that datagrams are sent to.
    pub address: SocketAddrV4,
    /// The machine's name, if it is stated.
    pub name: Option<Name>,
}

impl Server {
    /// The machine that a reply has to come from.
    pub fn target(self) -> Target {
        Target {
            address: *self.address.ip(),
            name: self.name,
        }
    }
}

impl From<SocketAddrV4> for Server {
    fn from(address: SocketAddrV4) -> Server {
        let name = None;
        Server { address, name }
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Server, String> {
        let (name, address) = match text.split_once('@') {
            Some((name, address)) => {
                let name = name.parse().map_err(|error| format!("`{name}`: {error}"))?;
                (Some(name), address)
            }
            None => (None, text),
        };
        let address = resolve(address)?;
        Ok(Server { address, name })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            write!(formatter, "{name}@")?;
        }
        write!(formatter, "{}", self.address)
    }
}

/// The address that an address or host name stands for.
fn resolve(text: &str) -> Result<SocketAddrV4, String> {
    let with_port = text
        .to_socket_addrs()
        .or_else(|_| (text, PORT).to_socket_addrs());
    let mut addresses = with_port.into_iter().flatten();
    let first = addresses.find_map(|address| match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    });
    first.ok_or_else(|| "expected an IPv4 address, or a host name that has one".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_as_it_is_read() {
        for (text, name, address) in [
            ("10.77.0.1", None, "10.77.0.1:7411"),
            ("10.77.0.1:99", None, "10.77.0.1:99"),
            ("b@10.77.0.1", Some("b"), "10.77.0.1:7411"),
            ("b@10.77.0.1:99", Some("b"), "10.77.0.1:99"),
        ] {
            let server: Server = text.parse().expect(text);
            let expected = Server {
                address: address.parse().expect("an address"),
                name: name.map(|name| Name::try_new(name).expect("a name")),
            };
            assert_eq!(server, expected);
            assert_eq!(server.to_string().parse(), Ok(expected));
        }
        for (text, reason) in [
            ("b/@10.77.0.1", "`b/`"),
            ("@10.77.0.1", "empty"),
            ("b@", "IPv4"),
        ] {
            let error = text.parse::<Server>().expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
