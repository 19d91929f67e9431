//! A TCP/IP stack on the domain's port.
//!
//! The whole stack, with its sockets and timers, lies in the domain's own memory, so connections move with the domain.
//! The stack itself replies to echo requests (ping).
//!
//! The start page configures it: the Memory `port`, the notification `doorbell` with the argument
//! `doorbell=<flags>`, and the arguments `mac=02:00:00:00:00:01`, `ip=10.77.0.20/24` and further ones
//! (`net/config.rs`).
//!
//! Features of this crate add protocols: `dhcp`, `dns` ([`Stack::dns_query`](embassy_net::Stack)), `ipv6`.

mod config;
mod listeners;

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::RefCell;

use embassy_net::tcp::TcpSocket;
use embassy_net::{Runner, Stack, StackResources};
use embassy_time::{Duration, with_timeout};

use crate::Start;
use crate::capability::Notification;
use crate::executor::Tasks;
use crate::heap;
use crate::port::{Device, Doorbell, FRAME_BYTES_MAX, MERGED_DATA_BYTES_MAX, Port, Side};
use crate::protocol::{Mac, Mtu};

pub use config::fixed_address;

/// The maximum number of open sockets of a domain.
pub const SOCKETS_MAX: usize = 24;

/// The sockets that the stack opens for itself: one for DHCP, one for DNS.
const OWN_SOCKETS: usize = cfg!(feature = "dhcp") as usize + cfg!(feature = "dns") as usize;

/// The size of a TCP connection's buffer per direction. The device merges no more data than it has room for.
const TCP_BUFFER_BYTES: usize = MERGED_DATA_BYTES_MAX;
/// The maximum TCP payload of a frame.
const SEGMENT_BYTES: usize = FRAME_BYTES_MAX - 54;
/// The maximum number of frames in flight to a connection: a full window, and the frames that open and close the connection.
pub const TCP_FRAMES: usize = TCP_BUFFER_BYTES.div_ceil(SEGMENT_BYTES) + 3;
/// The timeout of a handshake. Until then a client that has only sent its first frame occupies a socket.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The silence after which a keep-alive probe is sent.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// The silence after which the connection is aborted. It is long, since a stalled move counts as silence.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// The timeout of a graceful close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Starts the stack on the domain's port.
///
/// # Panics
/// If the start page lacks a resource of the stack: a mistake of the domain's creator.
pub fn stack(start: Start, tasks: Tasks) -> Stack<'static> {
    stack_for::<SOCKETS_MAX>(start, tasks)
}

/// As [`stack`], with another maximum number of open sockets.
///
/// # Panics
/// As [`stack`]. With the feature `dhcp` or `dns`, also for more than 1,024 sockets, including the stack's own.
pub fn stack_for<const SOCKETS: usize>(start: Start, tasks: Tasks) -> Stack<'static> {
    stack_on::<SOCKETS>(start, tasks, device(start))
}

/// As [`stack_for`], for a domain whose datagrams are encrypted and authenticated: they have no UDP checksum (RFC 768 permits
/// that over IPv4), and that of received ones is not verified.
///
/// # Panics
/// As [`stack`].
pub fn stack_without_udp_checksums<const SOCKETS: usize>(
    start: Start,
    tasks: Tasks,
) -> Stack<'static> {
    stack_on::<SOCKETS>(start, tasks, device(start).without_udp_checksums())
}

fn stack_on<const SOCKETS: usize>(start: Start, tasks: Tasks, device: Device) -> Stack<'static> {
    // The stack's own sockets come in addition. A constant argument cannot be a sum, so the match lists the possible ones.
    match SOCKETS + OWN_SOCKETS {
        _ if OWN_SOCKETS == 0 => start_stack::<SOCKETS>(start, tasks, device),
        ..=32 => start_stack::<32>(start, tasks, device),
        33..=160 => start_stack::<160>(start, tasks, device),
        161..=1024 => start_stack::<1024>(start, tasks, device),
        _ => panic!("a stack has at most 1024 sockets"),
    }
}

fn start_stack<const SOCKETS: usize>(start: Start, tasks: Tasks, device: Device) -> Stack<'static> {
    let resources = Box::leak(Box::new(StackResources::<SOCKETS>::new()));
    let config = config::config(start);
    let (stack, runner) = embassy_net::new(device, config, resources, seed());
    tasks.spawn(run(runner));
    stack
}

