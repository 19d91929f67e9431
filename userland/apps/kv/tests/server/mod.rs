//! The store on the host's loopback: the same sessions, on sockets of the host.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use key_value::service::{Facts, Service};
use key_value::session::Session;
use key_value::settings::Settings;

/// Bytes from a connection, and the channel for the reply.
struct Received {
    connection: usize,
    bytes: Vec<u8>,
    reply: Sender<Reply>,
}

/// Bytes to send, and whether they are the last.
struct Reply {
    bytes: Vec<u8>,
    is_last: bool,
}

/// Starts a server that lives as long as the process. All connections share one service, on one thread, as in a
/// domain.
pub fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, receiver) = channel();
    thread::spawn(move || serve(&receiver));
    thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let sender = sender.clone();
            // An error of one client does not stop the server.
            thread::spawn(move || stream.and_then(|stream| converse(connection, stream, &sender)));
        }
    });
    address
}

fn serve(receiver: &Receiver<Received>) {
    let mut service = Service::new(Settings::default(), Facts::default);
    let mut sessions = std::collections::HashMap::new();
    for Received {
        connection,
        bytes,
        reply,
    } in receiver
    {
        let open = || Session::open(&mut service);
        let session: &mut Session = sessions.entry(connection).or_insert_with(open);
        let mut sent = Vec::new();
        let mut input = &bytes[..];
        while !input.is_empty() && !session.is_over() {
            input = &input[session.receive(&mut service, input)..];
            sent.extend_from_slice(session.to_send());
            session.sent();
        }
        let is_last = session.is_over() || bytes.is_empty();
        if is_last && let Some(session) = sessions.remove(&connection) {
            session.close(&mut service);
        }
        // The client may have closed the connection meanwhile.
        let _ = reply.send(Reply {
            bytes: sent,
            is_last,
        });
    }
}

/// Forwards input to the service; an empty read is the end, and is forwarded too.
fn converse(
    connection: usize,
    mut stream: TcpStream,
    service: &Sender<Received>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).unwrap_or(0);
        let (reply, replies) = channel();
        let bytes = buffer[..count].to_vec();
        let received = Received {
            connection,
            bytes,
            reply,
        };
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        service
            .send(received)
            .map_err(|_| io::Error::other("no service"))?;
        let reply = replies.recv().map_err(gone)?;
        stream.write_all(&reply.bytes)?;
        if reply.is_last {
            return Ok(());
        }
    }
}
