//! The operator's command line: asks machines' migration servers and shows what they answer.
//!
//! | file | noun |
//! | --- | --- |
//! | `command` | what the operator typed |
//! | `secret` | the fleet's secret, and where it comes from |
//! | `asking` | a migration server, as it is asked |
//! | `line` | a line of an answer, and what it means |
//! | `progress` | how far a move has come |
//! | `screen` | where lines go: a terminal, a file, a program that reads JSON |
//! | `domains`, `machines` | the commands that show a table |

#![forbid(unsafe_code)]

pub mod asking;
pub mod command;
pub mod domains;
pub mod line;
pub mod machines;
pub mod progress;
pub mod screen;
pub mod secret;
