//! The record of a function, for a report on the machine.

use runtime::protocol::Name;
use runtime::protocol::inventory::{FunctionRecord, Messages};

use super::bar;
use super::configuration::Configuration;
use super::function::Function;
use super::messages;

const CLASS: u8 = 0x08;

/// The record of a function for which the program `driver` exists, if any does. Nothing is written, so the function may be in use.
pub fn record(
    configuration: &impl Configuration,
    function: &Function,
    driver: Option<&str>,
) -> FunctionRecord {
    let Function { address, identity } = *function;
    let [_, interface, subclass, class] = configuration.read(address, CLASS).to_le_bytes();
    FunctionRecord {
        address: (address.bus, address.device, address.function),
        identity: (identity.vendor, identity.device),
        class: (class, subclass, interface),
        regions: bar::regions(configuration, address),
        messages: match messages::find(configuration, address) {
            None => Messages::None,
            Some(messages::Messages::Msi(_)) => Messages::Msi,
            Some(messages::Messages::MsiX(_)) => Messages::MsiX,
        },
        driver: driver.and_then(|image| Name::try_new(image).ok()),
        domain: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::configuration::Address;
    use super::super::configuration::fake::FakeBus;
    use super::super::function::Identity;
    use super::*;

    #[test]
    fn a_record_has_the_class_and_the_messages_of_its_function() {
        let address = Address {
            bus: 1,
            device: 2,
            function: 3,
        };
        let function = Function {
            address,
            identity: Identity {
                vendor: 0x8086,
                device: 0x10d3,
            },
        };
        let mut bus = FakeBus::default();
        let registers = [
            (0x04, 0x0010_0000),
            (0x08, 0x0200_0100),
            (0x34, 0x40),
            (0x40, 0x0003_0011),
        ];
        bus.add(address, &registers);
        let record = record(&bus, &function, Some("e1000"));
        assert_eq!(record.address, (1, 2, 3));
        assert_eq!(record.class, (2, 0, 1));
        assert_eq!(record.messages, Messages::MsiX);
        assert_eq!(record.driver.as_ref().map(Name::as_str), Some("e1000"));
        assert!(bus.writes.borrow().is_empty());
    }
}
