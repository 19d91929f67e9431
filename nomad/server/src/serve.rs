//! The start of the server's tasks: [`serve`].

use alloc::boxed::Box;

use runtime::Start;
use runtime::executor::Tasks;

use crate::channel::control;
use crate::channel::sockets::SOCKETS_MAX;
use crate::deferred;
use crate::late;
use crate::server::Server;

/// Starts the server's tasks, and then runs the task that receives datagrams.
pub async fn serve(start: Start, tasks: Tasks) {
    // Noise authenticates all datagrams.
    let stack = runtime::net::stack_without_udp_checksums::<SOCKETS_MAX>(start, tasks);
    let server: &'static Server = Box::leak(Box::new(Server::new(start)));
    tasks.spawn(late::task::run(server, late::task::tunnel(start)));
    tasks.spawn(deferred::run(server));
    control::run(server, stack, runtime::net::mtu(start)).await
}
