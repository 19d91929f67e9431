//! The operator's keys, from the serial port and from the keyboard: [`Keys`].

use abi::Error;
use embassy_futures::yield_now;
use runtime::events;

use crate::keyboard::Keyboard;
use crate::serial::Serial;

/// The sources of keys that the machine has.
pub struct Keys {
    /// The serial port.
    pub serial: Option<Serial>,
    /// The keyboard.
    pub keyboard: Option<Keyboard>,
}

impl Keys {
    /// Waits for the next key: without a source, for ever.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub async fn next(&self) -> Result<u8, Error> {
        loop {
            if let Some(key) = self.poll()? {
                // Lets the log's task run, even if a controller always has a key.
                yield_now().await;
                return Ok(key);
            }
            events::wait(events::INTERRUPT).await;
            // The next interrupts may arrive from now on; the sources are read afterwards.
            if let Some(serial) = &self.serial {
                serial.acknowledge()?;
            }
            if let Some(keyboard) = &self.keyboard {
                keyboard.acknowledge()?;
            }
        }
    }

    fn poll(&self) -> Result<Option<u8>, Error> {
        if let Some(serial) = &self.serial
            && let Some(key) = serial.key()?
        {
            return Ok(Some(key));
        }
        self.keyboard.as_ref().map_or(Ok(None), Keyboard::key)
    }
}
