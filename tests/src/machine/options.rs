//! The hardware of a machine, and QEMU's arguments for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Machine;
use super::nic_bus::NicBus;
use super::wire::Wire;
use crate::segment::{MacAddress, Port};

/// The UEFI firmware of Debian's package `ovmf`.
const OVMF_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/// The firmware's initial variables; each machine writes to a copy of its own.
const OVMF_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// The debugger's socket in a machine's directory.
pub(super) const DEBUGGER_SOCKET: &str = "debugger";

/// The socket of the plugin that counts instructions, in a machine's directory.
pub(super) const INSTRUCTIONS_SOCKET: &str = "instructions";

/// The ports of a PC's first two serial lines.
const FIRST_SERIAL: u16 = 0x3f8;
const SECOND_SERIAL: u16 = 0x2f8;

/// The boot medium of a machine.
#[derive(Clone, Debug)]
pub enum Boot {
    /// A kernel, started by QEMU itself (PVH), with its boot archive.
    Kernel {
        /// The kernel's ELF file.
        kernel: PathBuf,
        /// The boot archive, its one module.
        archive: Option<PathBuf>,
    },
    /// A USB stick with this image, started by the BIOS.
    StickBios(PathBuf),
    /// A USB stick with this image, started by the UEFI firmware.
    StickUefi(PathBuf),
    /// The network of its first NIC, started by the boot ROM that QEMU has for the NIC.
    NetworkBios,
    /// The network of its first NIC, started by the UEFI firmware, which has a driver for virtio NICs only.
    NetworkUefi,
}

impl Boot {
    /// The properties of a NIC that decide whether the machine may start from its network.
    fn of_nic(&self, number: usize, roms: NicRoms) -> String {
        match (self, roms) {
            (Boot::NetworkBios, _) => format!(",bootindex={number}"),
            (Boot::NetworkUefi, _) => format!(",romfile=,bootindex={number}"),
            (_, NicRoms::None) => ",romfile=".to_owned(),
            // Firmware uses only devices in its order of boot media. The stick is first.
            (_, NicRoms::Own) => format!(",bootindex={}", number + 2),
        }
    }
}

/// The chipset around the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    /// A PC of 2009, with PCI Express.
    Q35,
    /// A PC of 1996, with PCI (i440FX).
    Pc,
    /// QEMU's small board, here with PCI Express for the NICs.
    Microvm,
}

/// The source of a machine's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// The host's clock.
    Host,
    /// One nanosecond per instruction. A halted processor waits no time at all for the next timer.
    Instructions,
    /// One nanosecond per instruction. While the processor is halted, the host's clock.
    InstructionsAndHost,
}

/// The model of a machine's network cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NicModel {
    /// A virtual one, with MSI-X.
    Virtio,
    /// Intel's 82540EM, a PCI card without message-signalled interrupts.
    E1000,
    /// Intel's 82574L, a PCI Express card with MSI.
    E1000e,
    /// Intel's 82576, a PCI Express card with MSI and MSI-X.
    Igb,
    /// Realtek's 8139C+, a PCI card without message-signalled interrupts, whose registers are smaller than a page.
    Rtl8139,
    /// VMware's virtual card, a PCI Express card with MSI.
    Vmxnet3,
}

impl NicModel {
    /// QEMU's device.
    fn device(self) -> &'static str {
        match self {
            NicModel::Virtio => "virtio-net-pci,disable-legacy=on",
            NicModel::E1000 => "e1000",
            NicModel::E1000e => "e1000e",
            NicModel::Igb => "igb",
            NicModel::Rtl8139 => "rtl8139",
            NicModel::Vmxnet3 => "vmxnet3",
        }
    }
}

/// The programs for firmware that a machine's network cards have, besides those that boot it from a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NicRoms {
    /// No card has one.
    None,
    /// Each card has the one that QEMU has for its model.
    Own,
}

