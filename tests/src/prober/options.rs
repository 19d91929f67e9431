//! The options of a prober, in this process and on its command line.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use super::protocol::Heap;

/// The default of [`Options::udp_patience`]: requests may get lost.
const UDP_PATIENCE: Duration = Duration::from_secs(3);

/// The options of a prober.
#[derive(Clone, Debug)]
pub struct Options {
    /// The domain's address, for UDP and TCP.
    pub address: SocketAddr,
    /// The domain's heap.
    pub heap: Heap,
    /// The interval between UDP requests.
    pub udp_interval: Duration,
    /// The interval between TCP requests.
    pub tcp_interval: Duration,
    /// How long missing replies to the last UDP requests are awaited.
    pub udp_patience: Duration,
    /// The time after which the probing ends at the latest.
    pub duration: Option<Duration>,
    /// The window of the summary's longest gap, in time since the start. Without it, the window is from the first reply to the end.
    pub window: Option<Range<Duration>>,
}

impl Options {
    /// Options for a heap of 64 MiB with a working set of 4 MiB, a UDP request every millisecond and a TCP request every five
    /// milliseconds.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            heap: Heap {
                mib: 64,
                working_mib: 4,
            },
            udp_interval: Duration::from_millis(1),
            tcp_interval: Duration::from_millis(5),
            udp_patience: UDP_PATIENCE,
            duration: None,
            window: None,
        }
    }

    /// These options as the prober's arguments.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.address.to_string()];
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        add("--heap", self.heap.mib.to_string());
        add("--working", self.heap.working_mib.to_string());
        add("--udp-interval", self.udp_interval.as_micros().to_string());
        add("--tcp-interval", self.tcp_interval.as_micros().to_string());
        add("--udp-patience", self.udp_patience.as_micros().to_string());
        if let Some(duration) = self.duration {
            add("--seconds", duration.as_secs_f64().to_string());
        }
        if let Some(Range { start, end }) = &self.window {
            add(
                "--window",
                format!("{}..{}", start.as_secs_f64(), end.as_secs_f64()),
            );
        }
        arguments
    }

    /// Sets the option `name` to the value that `value` returns. Returns whether there is such an option.
    pub fn accept(
        &mut self,
        name: &str,
        value: impl FnOnce() -> Result<String, String>,
    ) -> Result<bool, String> {
        match name {
            "--heap" => self.heap.mib = number(name, &value()?)?,
            "--working" => self.heap.working_mib = number(name, &value()?)?,
            "--udp-interval" => self.udp_interval = Duration::from_micros(number(name, &value()?)?),
            "--tcp-interval" => self.tcp_interval = Duration::from_micros(number(name, &value()?)?),
            "--udp-patience" => self.udp_patience = Duration::from_micros(number(name, &value()?)?),
            "--seconds" => self.duration = Some(seconds(name, &value()?)?),
            "--window" => self.window = Some(window(name, &value()?)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks the options in combination.
    pub fn check(&self) -> Result<(), String> {
        let Heap { mib, working_mib } = self.heap;
        if working_mib >= mib {
            return Err(format!(
                "--working {working_mib} leaves no part of --heap {mib} to check"
            ));
        }
        if self.udp_interval.is_zero() || self.tcp_interval.is_zero() {
            return Err("an interval is at least 1 microsecond".to_owned());
        }
        Ok(())
    }
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|error| format!("{name} {text}: {error}"))
}

fn seconds(name: &str, text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|error| format!("{name} {text}: {error}"))?;
    Duration::try_from_secs_f64(number).map_err(|error| format!("{name} {text}: {error}"))
}

fn window(name: &str, text: &str) -> Result<Range<Duration>, String> {
    let Some((start, end)) = text.split_once("..") else {
        return Err(format!("{name} {text}: a window is START..END, in seconds"));
    };
    Ok(seconds(name, start)?..seconds(name, end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> SocketAddr {
        SocketAddr::from(([10, 77, 0, 2], 7000))
    }

    /// Reads arguments as the program does.
    fn read(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options::new(arguments[0].parse().expect("an address"));
        let mut rest = arguments[1..].iter();
        while let Some(name) = rest.next() {
            let value = || {
                rest.next()
                    .cloned()
                    .ok_or(format!("{name} lacks its value"))
            };
            assert!(options.accept(name, value)?);
        }
        options.check().map(|()| options)
    }

    #[test]
    fn reads_back_what_it_writes() {
        let mut options = Options::new(address());
        options.heap = Heap {
            mib: 9,
            working_mib: 8,
        };
        options.udp_interval = Duration::from_micros(1500);
        options.udp_patience = Duration::from_secs(40);
        options.duration = Some(Duration::from_millis(2500));
        options.window = Some(Duration::from_millis(500)..Duration::from_secs(2));
        let again = read(&options.arguments()).expect("valid arguments");
        assert_eq!(format!("{again:?}"), format!("{options:?}"));
    }

    #[test]
    fn names_the_invalid_argument() {
        let wrong = |name: &str, value: &str| {
            read(&[address().to_string(), name.to_owned(), value.to_owned()])
                .expect_err("it is invalid")
        };
        assert!(wrong("--heap", "many").starts_with("--heap many: "));
        assert!(wrong("--window", "3").starts_with("--window 3: "));
        assert!(wrong("--seconds", "-1").starts_with("--seconds -1: "));
        assert!(wrong("--working", "64").contains("--heap 64"));
        assert!(wrong("--udp-interval", "0").contains("interval"));
    }
}
