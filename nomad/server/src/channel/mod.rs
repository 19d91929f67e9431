//! The channel between machines: datagrams for control and for pages. `nomad-channel` encrypts and authenticates both.
//!
//! | file | noun |
//! | --- | --- |
//! | [`control`] | the task that receives datagrams, timers and events |
//! | [`sockets`] | the sockets that datagrams are sent by |
//! | [`streams`] | all page streams |
//! | [`outbound`] | one that leaves |
//! | [`inbound`] | one that arrives |
//! | [`page_stream`] | the content of a page stream: headers of the protocol, pieces of an image |

pub mod control;
pub mod inbound;
pub mod outbound;
pub mod page_stream;
pub mod sockets;
pub mod streams;
