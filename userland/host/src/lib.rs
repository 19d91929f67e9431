//! The operator's command line: asks a machine's migration server and shows what it answers.
//!
//! | file | noun |
//! | --- | --- |
//! | `command` | what the operator typed |
//! | `server` | a migration server, as it is asked |
//! | `answer` | a line of an answer, for people and as JSON |

#![forbid(unsafe_code)]

pub mod answer;
pub mod command;
pub mod server;
