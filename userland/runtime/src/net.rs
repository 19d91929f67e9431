//! A TCP/IP stack on the domain's port.
//!
//! The stack lies in the domain's own memory, sockets, timers and all, so that connections move with it.
//!
//! The start page says what it needs: the Memory `port`, the notification `doorbell` with the argument
//! `doorbell=<flags>`, and the arguments `mac=02:00:00:00:00:01`, `ip=10.77.0.20/24` and, if there is one,
//! `gateway=10.77.0.1`.

use alloc::boxed::Box;
use alloc::vec;
use core::net::Ipv4Addr;

use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_time::{Duration, with_timeout};

use crate::Start;
use crate::capability::Notification;
use crate::executor::Tasks;
use crate::port::{Device, Doorbell, FRAME_BYTES_MAX, Port, Side};
use crate::protocol::address::{Ipv4, Mac};

/// Sockets that a domain may have open at once.
pub const SOCKETS_MAX: usize = 24;

/// Bytes that a TCP connection holds for each direction.
const TCP_BUFFER_BYTES: usize = 16 * 1024;
/// Most bytes that TCP carries in a frame.
const SEGMENT_BYTES: usize = FRAME_BYTES_MAX - 54;
/// Frames that may be on their way to a connection at once: a window of full ones, and those that open and close it.
pub const TCP_FRAMES: usize = TCP_BUFFER_BYTES.div_ceil(SEGMENT_BYTES) + 3;
/// After so long without a sign of life the other side is asked for one.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// After so long without one it is given up. Long, since it counts how long a move was held up.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// How long a connection that ends may take to do so in good order.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// Starts the stack on the domain's port.
///
/// # Panics
/// If the start page does not have what the stack needs: whoever started the domain forgot it.
pub fn stack(start: Start, tasks: Tasks) -> Stack<'static> {
    stack_for::<SOCKETS_MAX>(start, tasks)
}

/// The same for a domain that has more sockets open at once, or fewer.
///
/// # Panics
/// As [`stack`].
pub fn stack_for<const SOCKETS: usize>(start: Start, tasks: Tasks) -> Stack<'static> {
    let resources = Box::leak(Box::new(StackResources::<SOCKETS>::new()));
    let (stack, runner) = embassy_net::new(device(start), config(start), resources, seed());
    tasks.spawn(run(runner));
    stack
}

/// Whether the domain has a port at all.
pub fn is_connected(start: Start) -> bool {
    start.page().find("port").is_some()
}

async fn run(mut runner: Runner<'static, Device>) {
    runner.run().await
}

fn device(start: Start) -> Device {
    let memory = start.shared_memory("port").expect("started without a port");
    let port = Port::try_new(memory, Side::Domain).expect("a port of the right size");
    let doorbell = Doorbell {
        notification: start.require::<Notification>("doorbell"),
        flags: start.require_argument("doorbell"),
    };
    let Mac(mac) = start.require_argument("mac");
    Device::new(port, doorbell, mac)
}

fn config(start: Start) -> Config {
    let Ipv4 { address, prefix } = start.require_argument("ip");
    let gateway = start
        .argument("gateway")
        .map(|_| start.require_argument::<Ipv4Addr>("gateway"));
    Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Addr::from(address), prefix),
        gateway,
        dns_servers: Default::default(),
    })
}

/// What initial sequence numbers and ephemeral ports come from.
///
/// Asked for as any crate asks, so that whatever is on the network shows that the backend in [`crate::random`] links.
fn seed() -> u64 {
    getrandom::u64().expect("the domain's own generator never fails")
}

/// Serves a TCP port: so many connections at once, `serve` for each of them, for ever.
pub fn serve_tcp<S>(stack: Stack<'static>, tasks: Tasks, port: u16, connections: usize, serve: S)
where
    S: AsyncFn(&mut TcpSocket<'static>) + Clone + 'static,
{
    for _ in 0..connections {
        tasks.spawn(accept_for_ever(stack, port, serve.clone()));
    }
}

async fn accept_for_ever<S>(stack: Stack<'static>, port: u16, serve: S)
where
    S: AsyncFn(&mut TcpSocket<'static>),
{
    let receive = vec![0; TCP_BUFFER_BYTES].leak();
    let send = vec![0; TCP_BUFFER_BYTES].leak();
    let mut socket = TcpSocket::new(stack, receive, send);
    // Answers are small and awaited. Lost segments cost a second at least: the stack's own lower limit.
    socket.set_nagle_enabled(false);
    socket.set_keep_alive(Some(KEEP_ALIVE));
    socket.set_timeout(Some(SILENCE_MAX));
    loop {
        if socket.accept(port).await.is_ok() {
            serve(&mut socket).await;
            end(&mut socket).await;
        }
    }
}

/// Ends a connection in good order, or else abruptly.
async fn end(socket: &mut TcpSocket<'_>) {
    socket.close();
    let closed = with_timeout(CLOSE_PATIENCE, socket.flush()).await;
    socket.abort();
    if closed.is_err() {
        // The reset goes out with the next poll of the stack.
        let _ = with_timeout(CLOSE_PATIENCE, socket.flush()).await;
    }
}

/// Sends all of these bytes.
///
/// # Errors
/// The connection was reset.
pub async fn write_all(
    socket: &mut TcpSocket<'_>,
    mut bytes: &[u8],
) -> Result<(), embassy_net::tcp::Error> {
    while !bytes.is_empty() {
        let sent = socket.write(bytes).await?;
        bytes = &bytes[sent..];
    }
    Ok(())
}