/// A machine to start. By default a q35 with one core and 256 MiB.
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) name: String,
    boot: Boot,
    board: Board,
    cpu: String,
    cores: u32,
    memory_mib: u32,
    nics: Vec<(Wire, MacAddress)>,
    nic_model: NicModel,
    host_mtu: Option<u16>,
    nic_bus: NicBus,
    nic_roms: NicRoms,
    is_debuggable: bool,
    reboots: bool,
    clock: Clock,
    instructions_plugin: Option<PathBuf>,
    serial_base: u16,
    further: Vec<OsString>,
}

impl Options {
    /// A machine called `name` that starts from `boot`.
    pub fn new(name: &str, boot: Boot) -> Self {
        Self {
            name: name.to_owned(),
            boot,
            board: Board::Q35,
            cpu: "max".to_owned(),
            cores: 1,
            memory_mib: 256,
            nics: Vec::new(),
            nic_model: NicModel::Virtio,
            host_mtu: None,
            nic_bus: NicBus::Board,
            nic_roms: NicRoms::None,
            is_debuggable: false,
            reboots: false,
            clock: Clock::Host,
            instructions_plugin: None,
            serial_base: FIRST_SERIAL,
            further: Vec::new(),
        }
    }

    /// Sets the board.
    pub fn board(mut self, board: Board) -> Self {
        self.board = board;
        self
    }

    /// Sets the processor, in QEMU's notation: `max,-x2apic`.
    pub fn cpu(mut self, cpu: &str) -> Self {
        self.cpu = cpu.to_owned();
        self
    }

    /// Sets the number of cores.
    pub fn cores(mut self, cores: u32) -> Self {
        self.cores = cores;
        self
    }

    /// Sets the memory size.
    pub fn memory_mib(mut self, memory_mib: u32) -> Self {
        self.memory_mib = memory_mib;
        self
    }

    /// Sets a memory size that this host need not have: it only has to have the memory that the machine uses.
    pub fn unreserved_memory_mib(self, memory_mib: u32) -> Self {
        let memory = format!("memory-backend-ram,id=memory,size={memory_mib}M,reserve=off");
        self.memory_mib(memory_mib)
            .argument("-object")
            .argument(memory)
            .argument("-machine")
            .argument("memory-backend=memory")
    }

    /// Omits the controller of the PS/2 keyboard.
    pub fn without_keyboard(self) -> Self {
        self.argument("-machine").argument("i8042=off")
    }

    /// Adds a NIC, plugged into `port`.
    pub fn nic(mut self, port: &Port, address: MacAddress) -> Self {
        self.nics.push((Wire::Segment(port.clone()), address));
        self
    }

    /// Adds a NIC in a network of QEMU's own, which has nothing but a server of addresses and files: of this directory, of which
    /// the machine is to start the file `start`.
    pub fn nic_with_files(mut self, directory: &Path, start: &str, address: MacAddress) -> Self {
        let directory = directory.to_owned();
        let start = start.to_owned();
        self.nics.push((Wire::Files { directory, start }, address));
        self
    }

    /// Sets the model of its NICs.
    pub fn nic_model(mut self, model: NicModel) -> Self {
        self.nic_model = model;
        self
    }

    /// Has its virtio NICs report this MTU.
    pub fn host_mtu(mut self, mtu: u16) -> Self {
        self.host_mtu = Some(mtu);
        self
    }

    /// Puts each NIC behind a root port of its own, as on current boards, so that it is a PCI Express device and can be reset
    /// by itself.
    pub fn behind_root_ports(mut self) -> Self {
        self.nic_bus = NicBus::RootPort;
        self
    }

    /// Puts each NIC on a PCI bus of its own, behind a bridge at a root port, as adapters for PCI cards do.
    pub fn behind_bridges(mut self) -> Self {
        self.nic_bus = NicBus::Bridge;
        self
    }

    /// Puts each NIC behind a root bus of its own, as on a board with several sockets: at a root port there, or behind a PCI bridge on a
    /// board without PCI Express.
    pub fn behind_root_buses(mut self) -> Self {
        self.nic_bus = NicBus::RootBus;
        self
    }

    /// Lets firmware use each NIC, with the program that QEMU has for its model, and boot from its network if it cannot boot from the
    /// stick. QEMU has no such program for the model igb.
    pub fn nic_roms(mut self) -> Self {
        self.nic_roms = NicRoms::Own;
        self
    }

