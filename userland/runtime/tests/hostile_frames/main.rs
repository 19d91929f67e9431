//! Frames of strangers that a stack takes for what they claim to be. Each of them ended the domain.

mod advertisements;
mod dhcp;
mod domain;
