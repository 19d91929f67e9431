//! The operator's command line: sends commands to machines' migration servers and shows the events of their replies.
//!
//! | module | content |
//! | --- | --- |
//! | [`arguments`] | the program's arguments |
//! | [`task`] | the task that the arguments select; most commands are those of the table in `nomad-client` |
//! | [`secret`] | the fleet's secret, and its sources |
//! | [`server`] | the migration server that a command is sent to, as the user states it |
//! | [`connection`] | a request to a migration server over UDP |
//! | [`report`] | an event with its time, as JSON |
//! | [`progress`] | the progress of a move as one line of text |
//! | [`screen`] | the destination of events: a terminal, a file, a program that reads JSON |
//! | [`package`] | the file that `run` sends |
//! | [`logs`] | the command that prints a machine's log |
//! | [`domains`], [`machines`], [`top`] | the commands that print a table |
//! | [`session`] | a session with one machine, which performs tasks |
//! | [`netboot`] | the server that starts machines from the network, without a session |

#![forbid(unsafe_code)]

pub mod arguments;
pub mod connection;
pub mod domains;
pub mod logs;
pub mod machines;
pub mod netboot;
pub mod package;
pub mod progress;
pub mod report;
pub mod screen;
pub mod secret;
pub mod server;
pub mod session;
pub mod task;
pub mod top;
