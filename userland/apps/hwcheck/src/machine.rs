//! All that is known of the machine: [`Machine`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use runtime::Start;
use runtime::protocol::Name;
use runtime::protocol::inventory::FunctionRecord;

use crate::inventory::{Inventory, LogLine};
use crate::processor::Processor;

/// The machine.
pub struct Machine {
    /// The facts that do not change while it runs.
    pub facts: Facts,
    /// Its processor.
    pub processor: Processor,
    /// Its PCI functions.
    pub functions: Vec<FunctionRecord>,
    /// Its log.
    pub log: Vec<LogLine>,
}

/// The domain's arguments about the machine, empty where one is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Maker, product and UUID in the SMBIOS, as the boot loader passed them on.
    pub maker: String,
    pub product: String,
    pub uuid: String,
    /// Interrupt controllers and clocks, as described in the kernel's log.
    pub platform: String,
    /// The processor's features that the kernel uses.
    pub features: String,
    /// The processor's features that the kernel does not use.
    pub unused: String,
    /// The memory for domains.
    pub memory_mib: u64,
    /// The geometry of the framebuffer.
    pub screen: String,
    pub has_serial: bool,
    pub has_keyboard: bool,
}

impl Facts {
    /// Reads the arguments.
    pub fn read<'a>(argument: impl Fn(&str) -> Option<&'a str>) -> Facts {
        let text = |key| String::from(argument(key).unwrap_or_default());
        // A word of the command line has no spaces: the boot loader's configuration replaced them.
        let spaced = |key| text(key).replace('_', " ");
        Facts {
            maker: spaced("maker"),
            product: spaced("product"),
            uuid: text("uuid"),
            platform: text("platform"),
            features: text("features"),
            unused: text("unused"),
            memory_mib: text("memory_mib").parse().unwrap_or_default(),
            screen: text("screen"),
            has_serial: argument("serial").is_some(),
            has_keyboard: argument("keyboard").is_some(),
        }
    }
}

impl Machine {
    /// Reads everything.
    ///
    /// # Errors
    /// The reason that root does not reply.
    pub fn read(start: Start) -> Result<Machine, String> {
        let inventory = Inventory(start.require("inventory"));
        let failed = |what| move |reason| format!("{what}: {reason}");
        Ok(Machine {
            facts: Facts::read(|key| start.argument(key)),
            processor: Processor::read(),
            functions: inventory.functions().map_err(failed("the devices"))?,
            log: inventory.log().map_err(failed("the log"))?,
        })
    }

    /// The texts that a domain logged.
    pub fn lines_of(&self, domain: Name) -> impl Iterator<Item = &str> {
        let lines = self.log.iter().filter(move |line| line.domain == domain);
        lines.map(|line| line.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_arguments_are_empty_and_names_have_their_spaces_back() {
        let facts = Facts::read(|key| match key {
            "maker" => Some("Dell_Inc."),
            "memory_mib" => Some("497"),
            "serial" => Some("yes"),
            _ => None,
        });
        let expected = Facts {
            maker: "Dell Inc.".into(),
            memory_mib: 497,
            has_serial: true,
            ..Facts::default()
        };
        assert_eq!(facts, expected);
    }
}
