//! The domain's connections: a session on each socket.

use alloc::rc::Rc;
use core::cell::RefCell;

use runtime::embassy_net::Stack;
use runtime::embassy_net::tcp::{Error, TcpSocket};
use runtime::embedded_io_async::Write;
use runtime::executor::Tasks;
use runtime::net;
use runtime::port::{BUFFERED_FRAMES, SLOT_COUNT};

use crate::service::Service;
use crate::session::Session;
use crate::settings::CONNECTIONS;

// Even if all clients send a full window at the same time, no frame is dropped for lack of room.
const _: () = assert!(CONNECTIONS * net::TCP_FRAMES <= SLOT_COUNT as usize + BUFFERED_FRAMES);

/// The service, shared by the tasks of one thread. No task holds a borrow across an await.
pub type Shared = Rc<RefCell<Service>>;

/// Serves clients on TCP, for ever.
pub fn serve(stack: Stack<'static>, tasks: Tasks, service: Shared) {
    let port = service.borrow().settings.port;
    net::serve_tcp(stack, tasks, port, CONNECTIONS, async move |socket| {
        let mut session = Session::open(&mut service.borrow_mut());
        // The client closed or reset the connection.
        let _ = converse(socket, &mut session, &service).await;
        session.close(&mut service.borrow_mut());
    });
}

async fn converse(
    socket: &mut TcpSocket<'static>,
    session: &mut Session,
    service: &Shared,
) -> Result<(), Error> {
    while !session.is_over() {
        // The session reads where the stack has put the bytes. After the client's last byte this is an error.
        let receive = |input: &mut [u8]| (session.receive(&mut service.borrow_mut(), input), ());
        socket.read_with(receive).await?;
        socket.write_all(session.to_send()).await?;
        session.sent();
    }
    Ok(())
}
