//! Root's commands about the ports: the switch requests, executes and acknowledges them one after the other.

use abi::{Error, NO_DEADLINE};
use runtime::capability::{Cap, Endpoint, Memory, Notification};
use runtime::clock;
use runtime::message::Message;
use runtime::port::Layout;
use runtime::protocol::ports::{ATTACH_CAPABILITIES, Command, Poll, Reply};
use runtime::protocol::{decode, encode};

use crate::forwarding::{PortEntry, Service};
use crate::switch::Switch;

/// Client for root's `ports` endpoint.
#[derive(Debug)]
pub struct Commands {
    root: Cap<Endpoint>,
    done: u64,
    next_ns: u64,
}

impl Commands {
    /// A client that has acknowledged no command yet.
    pub fn new(root: Cap<Endpoint>) -> Commands {
        Commands {
            root,
            done: 0,
            next_ns: 0,
        }
    }

    /// The time to call root even without its signal: immediately at first, since commands may have been pending before this
    /// switch started.
    pub fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Executes all pending commands.
    pub fn execute(&mut self, switch: &mut Switch) {
        self.next_ns = NO_DEADLINE;
        loop {
            match self.execute_next(switch) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    log::error!("cannot request commands: {error}");
                    return;
                }
            }
        }
    }

    /// Executes the next command; returns whether there was one.
    fn execute_next(&mut self, switch: &mut Switch) -> Result<bool, Error> {
        let poll = Poll {
            executed: self.done,
            heap_free: switch.heap_free() as u64,
        };
        let mut reply = self.root.call_idempotent_accepting(
            &Message::of(encode(&poll).as_slice()),
            ATTACH_CAPABILITIES,
        )?;
        let Ok(Reply { serial, command }) = decode(reply.words()) else {
            reply.discard_capabilities();
            return Err(Error::MessageSize);
        };
        if let Command::Nothing { poll_again_in_ns } = command {
            let next_ns = poll_again_in_ns.map(|time| clock::now_ns().saturating_add(time));
            self.next_ns = next_ns.unwrap_or(NO_DEADLINE);
            return Ok(false);
        }
        // A failed command is logged and acknowledged nevertheless: a retry would fail, too.
        if let Err(error) = perform(switch, command, &mut reply) {
            log::error!("cannot execute {command:?}: {error}");
            reply.discard_capabilities();
        }
        self.done = serial;
        Ok(true)
    }
}

fn perform(switch: &mut Switch, command: Command, reply: &mut Message) -> Result<(), Error> {
    match command {
        Command::Nothing { .. } => Ok(()),
        Command::Attach {
            port,
            mac,
            kind,
            mtu,
        } => {
            let mut reader = reply.reader();
            let ring = reader.capability::<Memory>()?;
            let wake = reader.capability::<Notification>()?;
            let entry = PortEntry {
                port,
                mac,
                ip: None,
                kind,
                service: Service::Stopped,
            };
            switch.attach(entry, Layout::of(mtu), ring, wake)
        }
        Command::Activate { port, ip } => {
            switch.activate(port, ip);
            Ok(())
        }
        Command::Quiesce { port, leaves } => {
            let service = if leaves {
                Service::Leaving
            } else {
                Service::Stopped
            };
            switch.quiesce(port, service);
            Ok(())
        }
        Command::Detach { port } => {
            switch.detach(port);
            Ok(())
        }
        Command::Depart { port } => {
            switch.depart(port, clock::now_ns());
            Ok(())
        }
    }
}
