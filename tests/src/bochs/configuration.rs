//! The hardware of the PC, as Bochs' configuration file.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// The firmware and the video BIOS of Debian's packages `bochsbios` and `seabios`.
const BIOS: &str = "/usr/share/bochs/BIOS-bochs-latest";
const SCREEN_BIOS: &str = "/usr/share/seabios/vgabios-stdvga.bin";

/// The files in the machine's directory.
const FILE: &str = "bochsrc";
const COMMANDS: &str = "commands";
const LOG: &str = "bochs.log";

/// A processor that Bochs models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// An Intel processor of 2020: AVX-512, CET, PCID, a TSC deadline.
    TigerLake,
    /// An AMD processor of 2017: AVX2, no PCID, no TSC deadline.
    Ryzen,
}

impl Processor {
    /// Its name in Bochs.
    fn model(self) -> &'static str {
        match self {
            Self::TigerLake => "tigerlake",
            Self::Ryzen => "ryzen",
        }
    }
}

/// A PC to start: one core, 512 MiB, a CD, a serial line.
pub(super) struct Configuration<'a> {
    pub(super) processor: Processor,
    /// The CD that it starts from.
    pub(super) disc: &'a Path,
    /// The TCP port of this host to which its serial line connects.
    pub(super) serial_port: u16,
}

impl Configuration<'_> {
    /// Writes the files into `directory` and returns Bochs' arguments.
    pub(super) fn write(&self, directory: &Path) -> Vec<OsString> {
        let file = directory.join(FILE);
        fs::write(&file, self.text(directory)).expect("a writable directory");
        // Debian's Bochs has a debugger, which waits for a command at the start: `c` continues.
        let commands = directory.join(COMMANDS);
        fs::write(&commands, "c\n").expect("a writable directory");
        let words: [OsString; 5] = [
            "-q".into(),
            "-f".into(),
            file.into(),
            "-rc".into(),
            commands.into(),
        ];
        words.into()
    }

    fn text(&self, directory: &Path) -> String {
        let (model, port) = (self.processor.model(), self.serial_port);
        let (disc, log) = (self.disc.display(), directory.join(LOG));
        let log = log.display();
        format!(
            "\
memory: guest=512, host=512
romimage: file={BIOS}
vgaromimage: file={SCREEN_BIOS}
display_library: term
cpu: model={model}, count=1, ips=50000000, reset_on_triple_fault=0
clock: sync=none
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={disc}, status=inserted
boot: cdrom
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
log: {log}
panic: action=fatal
error: action=report
info: action=ignore
"
        )
    }
}

/// Bochs' own log, for a failure's message.
pub(super) fn log(directory: &Path) -> String {
    let path = directory.join(LOG);
    fs::read_to_string(&path).unwrap_or_else(|error| format!("{}: {error}", path.display()))
}