/// Whether the domain has a port.
pub fn is_connected(start: Start) -> bool {
    start.page().find("port").is_some()
}

async fn run(mut runner: Runner<'static, Device>) {
    runner.run().await
}

/// The MTU of the domain's port, with which its stack works.
///
/// # Panics
/// As [`stack`].
pub fn mtu(start: Start) -> Mtu {
    port(start).layout().mtu()
}

fn port(start: Start) -> Port<'static> {
    let memory = start.shared_memory("port").expect("started without a port");
    Port::try_new(memory, Side::Domain).expect("a port of the right size")
}

fn device(start: Start) -> Device {
    let doorbell = Doorbell {
        notification: start.require::<Notification>("doorbell"),
        flags: start.require_argument("doorbell"),
    };
    let Mac(mac) = start.require_argument("mac");
    Device::new(port(start), doorbell, mac).with_gate(listeners::admit)
}

/// The seed of initial sequence numbers and ephemeral ports.
///
/// It is drawn with `getrandom`, as in any crate, so that every networked program proves that the backend in [`crate::random`]
/// links.
fn seed() -> u64 {
    getrandom::u64().expect("the domain's own generator never fails")
}

/// Serves a TCP port for ever: calls `serve` for each connection, up to `connections` at once.
///
/// State that the connections share is an ordinary value behind an `Rc`, which travels with the domain:
///
/// ```
/// extern crate alloc;
/// use alloc::{format, rc::Rc};
/// use core::cell::Cell;
/// use runtime::{Start, embassy_net::tcp::TcpSocket, embedded_io_async::Write, executor::Tasks, net};
///
/// async fn run(start: Start, tasks: Tasks) {
///     let count = Rc::new(Cell::new(0));
///     let serve = async move |socket: &mut TcpSocket<'static>| {
///         count.set(count.get() + 1);
///         let line = format!("{}\n", count.get());
///         let _ = socket.write_all(line.as_bytes()).await;
///     };
///     net::serve_tcp(net::stack(start, tasks), tasks, 7, 4, serve);
/// }
/// ```
///
/// # Panics
/// If the heap is too small for the buffers of so many connections.
pub fn serve_tcp<S>(stack: Stack<'static>, tasks: Tasks, port: u16, connections: usize, serve: S)
where
    S: AsyncFn(&mut TcpSocket<'static>) + Clone + 'static,
{
    // Reserved before any client connects, so that clients cannot make the memory too small.
    let buffers = heap::reserve(connections * 2 * TCP_BUFFER_BYTES);
    let buffers =
        buffers.unwrap_or_else(|| panic!("the heap is too small for {connections} connections"));
    let buffers = Rc::new(RefCell::new(buffers));
    for _ in 0..connections {
        tasks.spawn(accept_for_ever(
            stack,
            port,
            serve.clone(),
            Rc::clone(&buffers),
        ));
    }
}

async fn accept_for_ever<S>(
    stack: Stack<'static>,
    port: u16,
    serve: S,
    buffers: Rc<RefCell<heap::Reserve>>,
) where
    S: AsyncFn(&mut TcpSocket<'static>),
{
    listeners::join(port).await;
    let take = || buffers.borrow_mut().take(TCP_BUFFER_BYTES);
    let [receive, send] = [take(), take()].map(|buffer| buffer.expect("it is reserved"));
    let mut socket = TcpSocket::new(stack, receive, send);
    // Nagle's algorithm holds a small reply back until the client has acknowledged the previous one. If a segment is lost, that
    // takes at least a second, the stack's minimum retransmission timeout.
    socket.set_nagle_enabled(false);
    socket.set_keep_alive(Some(KEEP_ALIVE));
    loop {
        socket.set_timeout(Some(HANDSHAKE_TIMEOUT));
        if socket.accept(port).await.is_ok() {
            socket.set_timeout(Some(SILENCE_MAX));
            // After a timeout there is no connection.
            if socket.may_send() {
                serve(&mut socket).await;
            }
            end(&mut socket).await;
        }
        listeners::listen_again(port);
    }
}

/// Closes a connection gracefully, or aborts it after a timeout.
async fn end(socket: &mut TcpSocket<'_>) {
    socket.close();
    let closed = with_timeout(CLOSE_TIMEOUT, socket.flush()).await;
    socket.abort();
    if closed.is_err() {
        // The reset is sent by the next poll of the stack.
        let _ = with_timeout(CLOSE_TIMEOUT, socket.flush()).await;
    }
}