    /// Lets [`Machine::debugger`] attach.
    pub fn debuggable(mut self) -> Self {
        self.is_debuggable = true;
        self
    }

    /// Lets a guest restart it. Otherwise QEMU ends when a guest does, so that a fault that resets the processor is noticed.
    pub fn reboots(mut self) -> Self {
        self.reboots = true;
        self
    }

    /// Omits the first serial line, to which Caravan logs, so that there is no output to wait for.
    pub fn silent(mut self) -> Self {
        self.serial_base = SECOND_SERIAL;
        self
    }

    /// Counts instructions: the time-stamp counter advances by one per instruction, deterministically.
    pub fn counting(mut self) -> Self {
        self.clock = Clock::Instructions;
        self
    }

    /// As [`counting`](Self::counting), but while the processor is halted its clock follows the host's, so that the machine can
    /// converse with hosts in real time.
    pub fn counting_beside_hosts(mut self) -> Self {
        self.clock = Clock::InstructionsAndHost;
        self
    }

    /// As [`counting_beside_hosts`](Self::counting_beside_hosts). The plugin in this file counts the executed instructions, which
    /// [`Machine::instructions`] reads.
    pub fn counting_with(mut self, plugin: PathBuf) -> Self {
        self.instructions_plugin = Some(plugin);
        self.counting_beside_hosts()
    }

    /// Seeds the processor's random numbers. Two machines with the same seed draw the same keys, so give each its own.
    pub fn seed(self, seed: u32) -> Self {
        self.argument("-seed").argument(seed.to_string())
    }

    /// Sets the UUID that its firmware reports.
    pub fn uuid(self, uuid: &str) -> Self {
        self.argument("-uuid").argument(uuid)
    }

    /// Lets a debugger attach at `endpoint`, in QEMU's notation: `tcp:127.0.0.1:1234` or `unix:PATH,server=on,wait=off`.
    pub fn debugger(self, endpoint: &str) -> Self {
        self.argument("-gdb").argument(endpoint)
    }

    /// Starts the machine stopped, until [`Machine::resume`] or a debugger resumes it.
    pub fn stopped(self) -> Self {
        self.argument("-S")
    }

