//! The operator's command line: sends commands to machines' migration servers and shows the events of their replies.
//!
//! | module | noun |
//! | --- | --- |
//! | [`arguments`] | the program's arguments, made of the table of commands in `nomad-client` |
//! | [`secret`] | the fleet's secret, and its sources |
//! | [`connection`] | a request to a migration server over UDP |
//! | [`report`] | an event with its time, as JSON |
//! | [`progress`] | the progress of a move, in a line for a person |
//! | [`screen`] | the destination of events: a terminal, a file, a program that reads JSON |
//! | [`domains`], [`machines`] | the commands that print a table |

#![forbid(unsafe_code)]

pub mod arguments;
pub mod connection;
pub mod domains;
pub mod machines;
pub mod progress;
pub mod report;
pub mod screen;
pub mod secret;
