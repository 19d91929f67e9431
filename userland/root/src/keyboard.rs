//! The controller of a PS/2 keyboard, the 8042, for the domain that drives it: [`Keyboard`].

use abi::Error;
use abi::register::Width;
use runtime::capability::{Bus, Cap, Hardware, Interrupt, IoPorts, Pool};

const DATA: u16 = 0x60;
/// Reading it returns the status, writing it sends a command. The ports between these two belong to other devices of a PC.
const CONTROL: u16 = 0x64;
/// The status that a bus without the controller returns.
const ABSENT: u32 = 0xff;

/// The ISA interrupt of every PC's keyboard.
const LINE: u32 = 1;

/// The keyboard's controller.
#[derive(Clone, Copy, Debug)]
pub struct Keyboard {
    pub data: Cap<IoPorts>,
    pub control: Cap<IoPorts>,
    pub interrupt: Cap<Interrupt>,
}

impl Keyboard {
    /// Creates its capabilities, if the machine has one.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn find(hardware: Cap<Hardware>, pool: Cap<Pool>) -> Result<Option<Keyboard>, Error> {
        let control = hardware.create_ports(pool, CONTROL, 1)?;
        if control.read(CONTROL, Width::Byte)? == ABSENT {
            return Ok(None);
        }
        Ok(Some(Keyboard {
            data: hardware.create_ports(pool, DATA, 1)?,
            control,
            interrupt: hardware.create_line_interrupt(pool, LINE, Bus::Isa)?,
        }))
    }
}
