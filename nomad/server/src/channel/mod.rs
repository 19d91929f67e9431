//! The tasks at the channel between machines: datagrams for control, a stream for pages. What makes both encrypted and
//! authenticated is `nomad-channel`'s.
//!
//! | file | noun |
//! | --- | --- |
//! | [`control`] | the task that hears datagrams, timers and events |
//! | [`outlets`] | the sockets that datagrams leave by |
//! | [`jobs`] | what those who send pages shall do |
//! | [`sender`] | the tasks that send a domain's pages |
//! | [`receiver`] | the tasks that receive them |
//! | [`segments`] | what a page stream says: headers of the protocol, pieces of an image |

pub mod control;
pub mod jobs;
pub mod outlets;
pub mod receiver;
pub mod segments;
pub mod sender;
