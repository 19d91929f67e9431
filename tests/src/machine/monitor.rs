//! The output of QEMU's human monitor. It shows registers, memory and page tables, which QEMU's machine protocol does not.

/// The first processor's registers, from `info registers`.
#[derive(Clone, Debug)]
pub struct Registers {
    text: String,
}

impl Registers {
    pub(super) fn parse(text: String) -> Self {
        Self { text }
    }

    /// A register: `RIP`, `CR0`, `CPL`.
    ///
    /// # Panics
    ///
    /// If QEMU shows no such register.
    pub fn value(&self, name: &str) -> u64 {
        let words = self.text.split_whitespace();
        let value = words
            .filter_map(|word| word.strip_prefix(name)?.strip_prefix('='))
            .next()
            .unwrap_or_else(|| panic!("{name} is not in {}", self.text));
        hexadecimal(value)
    }

    /// The base of a descriptor table, `GDT` or `IDT`, or of the task-state segment, `TR`.
    ///
    /// # Panics
    ///
    /// If QEMU shows no such table.
    pub fn base(&self, name: &str) -> u64 {
        // "IDT=     BASE LIMIT", and "TR =SELECTOR BASE LIMIT FLAGS".
        let rest = self.text.lines().find_map(|line| {
            let (before, rest) = line.split_once('=')?;
            (before.trim() == name).then_some(rest)
        });
        let words = rest.map(|rest| rest.split_whitespace().collect());
        match words.unwrap_or_else(Vec::new)[..] {
            [base, _] | [_, base, ..] => hexadecimal(base),
            _ => panic!("{name} is not in {}", self.text),
        }
    }

    /// The vector registers as words, the highest word first. Each has only the bytes that the kernel has enabled.
    pub fn vectors(&self) -> Vec<Vec<u64>> {
        let mut vectors: Vec<Vec<u64>> = Vec::new();
        let mut is_vector = false;
        for word in self.text.split_whitespace() {
            let value = match word.split_once('=') {
                Some((name, value)) => {
                    is_vector = name.starts_with("XMM") || name.starts_with("YMM");
                    if is_vector {
                        vectors.push(Vec::new());
                    }
                    value
                }
                None => word,
            };
            if let Some(vector) = vectors.last_mut().filter(|_| is_vector) {
                vector.push(hexadecimal(value));
            }
        }
        vectors
    }
}

/// A mapped page, from a line of `info tlb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedPage {
    /// Its virtual address.
    pub address: u64,
    /// The address of its frame.
    pub frame: u64,
    /// Its size: 4 KiB, or 2 MiB for every larger page. A machine with less than 1 GiB of contiguous memory has no page of 1 GiB.
    pub bytes: u64,
    /// Whether it is writable.
    pub is_writable: bool,
    /// Whether it is executable.
    pub is_executable: bool,
    /// Whether user mode may access it.
    pub is_user: bool,
}

impl MappedPage {
    /// Reads `ADDRESS: FRAME XGPDACTUW`, where X stands for no-execute and a dash for a bit that is clear.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (address, rest) = line.trim().split_once(": ")?;
        let (frame, flags) = rest.split_once(' ')?;
        let has = |flag| flags.contains(flag);
        Some(Self {
            address: u64::from_str_radix(address, 16).ok()?,
            frame: u64::from_str_radix(frame, 16).ok()?,
            bytes: if has('P') { 2 << 20 } else { 4 << 10 },
            is_writable: has('W'),
            is_executable: !has('X'),
            is_user: has('U'),
        })
    }

    /// Whether it shares a byte of memory with another page.
    pub fn shares_memory(&self, other: &Self) -> bool {
        self.frame < other.frame + other.bytes && other.frame < self.frame + self.bytes
    }
}

/// The words in the output of `x /NUMBERgx ADDRESS`.
pub(super) fn words(text: &str) -> Vec<u64> {
    let words = text.split_whitespace();
    let values = words.filter_map(|word| word.strip_prefix("0x"));
    values.map(hexadecimal).collect()
}

fn hexadecimal(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap_or_else(|_| panic!("{text:?} is not hexadecimal"))
}

/// The address of a memory region of the device with this identifier, from `info pci`, which prints the identifier after the
/// regions.
pub(super) fn region(shown: &str, id: &str, bar: usize) -> Option<u64> {
    let end = shown.find(&format!("id \"{id}\""))?;
    let (_, region) = shown[..end].rsplit_once(&format!("BAR{bar}: "))?;
    let (_, address) = region.split_once(" at 0x")?;
    let digits = address.split(|it: char| !it.is_ascii_hexdigit()).next()?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_found_by_name() {
        let text = "RIP=ffffffff80100000 RFL=00000002 [-------] CPL=3 II=0\n\
            TR =0028 ffffffff80170010 00000067 00008900 DPL=0 TSS64-avl\n\
            IDT=     ffffffff80169000 00000fff\nCR0=8005003b CR2=0\n\
            YMM00=0000000000000000 0000000000000001\nYMM01=00000000000000ff 0000000000000000\n";
        let registers = Registers::parse(text.to_owned());
        assert_eq!(registers.value("CPL"), 3);
        assert_eq!(registers.value("CR0"), 0x8005_003b);
        assert_eq!(registers.base("IDT"), 0xffff_ffff_8016_9000);
        assert_eq!(registers.base("TR"), 0xffff_ffff_8017_0010);
        assert_eq!(registers.vectors(), [[0, 1], [0xff, 0]]);
    }

    #[test]
    fn pages_have_their_size_and_rights() {
        let line = "ffff800000200000: 0000000000200000 XGPDA---W\r";
        let large = MappedPage::parse(line).expect("a page");
        assert_eq!(
            (large.address, large.bytes),
            (0xffff_8000_0020_0000, 2 << 20)
        );
        assert!(large.is_writable && !large.is_executable && !large.is_user);
        let line = "0000000000400000: 00000000003ff000 ----A--U-";
        let small = MappedPage::parse(line).expect("a page");
        assert!(!small.is_writable && small.is_executable && small.is_user);
        assert!(small.shares_memory(&large) && large.shares_memory(&small));
        let behind = MappedPage {
            frame: 0x40_0000,
            ..small
        };
        assert!(!behind.shares_memory(&large) && !large.shares_memory(&behind));
        assert_eq!(MappedPage::parse("No such thing"), None);
    }

    #[test]
    fn a_region_is_that_of_the_device_with_the_identifier() {
        let text = "      BAR0: 32 bit memory at 0xfeb00000 [0xfeb1ffff].\r\n      id \"card0\"\r\n  Bus  0\r\n      \
            BAR0: I/O at 0xc000 [0xc03f].\r\n      BAR1: 32 bit memory at 0xfeb80100 [0xfeb801ff].\r\n      id \"card1\"\r\n";
        assert_eq!(region(text, "card1", 1), Some(0xfeb8_0100));
        assert_eq!(region(text, "card0", 0), Some(0xfeb0_0000));
        assert_eq!(region(text, "card2", 0), None);
    }

    #[test]
    fn words_of_memory_are_read_in_order() {
        let text = "ffffffff80170014: 0xffffffff80180000 0x0000000000000000\r\nffffffff80170024: 0x0000000000000001\r\n";
        assert_eq!(words(text), [0xffff_ffff_8018_0000, 0, 1]);
    }
}
