//! The concurrent tasks: dirtying, replying on UDP and TCP, the self-check, the report.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use runtime::embassy_net::Stack;
use runtime::embassy_net::tcp::TcpSocket;
use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};
use runtime::embassy_time::{Duration, Instant, Timer};
use runtime::embedded_io_async::Write;
use runtime::executor::Tasks;
use runtime::{clock, log, net};

use crate::pace::Pace;
use crate::service::Service;
use crate::wire::{REPLY_BYTES, REQUEST_BYTES, Request};

/// The service, shared by the tasks of one thread. No task holds a borrow across an await.
pub type Shared = Rc<RefCell<Service>>;

/// The maximum number of concurrent TCP connections.
const CONNECTIONS: usize = 8;
/// The number of requests that the UDP socket can queue while the domain is stalled. It exceeds the number of slots in the
/// ring of a network port.
const DATAGRAMS: usize = 256;
/// The maximum number of requests read from a connection at once.
const BATCH: usize = 64;
/// The shortest sleep of the dirtying task. Several pages may be due after it.
const DIRTY_INTERVAL_MIN_NS: u64 = 1_000_000;
/// The self-check covers this many pages per interval: 64 MiB in 82 seconds.
const CHECK_PAGES: usize = 2;
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Dirties pages at a steady rate, for ever. Ends at once if the rate is zero.
pub async fn dirty(per_second: u64, service: Shared) {
    let mut pace = Pace::new(per_second, clock::now_ns());
    while let Some(next_ns) = pace.next_ns() {
        let earliest_ns = clock::now_ns() + DIRTY_INTERVAL_MIN_NS;
        Timer::at(Instant::from_micros(
            next_ns.max(earliest_ns).div_ceil(1_000),
        ))
        .await;
        let due = pace.take_due(clock::now_ns());
        service.borrow_mut().dirty(due);
    }
}

/// Replies to requests on UDP, for ever.
pub async fn serve_datagrams(stack: Stack<'static>, port: u16, service: Shared) {
    let mut metadata = [[PacketMetadata::EMPTY; DATAGRAMS]; 2];
    let [received_metadata, sent_metadata] = &mut metadata;
    let (mut received, mut sent) = (
        alloc::vec![0; DATAGRAMS * REQUEST_BYTES],
        alloc::vec![0; DATAGRAMS * REPLY_BYTES],
    );
    let mut socket = UdpSocket::new(
        stack,
        received_metadata,
        &mut received,
        sent_metadata,
        &mut sent,
    );
    if let Err(error) = socket.bind(port) {
        panic!("cannot listen on UDP port {port}: {error:?}");
    }
    let mut request = [0; REQUEST_BYTES];
    loop {
        // A longer datagram is an error, a shorter one has another length: neither gets a reply.
        let Ok((REQUEST_BYTES, from)) = socket.recv_from(&mut request).await else {
            continue;
        };
        let reply = service.borrow_mut().reply(Request::from_bytes(&request));
        // A client that did not get the reply retries.
        let _ = socket.send_to(&reply.to_bytes(), from).await;
    }
}

/// Replies to requests on TCP, for ever.
pub fn serve_connections(stack: Stack<'static>, tasks: Tasks, port: u16, service: Shared) {
    net::serve_tcp(stack, tasks, port, CONNECTIONS, async move |socket| {
        // The client closed or reset the connection.
        let _ = serve_connection(socket, &service).await;
    });
}

async fn serve_connection(
    socket: &mut TcpSocket<'static>,
    service: &Shared,
) -> Result<(), runtime::embassy_net::tcp::Error> {
    let mut buffer = [0; BATCH * REQUEST_BYTES];
    let mut filled = 0;
    loop {
        match socket.read(&mut buffer[filled..]).await? {
            0 => return Ok(()),
            count => filled += count,
        }
        let (requests, rest) = buffer[..filled].as_chunks();
        let rest = rest.len();
        let replies: Vec<[u8; REPLY_BYTES]> = requests
            .iter()
            .map(|request| service.borrow_mut().reply(Request::from_bytes(request)))
            .map(|reply| reply.to_bytes())
            .collect();
        buffer.copy_within(filled - rest..filled, 0);
        filled = rest;
        socket.write_all(replies.as_flattened()).await?;
    }
}

/// Checks the heap page by page, for ever, and logs damage.
pub async fn check(service: Shared) {
    loop {
        Timer::after(CHECK_INTERVAL).await;
        let checked = service.borrow_mut().check_some(CHECK_PAGES);
        if let Err(damage) = checked {
            log::error!("counter: page {} is damaged", damage.page);
        }
    }
}

/// Logs the progress periodically, at debug level.
pub async fn report(service: Shared) {
    loop {
        Timer::after(REPORT_INTERVAL).await;
        let dirtied = service.borrow().pages().dirtied();
        log::debug!("counter: {dirtied} pages dirtied");
    }
}
