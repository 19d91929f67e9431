//! Driver for a PS/2 keyboard behind the controller of a PC, an 8042: [`Keyboard`].
//!
//! The controller translates to scan code set 1. Firmware may have left the keyboard disabled or without interrupts, so it is
//! set up first. A controller that does not reply within a limit is not used.

use core::cell::RefCell;

use abi::Error;
use abi::register::Width;
use pc_keyboard::layouts::{AnyLayout, De105Key, Uk105Key, Us104Key};
use pc_keyboard::{DecodedKey, HandleControl, PS2Keyboard, ScancodeSet1};
use runtime::capability::{Cap, Interrupt, IoPorts, Notification};
use runtime::embassy_time::Timer;
use runtime::{Start, events};

const DATA: u16 = 0x60;
/// Reading it returns the status, writing it sends a command.
const CONTROL: u16 = 0x64;

/// In the status: a byte waits to be read.
const OUTPUT_FULL: u32 = 1 << 0;
/// In the status: the controller has not taken the last written byte yet.
const INPUT_FULL: u32 = 1 << 1;
/// In the status: the byte to be read came from the mouse.
const FROM_MOUSE: u32 = 1 << 5;

const READ_CONFIGURATION: u32 = 0x20;
const WRITE_CONFIGURATION: u32 = 0x60;
const DISABLE_MOUSE: u32 = 0xa7;
const ENABLE_KEYBOARD: u32 = 0xae;
/// This command is for the keyboard, the others are for the controller.
const ENABLE_SCANNING: u32 = 0xf4;

/// Bits of the configuration.
const KEYBOARD_INTERRUPT: u32 = 1 << 0;
const MOUSE_INTERRUPT: u32 = 1 << 1;
const KEYBOARD_OFF: u32 = 1 << 4;
const TRANSLATION: u32 = 1 << 6;

/// The pause between two polls of the status, and the number of polls before the driver abandons the controller.
const PAUSE_US: u64 = 100;
const LOOKS_MAX: u32 = 500;
/// The maximum number of bytes read at once. A controller holds fewer.
const BYTES_MAX: u32 = 64;

/// The opened keyboard.
pub struct Keyboard {
    data: Cap<IoPorts>,
    control: Cap<IoPorts>,
    interrupt: Cap<Interrupt>,
    decoder: RefCell<PS2Keyboard<AnyLayout, ScancodeSet1>>,
}

