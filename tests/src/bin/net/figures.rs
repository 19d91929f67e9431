//! The figures of a card under one system, and their ratios: [`Figures`].

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::nic::Nic;
use crate::system::System;

/// The figures that have a target relative to Linux.
const COMPARED: [&str; 13] = [
    "rate.set.1",
    "rate.get.1",
    "rate.set.50",
    "rate.get.50",
    "rate.set.50.pipeline_16",
    "rate.get.50.pipeline_16",
    "round_trip.echo",
    "round_trip.set",
    "bulk_in",
    "bulk_out",
    "boot",
    "instructions.boot",
    "memory.used",
];

/// The figures printed so far.
#[derive(Debug)]
pub struct Figures {
    /// The text before their names.
    prefix: String,
    values: BTreeMap<String, f64>,
}

impl Figures {
    /// No figures yet of this card under this system.
    pub fn new(nic: Nic, system: System<'_>) -> Figures {
        Figures {
            prefix: format!("net.{}.{}", nic.name(), system.prefix()),
            values: BTreeMap::new(),
        }
    }

    /// Prints a figure, as a line `bench NAME VALUE UNIT`.
    ///
    /// # Panics
    ///
    /// If the value is not a number.
    pub fn print(&mut self, name: &str, value: impl Display, unit: &str) {
        println!("bench {}{name} {value} {unit}", self.prefix);
        let number = value.to_string().parse();
        let number = number.unwrap_or_else(|_| panic!("{name} is not a number: {value}"));
        self.values.insert(name.to_owned(), number);
    }

    /// Prints the quotients of these figures and another system's, for those that have a target.
    pub fn print_ratios(&self, other: &Figures) {
        for (name, ratio) in self.ratios(other) {
            println!("bench {}ratio.{name} {ratio:.3} ratio", self.prefix);
        }
    }

    fn ratios<'a>(&'a self, other: &'a Figures) -> impl Iterator<Item = (&'static str, f64)> + 'a {
        COMPARED.into_iter().filter_map(|name| {
            let own = self.values.get(name)?;
            Some((name, own / other.values.get(name)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_with_a_target_are_divided_by_the_other_systems() {
        let nic = Nic::named("igb")[0];
        let mut figures = [(); 2].map(|()| Figures::new(nic, System::Caravan));
        let [own, other] = &mut figures;
        own.print("boot", 30, "ms");
        own.print("bulk_in", "4.50", "MB/s");
        own.print("instructions.idle", 5, "instructions/s");
        for (name, value) in [("boot", 300), ("bulk_in", 3), ("instructions.idle", 1)] {
            other.print(name, value, "");
        }
        other.print("bulk_out", 7, "MB/s");
        let ratios: Vec<_> = own.ratios(other).collect();
        assert_eq!(ratios, [("bulk_in", 1.5), ("boot", 0.1)]);
    }
}