    /// Adds an argument for QEMU.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.further.push(argument.into());
        self
    }

    /// Starts the machine.
    ///
    /// # Panics
    ///
    /// If QEMU cannot be started.
    pub fn start(self) -> Machine {
        Machine::start(self)
    }

    /// QEMU's arguments; `directory` is for the machine's own files.
    pub(super) fn arguments(&self, directory: &Path) -> Vec<OsString> {
        let mut arguments = Vec::new();
        self.add_hardware(&mut arguments);
        self.add_console(&mut arguments);
        self.add_boot(directory, &mut arguments);
        self.add_nics(&mut arguments);
        self.add_plugin(directory, &mut arguments);
        if self.is_debuggable {
            let endpoint = directory.join(DEBUGGER_SOCKET);
            let endpoint = format!("unix:{},server=on,wait=off", endpoint.display());
            add(&mut arguments, ["-gdb", &endpoint]);
        }
        let control = format!(
            "unix:{},server=on,wait=off",
            directory.join("qmp").display()
        );
        add(&mut arguments, ["-qmp", &control]);
        arguments.extend(self.further.iter().cloned());
        arguments
    }

    fn add_hardware(&self, arguments: &mut Vec<OsString>) {
        let board = match self.board {
            Board::Q35 => "q35",
            Board::Pc => "pc",
            // It has no serial line of its own, since one is added below.
            Board::Microvm => "microvm,pcie=on,rtc=on,isa-serial=off",
        };
        // QEMU aborts on the x2APIC's timer registers under -icount.
        let cpu = match self.clock {
            Clock::Host => self.cpu.clone(),
            Clock::Instructions | Clock::InstructionsAndHost => format!("{},-x2apic", self.cpu),
        };
        add(
            arguments,
            ["-nodefaults", "-no-user-config", "-display", "none"],
        );
        if !self.reboots {
            add(arguments, ["-no-reboot"]);
        }
        add(
            arguments,
            ["-machine", board, "-accel", "tcg", "-cpu", &cpu],
        );
        add(
            arguments,
            [
                "-smp",
                &self.cores.to_string(),
                "-m",
                &format!("{}M", self.memory_mib),
            ],
        );
        match self.clock {
            Clock::Host => {}
            Clock::Instructions => add(arguments, ["-icount", "shift=0,sleep=off"]),
            Clock::InstructionsAndHost => add(arguments, ["-icount", "shift=0,sleep=on"]),
        }
    }

    fn add_plugin(&self, directory: &Path, arguments: &mut Vec<OsString>) {
        if let Some(plugin) = &self.instructions_plugin {
            let socket = directory.join(INSTRUCTIONS_SOCKET);
            let plugin = format!("{},total={}", plugin.display(), socket.display());
            add(arguments, ["-plugin", &plugin]);
        }
    }

    /// The serial line on QEMU's standard input and output, and the device through which a guest ends the machine.
    fn add_console(&self, arguments: &mut Vec<OsString>) {
        let serial = format!("isa-serial,chardev=serial,iobase={:#x}", self.serial_base);
        add(
            arguments,
            ["-chardev", "stdio,id=serial,signal=off", "-device", &serial],
        );
        add(
            arguments,
            ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"],
        );
    }

    fn add_nics(&self, arguments: &mut Vec<OsString>) {
        for (number, (wire, address)) in self.nics.iter().enumerate() {
            let netdev = wire.netdev(&format!("n{number}"));
            add(arguments, ["-netdev", &netdev]);
            let mut nic = format!(
                "{},id=card{number},netdev=n{number},mac={address}",
                self.nic_model.device()
            );
            nic += &self.boot.of_nic(number, self.nic_roms);
            if let Some(mtu) = self.host_mtu {
                nic += &format!(",host_mtu={mtu}");
            }
            let (devices, property) = self.nic_bus.of_nic(number, self.board);
            for device in devices {
                add(arguments, ["-device", &device]);
            }
            nic += &property;
            add(arguments, ["-device", &nic]);
        }
    }

    fn add_boot(&self, directory: &Path, arguments: &mut Vec<OsString>) {
        match &self.boot {
            Boot::Kernel { kernel, archive } => {
                arguments.extend(["-kernel".into(), kernel.into()]);
                if let Some(archive) = archive {
                    arguments.extend(["-initrd".into(), archive.into()]);
                }
            }
            Boot::StickBios(image) => add_stick(image, arguments),
            Boot::StickUefi(image) => {
                add_firmware(directory, arguments);
                add_stick(image, arguments);
            }
            // On a busy host the boot ROM's requests may all be late. Then the firmware starts again, as a PC's does.
            Boot::NetworkBios => add(arguments, ["-vga", "std", "-boot", "reboot-timeout=10000"]),
            Boot::NetworkUefi => {
                add_firmware(directory, arguments);
                // The firmware draws the numbers of its connections from it.
                add(arguments, ["-vga", "std", "-device", "virtio-rng-pci"]);
            }
        }
    }
}

fn add_stick(image: &Path, arguments: &mut Vec<OsString>) {
    let drive = format!(
        "if=none,id=stick,format=raw,readonly=on,file={}",
        image.display()
    );
    add(
        arguments,
        ["-vga", "std", "-device", "qemu-xhci", "-drive", &drive],
    );
    add(
        arguments,
        ["-device", "usb-storage,drive=stick,bootindex=1"],
    );
}

fn add_firmware(directory: &Path, arguments: &mut Vec<OsString>) {
    let variables = directory.join("variables.fd");
    std::fs::copy(OVMF_VARIABLES, &variables).unwrap_or_else(|error| {
        panic!("{OVMF_VARIABLES}: {error}: install the package ovmf (scripts/test does it)")
    });
    let code = format!("if=pflash,unit=0,format=raw,readonly=on,file={OVMF_CODE}");
    let variables = format!("if=pflash,unit=1,format=raw,file={}", variables.display());
    add(arguments, ["-drive", &code, "-drive", &variables]);
}

fn add<const N: usize>(arguments: &mut Vec<OsString>, more: [&str; N]) {
    arguments.extend(more.map(OsString::from));
}
