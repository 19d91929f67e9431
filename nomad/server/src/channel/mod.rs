//! The tasks at the channel between machines: datagrams for control, a stream for pages. `nomad-channel` encrypts and
//! authenticates both.
//!
//! | file | noun |
//! | --- | --- |
//! | [`control`] | the task that receives datagrams, timers and events |
//! | [`sockets`] | the sockets that datagrams are sent by |
//! | [`jobs`] | the jobs of the senders |
//! | [`sender`] | the tasks that send a domain's pages |
//! | [`receiver`] | the tasks that receive them |
//! | [`page_stream`] | the content of a page stream: headers of the protocol, pieces of an image |

pub mod control;
pub mod jobs;
pub mod page_stream;
pub mod receiver;
pub mod sender;
pub mod sockets;
