//! The options of `caravan netboot`: [`Options`].

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches};

/// The command's name.
pub const NAME: &str = "netboot";

/// The directory that `scripts/image` makes, seen from the top of the tree.
const DIRECTORY: &str = "target/caravan/netboot";

/// The options of other commands that this one refuses. They are not in its help.
const REFUSED: [(&str, ArgAction); 3] = [
    ("on", ArgAction::Set),
    ("json", ArgAction::SetTrue),
    ("secret", ArgAction::Set),
];

/// The directory to serve, and the network to serve it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name of this host's interface to the machines' network.
    pub interface: String,
    /// The addresses to hand out, if the network has no DHCP server.
    pub range: Option<Range>,
    /// The directory with the image for the network.
    pub directory: PathBuf,
}

/// Consecutive addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first one.
    pub first: Ipv4Addr,
    /// The last one.
    pub last: Ipv4Addr,
}

impl Options {
    /// The options in the matches of [`subcommand`].
    pub fn of(matches: &ArgMatches) -> Options {
        let directory = matches.get_one::<PathBuf>("directory");
        let interface = matches.get_one::<String>("interface");
        Options {
            interface: interface.expect("clap requires it").clone(),
            range: matches.get_one("dhcp").copied(),
            directory: directory.expect("clap has a default").clone(),
        }
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Range, String> {
        let form = || "expected two addresses, as in 10.77.0.150-10.77.0.199".to_owned();
        let (first, last) = text.split_once('-').ok_or_else(form)?;
        let [first, last] = [first, last].map(Ipv4Addr::from_str);
        match (first, last) {
            (Ok(first), Ok(last)) if first <= last => Ok(Range { first, last }),
            _ => Err(form()),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// The command as clap describes it.
pub fn subcommand() -> clap::Command {
    clap::Command::new(NAME)
        .override_usage("caravan netboot --interface INTERFACE [--dhcp FIRST-LAST] [DIR]")
        .about("Start the machines of this host's network from the image, without sticks (as root)")
        .arg(
            Arg::new("interface")
                .long("interface")
                .short('i')
                .value_name("INTERFACE")
                .required(true)
                .help("This host's interface to the machines' network"),
        )
        .arg(
            Arg::new("dhcp")
                .long("dhcp")
                .value_name("FIRST-LAST")
                .value_parser(Range::from_str)
                .help("Also hand out these addresses, on a network without a DHCP server"),
        )
        .arg(
            Arg::new("directory")
                .value_name("DIR")
                .default_value(DIRECTORY)
                .value_parser(ValueParser::path_buf())
                .help("The directory that `scripts/image` makes"),
        )
        .args(REFUSED.map(|(name, action)| Arg::new(name).long(name).action(action).hide(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_two_addresses_in_order() {
        let range: Range = "10.0.0.9-10.0.0.20".parse().expect("a range");
        assert_eq!(range.to_string(), "10.0.0.9-10.0.0.20");
        for text in ["10.0.0.9", "10.0.0.9-20", "10.0.0.20-10.0.0.9", "a-b", ""] {
            let error = text.parse::<Range>().expect_err(text);
            assert!(error.contains("10.77.0.150-10.77.0.199"), "{error}");
        }
    }
}
