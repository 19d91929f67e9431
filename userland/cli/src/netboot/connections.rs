//! The open connections of the HTTP server: [`Connections`], which has places for [`CONNECTIONS_MAX`].
//!
//! A connection for which there is no place gets that of another one: the oldest of the client with the most connections. So a
//! client that opens connections without end closes its own first.

use std::cmp::Reverse;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The most connections at the same time. Each has a thread and, while it downloads the image, two files.
pub const CONNECTIONS_MAX: usize = 64;

/// The open connections, the oldest first.
#[derive(Debug, Default)]
pub struct Connections {
    open: Mutex<Vec<Arc<Connection>>>,
    /// Signalled when a connection has ended.
    ended: Condvar,
}

/// A connection that has a place until this is dropped.
#[derive(Debug)]
pub struct Place {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    client: IpAddr,
}

impl Connections {
    /// Gives this connection with a client a place. If there is none, closes another connection, and waits until it has ended.
    pub fn admit(self: &Arc<Self>, stream: TcpStream, client: IpAddr) -> Place {
        let connection = Arc::new(Connection { stream, client });
        let mut open = self.lock();
        while open.len() >= CONNECTIONS_MAX {
            if let Some(index) = surplus(open.iter().map(|other| other.client)) {
                // An error means that it is closed already.
                let _ = open[index].stream.shutdown(Shutdown::Both);
            }
            let ended = self.ended.wait(open);
            open = ended.unwrap_or_else(PoisonError::into_inner);
        }
        open.push(connection.clone());
        Place {
            connections: self.clone(),
            connection,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection's stream.
    pub fn stream(&self) -> &TcpStream {
        &self.connection.stream
    }

    /// The client.
    pub fn client(&self) -> IpAddr {
        self.connection.client
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.retain(|other| !Arc::ptr_eq(other, &self.connection));
        self.connections.ended.notify_one();
    }
}

/// The index of the first connection of the client that has the most, in a list of each connection's client.
fn surplus(clients: impl Iterator<Item = IpAddr> + Clone) -> Option<usize> {
    let count = |client| clients.clone().filter(|other| *other == client).count();
    let indices = clients.clone().enumerate();
    let (index, _) = indices.min_by_key(|(_, client)| Reverse(count(*client)))?;
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_connection_of_the_client_with_the_most_is_closed() {
        let client = |last: u8| IpAddr::from([10, 77, 0, last]);
        for (clients, expected) in [
            (&[1, 2, 3][..], Some(0)),
            (&[1, 2, 3, 2], Some(1)),
            (&[1, 1, 2, 3, 2, 2], Some(2)),
            (&[], None),
        ] {
            let clients = clients.iter().map(|last| client(*last));
            assert_eq!(surplus(clients), expected);
        }
    }
}
