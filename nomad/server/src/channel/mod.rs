//! The channel between machines: datagrams for control and for pages. `nomad-channel` encrypts and authenticates both.
//!
//! | file | content |
//! | --- | --- |
//! | [`control`] | the task that receives datagrams, timers and events |
//! | [`leases`] | the addresses that a DHCP server assigns |
//! | [`sockets`] | the sockets for datagrams |
//! | [`streams`] | all page streams |
//! | [`outbound`] | the page stream of a leaving domain |
//! | [`inbound`] | the page stream of an arriving domain |
//! | [`page_stream`] | the content of a page stream: headers of the protocol, pieces of an image |

pub mod control;
pub mod inbound;
pub mod leases;
pub mod outbound;
pub mod page_stream;
pub mod sockets;
pub mod streams;
