//! The runtime library of a domain: everything between the system-call interface and a readable program.
//!
//! | module | content |
//! | --- | --- |
//! | [`entry`] | the first instruction, the panic handler, the end of a thread |
//! | [`start`] | the start page: named capabilities, arguments, ranges |
//! | [`system_call`] | the one assembly stub, [`system_call::invoke`] |
//! | [`capability`] | [`Cap<T>`](Cap): typed capabilities, one method per system call |
//! | [`slots`] | the free slots of the capability table |
//! | [`message`], [`server`], [`fault`] | messages over endpoints; loops and tasks that serve an endpoint |
//! | [`reaper`] | a thread that destroys objects in the background |
//! | [`mapping`], [`shared`] | Memories in this domain's address space; memory that others write too |
//! | [`heap`], [`logging`], [`cpu`], [`random`] | `alloc`, `log`, processor features, `getrandom` |
//! | [`clock`], [`utc`] | the domain's monotonic time, and UTC |
//! | [`executor`], [`events`], [`time`] | async: tasks, flags of the `wake` notification, timers |
//! | [`port`], [`net`] | frames to and from the switch, and a TCP/IP stack on them |
//! | [`protocol`] | the protocols of a machine's services: the crate `service-protocol` |
//! | `host` | a fake kernel, for tests on the host |
//!
//! One thread of a domain uses the runtime. The runtime's statics rely on that: the message buffer belongs to that thread, and a
//! critical section is a no-op. The only other threads are the receivers of a [`server::TaskServer`] and a [`reaper::Reaper`]. They use none of the
//! statics, and share only their mailboxes and the reaper's queue with the first thread.
//!
//! A minimal domain:
//!
//! ```
//! #![cfg_attr(target_os = "caravan", no_std, no_main)]
//!
//! use runtime::embassy_time::Timer;
//! use runtime::embedded_io_async::Write;
//! use runtime::executor::Tasks;
//! use runtime::{Start, log, net};
//!
//! runtime::main!(run);
//!
//! async fn run(start: Start, tasks: Tasks) {
//!     log::info!("hello, {}", start.argument("name").unwrap_or("nobody"));
//!     // A domain with the capability `port` has a TCP/IP stack.
//!     let stack = net::stack(start, tasks);
//!     net::serve_tcp(stack, tasks, 7, 4, async |socket| {
//!         let mut buffer = [0; 512];
//!         while let Ok(count @ 1..) = socket.read(&mut buffer).await {
//!             if socket.write_all(&buffer[..count]).await.is_err() {
//!                 return;
//!             }
//!         }
//!     });
//!     loop {
//!         Timer::after_secs(1).await;
//!         log::debug!("still here");
//!     }
//! }
//! ```

#![no_std]
#![allow(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod capability;
pub mod clock;
pub mod cpu;
pub mod entry;
pub mod events;
pub mod executor;
pub mod fault;
pub mod heap;
#[cfg(not(target_os = "caravan"))]
pub mod host;
pub mod logging;
pub mod mapping;
pub mod message;
pub mod net;
pub mod port;
pub mod random;
pub mod reaper;
pub mod server;
pub mod shared;
pub mod slots;
pub mod start;
pub mod system_call;
pub mod time;
pub mod utc;

mod buffer;
mod exclusion;

pub use capability::Cap;
pub use message::Message;
pub use start::Start;

pub use abi;
pub use abi::Error;
pub use abi::register::Slot;
pub use embassy_net;
pub use embassy_time;
pub use embedded_io_async;
pub use log;
pub use service_protocol as protocol;
