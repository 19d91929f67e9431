//! A domain's stack among faulty, hostile or many neighbours.

mod advertisements;
mod dhcp;
mod domain;
mod handshakes;
mod neighbours;
