//! A machine's first network card, as QEMU sees it: its rings, its registers, its cable.

use serde_json::json;

use super::{Machine, monitor};

impl Machine {
    /// The address of the used ring of a queue of its first NIC, and the NIC's used index.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or the NIC has no such queue in use.
    pub fn used_ring(&mut self, queue: u16) -> (u64, u16) {
        let [ring, used] = self.queue_status(queue, ["vring-used", "used-idx"]);
        (ring, used as u16)
    }

    /// The address of the available ring of a queue of its first NIC.
    ///
    /// # Panics
    ///
    /// As [`Machine::used_ring`].
    pub fn available_ring(&mut self, queue: u16) -> u64 {
        let [ring] = self.queue_status(queue, ["vring-avail"]);
        ring
    }

    /// Numbers that QEMU reports of a queue of its first NIC.
    fn queue_status<const N: usize>(&mut self, queue: u16, fields: [&str; N]) -> [u64; N] {
        let nic = "/machine/peripheral/card0/virtio-backend";
        let arguments = json!({ "path": nic, "queue": queue });
        let status = self.control("x-query-virtio-queue-status", arguments);
        fields.map(|field| {
            let number = status[field].as_u64();
            number.unwrap_or_else(|| self.fail(&format!("no {field} in {status}")))
        })
    }

    /// Plugs the cable of its first NIC in or out, as the NIC reports it. Frames that others send stay on the wire.
    ///
    /// # Panics
    ///
    /// If QEMU has ended.
    pub fn set_link(&mut self, is_up: bool) {
        self.control("set_link", json!({ "name": "card0", "up": is_up }));
    }

    /// The address of the receive ring of its first network card, which must be from Intel, and the card's head index.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or the machine has no such card.
    pub fn receive_ring(&mut self) -> (u64, u16) {
        let ring = self.nic_register(0, 0x2800);
        (ring, self.nic_register(0, 0x2810) as u16)
    }

    /// A 64-bit register of its first network card, in the region of this base address register.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or it has no such card.
    pub fn nic_register(&mut self, bar: usize, offset: u64) -> u64 {
        let shown = self.monitor("info pci");
        let registers = monitor::region(&shown, "card0", bar);
        let registers = registers.unwrap_or_else(|| self.fail(&format!("no card0 in {shown}")));
        let shown = self.monitor(&format!("xp /1gx {:#x}", registers + offset));
        monitor::words(&shown).first().copied().unwrap_or_default()
    }
}
