//! A TCP echo domain.
#![cfg_attr(target_os = "caravan", no_std, no_main)]
#![forbid(unsafe_code)]

use runtime::{
    Start, embassy_net::tcp::TcpSocket, embedded_io_async::Write, executor::Tasks, log, net,
};

runtime::main!(run);

async fn run(start: Start, tasks: Tasks) {
    let port = start.argument_or("port", 7);
    net::serve_tcp(net::stack(start, tasks), tasks, port, 4, echo);
    log::info!("echoes on TCP port {port}");
}

async fn echo(socket: &mut TcpSocket<'static>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = socket.read(&mut buffer).await {
        if socket.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
}