impl Keyboard {
    /// Opens the keyboard and enables interrupts for keys; `None` on a machine without one, where root grants no capability
    /// for it, or if its controller does not reply.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub async fn open(start: Start) -> Result<Option<Keyboard>, Error> {
        let (data, control) = (start.find("keyboard-data"), start.find("keyboard-control"));
        let interrupt: Option<Cap<Interrupt>> = start.find("keyboard-interrupt");
        let (Some(data), Some(control), Some(interrupt)) = (data, control, interrupt) else {
            return Ok(None);
        };
        let layout = layout(start.argument("keyboard"));
        let keyboard = Keyboard::new(data, control, interrupt, layout);
        let wake: Cap<Notification> = start.require("wake");
        interrupt.bind(Some(wake), events::INTERRUPT)?;
        // Unmasked before the controller may use it, so that no edge is missed.
        interrupt.acknowledge()?;
        Ok(keyboard.set_up().await?.then_some(keyboard))
    }

    fn new(
        data: Cap<IoPorts>,
        control: Cap<IoPorts>,
        interrupt: Cap<Interrupt>,
        layout: AnyLayout,
    ) -> Keyboard {
        let control_keys = HandleControl::MapLettersToUnicode;
        let decoder = PS2Keyboard::new(ScancodeSet1::new(), layout, control_keys);
        Keyboard {
            data,
            control,
            interrupt,
            decoder: RefCell::new(decoder),
        }
    }

    /// The next key that is a character, if one was typed.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn key(&self) -> Result<Option<u8>, Error> {
        for _ in 0..BYTES_MAX {
            let status = self.status()?;
            if status & OUTPUT_FULL == 0 {
                break;
            }
            let byte = self.data.read(DATA, Width::Byte)? as u8;
            if status & FROM_MOUSE == 0
                && let Some(key) = self.decode(byte)
            {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Lets the next interrupt arrive.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn acknowledge(&self) -> Result<(), Error> {
        self.interrupt.acknowledge()
    }

    fn decode(&self, byte: u8) -> Option<u8> {
        let mut decoder = self.decoder.borrow_mut();
        // A byte that belongs to no key, such as a reply to a command, is ignored.
        let event = decoder.add_byte(byte).ok()??;
        match decoder.process_keyevent(event)? {
            DecodedKey::Unicode(character) => u8::try_from(character).ok().filter(u8::is_ascii),
            DecodedKey::RawKey(_) => None,
        }
    }

    /// Sets the controller up; returns whether it replies.
    async fn set_up(&self) -> Result<bool, Error> {
        for _ in 0..BYTES_MAX {
            if self.status()? & OUTPUT_FULL == 0 {
                break;
            }
            self.data.read(DATA, Width::Byte)?;
        }
        if !self.send(self.control, CONTROL, DISABLE_MOUSE).await? {
            return Ok(false);
        }
        let asked = self.send(self.control, CONTROL, READ_CONFIGURATION).await?;
        if !asked || !self.await_status(OUTPUT_FULL, OUTPUT_FULL).await? {
            return Ok(false);
        }
        let configuration = self.data.read(DATA, Width::Byte)?;
        let configuration = configuration & !(MOUSE_INTERRUPT | KEYBOARD_OFF);
        for (ports, port, value) in [
            (self.control, CONTROL, WRITE_CONFIGURATION),
            (
                self.data,
                DATA,
                configuration | KEYBOARD_INTERRUPT | TRANSLATION,
            ),
            (self.control, CONTROL, ENABLE_KEYBOARD),
            (self.data, DATA, ENABLE_SCANNING),
        ] {
            if !self.send(ports, port, value).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes a byte once the controller has taken the last one; returns whether it has.
    async fn send(&self, ports: Cap<IoPorts>, port: u16, value: u32) -> Result<bool, Error> {
        let is_free = self.await_status(INPUT_FULL, 0).await?;
        if is_free {
            ports.write(port, Width::Byte, value)?;
        }
        Ok(is_free)
    }

    /// Waits until these bits of the status have this value; returns whether they do.
    async fn await_status(&self, bits: u32, value: u32) -> Result<bool, Error> {
        for _ in 0..LOOKS_MAX {
            if self.status()? & bits == value {
                return Ok(true);
            }
            Timer::after_micros(PAUSE_US).await;
        }
        Ok(false)
    }

    fn status(&self) -> Result<u32, Error> {
        self.control.read(CONTROL, Width::Byte)
    }
}

/// The layout of this name: `us` (also if there is no such layout), `uk` or `de`.
fn layout(name: Option<&str>) -> AnyLayout {
    match name {
        Some("de") => AnyLayout::De105Key(De105Key),
        Some("uk") => AnyLayout::Uk105Key(Uk105Key),
        _ => AnyLayout::Us104Key(Us104Key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::Request;
    use abi::calls::IoIn;
    use abi::register::Slot;
    use runtime::host::{self, CallResult};
    use std::collections::VecDeque;
    use std::vec::Vec;

    std::thread_local! {
        /// The bytes in the controller, each with its status.
        static BYTES: RefCell<VecDeque<(u32, u8)>> = const { RefCell::new(VecDeque::new()) };
    }

    fn controller(request: &Request) -> CallResult {
        let mut results = host::DONE?;
        BYTES.with_borrow_mut(|bytes| match request {
            Request::IoIn(IoIn { port: CONTROL, .. }) => {
                results[0] = bytes.front().map_or(0, |(status, _)| *status).into();
            }
            Request::IoIn(IoIn { port: DATA, .. }) => {
                results[0] = bytes.pop_front().map_or(0, |(_, byte)| byte).into();
            }
            _ => {}
        });
        Ok(results)
    }

    /// The keys of these bytes.
    fn keys(layout: AnyLayout, bytes: impl IntoIterator<Item = (u32, u8)>) -> Vec<u8> {
        BYTES.set(bytes.into_iter().collect());
        let keyboard = Keyboard::new(
            Cap::from_slot(Slot(7)),
            Cap::from_slot(Slot(8)),
            Cap::from_slot(Slot(9)),
            layout,
        );
        let read = || core::iter::from_fn(|| keyboard.key().expect("a controller")).collect();
        host::with_kernel(controller, read).0
    }

    fn typed(bytes: &[u8]) -> impl Iterator<Item = (u32, u8)> {
        bytes.iter().map(|byte| (OUTPUT_FULL, *byte))
    }

    #[test]
    fn keys_are_characters_and_releases_are_not() {
        let us = || layout(None);
        // p, s, return, backspace; an arrow, which is two bytes; a reply to a command.
        assert_eq!(
            keys(us(), typed(&[0x19, 0x99, 0x1f, 0x9f, 0x1c, 0x0e])),
            b"ps\n\x08"
        );
        assert_eq!(
            keys(us(), typed(&[0xe0, 0x48, 0xe0, 0xc8, 0xfa, 0x19])),
            b"p"
        );
        // Shift and p; control and c.
        assert_eq!(
            keys(us(), typed(&[0x2a, 0x19, 0x99, 0xaa, 0x1d, 0x2e])),
            b"P\x03"
        );
    }

    #[test]
    fn a_layout_has_its_own_characters() {
        assert_eq!(keys(layout(None), typed(&[0x15])), b"y");
        assert_eq!(keys(layout(Some("de")), typed(&[0x15])), b"z");
    }

    #[test]
    fn the_mouse_types_nothing() {
        let bytes = [(OUTPUT_FULL | FROM_MOUSE, 0x19), (OUTPUT_FULL, 0x1f)];
        assert_eq!(keys(layout(None), bytes), b"s");
    }

    #[test]
    fn a_controller_that_is_never_empty_ends_the_reading() {
        let bytes = core::iter::repeat_n((OUTPUT_FULL, 0xfa), 2 * BYTES_MAX as usize);
        assert_eq!(keys(layout(None), bytes), b"");
    }
}
