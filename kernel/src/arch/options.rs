//! The options on the kernel's command line: [`Options`], parsed once.

use core::sync::atomic::{AtomicBool, Ordering};

/// The kernel's options. Other words on the command line are ignored here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// `debug-exit`: a panic ends QEMU through its exit device.
    pub(super) debug_exit: bool,
    /// `safe`: the kernel uses no feature of the processor that it can do without, see `Features::SAFE`.
    pub(super) safe: bool,
}

impl Options {
    /// Parses a command line.
    pub(super) fn parse(command_line: &str) -> Self {
        let mut options = Self::default();
        for word in command_line.split_ascii_whitespace() {
            match word {
                "debug-exit" => options.debug_exit = true,
                "safe" => options.safe = true,
                _ => {}
            }
        }
        options
    }
}

static DEBUG_EXIT: AtomicBool = AtomicBool::new(false);
static SAFE: AtomicBool = AtomicBool::new(false);

/// Sets the options, once.
pub(super) fn set(options: Options) {
    DEBUG_EXIT.store(options.debug_exit, Ordering::Relaxed);
    SAFE.store(options.safe, Ordering::Relaxed);
}

/// The options; the defaults before they are set.
pub(super) fn get() -> Options {
    Options {
        debug_exit: DEBUG_EXIT.load(Ordering::Relaxed),
        safe: SAFE.load(Ordering::Relaxed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_options_among_other_words() {
        assert!(Options::parse("machine=a  debug-exit x").debug_exit);
        assert!(Options::parse("uuid=x safe").safe);
        let none = Options::parse("no-debug-exit debug-exits safe=x");
        assert_eq!(none, Options::default());
    }

    #[test]
    fn options_have_their_defaults_before_they_are_set() {
        assert_eq!(get(), Options::default());
        let all = Options {
            debug_exit: true,
            safe: true,
        };
        set(all);
        assert_eq!(get(), all);
        set(Options::default());
    }
}
