//! Client for root's endpoint `inventory`: [`Inventory`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use runtime::Message;
use runtime::capability::{Cap, Endpoint};
use runtime::protocol::inventory::{FunctionRecord, Request};
use runtime::protocol::journal::Line;
use runtime::protocol::root::{self, Refusal};
use runtime::protocol::{Name, encode};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The domain that logged it.
    pub domain: Name,
    /// Its text.
    pub text: String,
}

/// The client.
pub struct Inventory(pub Cap<Endpoint>);

impl Inventory {
    /// All PCI functions.
    ///
    /// # Errors
    /// The kernel's error or root's refusal, as text.
    pub fn functions(&self) -> Result<Vec<FunctionRecord>, String> {
        let mut functions = Vec::new();
        let mut index = 0;
        while let Some(words) = self.request(Request::Function { index })? {
            functions.push(root::decode_reply(words.words()).map_err(|it| it.to_string())?);
            index += 1;
        }
        Ok(functions)
    }

    /// The lines of the log that root still has.
    ///
    /// # Errors
    /// The kernel's error or root's refusal, as text.
    pub fn log(&self) -> Result<Vec<LogLine>, String> {
        let mut lines = Vec::new();
        let mut from = 0;
        while let Some(reply) = self.request(Request::ReadLog { from })? {
            let line: Line = root::decode_reply(reply.words()).map_err(|it| it.to_string())?;
            lines.push(LogLine {
                domain: line.name,
                text: String::from_utf8_lossy(line.text.as_bytes()).into_owned(),
            });
            from = line.number.saturating_add(1);
        }
        Ok(lines)
    }

    /// Root's reply; `None` at the end of a list.
    fn request(&self, request: Request) -> Result<Option<Message>, String> {
        let message = Message::of(encode(&request).as_slice());
        let reply = self.0.call_idempotent(&message);
        let reply = reply.map_err(|error| error.text().to_string())?;
        let is_end = root::refused(Refusal::NoSuchObject).as_slice() == reply.words();
        Ok((!is_end).then_some(reply))
    }
}
