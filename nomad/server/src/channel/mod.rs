//! The channel between machines: datagrams for control, a stream for pages, both encrypted and authenticated.
//!
//! | file | noun |
//! | --- | --- |
//! | [`control`] | the task that hears datagrams, timers and events |
//! | [`outlets`] | the sockets that datagrams leave by |
//! | [`sender`] | the task that sends a domain's pages |
//! | [`receiver`] | the tasks that receive them |
//! | [`segments`] | what a page stream says: headers of the protocol, pieces of an image |
//! | [`keys`] | who a machine is |
//! | [`noise`] | the handshake |
//! | [`packet`], [`replay`], [`session`], [`sessions`] | encrypted datagrams |
//! | [`tunnel`] | an encrypted stream |

pub mod control;
pub mod keys;
pub mod noise;
pub mod outlets;
pub mod packet;
pub mod receiver;
pub mod replay;
pub mod segments;
pub mod sender;
pub mod session;
pub mod sessions;
pub mod tunnel;
