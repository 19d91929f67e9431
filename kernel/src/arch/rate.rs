//! How fast the clock runs: which of the rates that were stated and measured is believed.

/// A rate that the processor states in CPUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    /// In ticks per second.
    pub(super) rate: u64,
    /// Whether it follows from the crystal's frequency. Otherwise it is the nominal base frequency, which the clock's own
    /// rate is only close to: a processor of 4,000 MHz may count 4,008 MHz.
    pub(super) is_exact: bool,
}

/// How far a measurement may be from an exact rate: one part in this many, which is more than its own error.
const MEASUREMENT_ERROR: u64 = 2_000;

/// Reads CPUID's leaves 0x15 (the ratio to the crystal, and its frequency in Hz) and 0x16 (the base frequency in MHz).
pub(super) fn stated(
    denominator: u32,
    numerator: u32,
    crystal: u32,
    base_mhz: u32,
) -> Option<Stated> {
    if denominator == 0 || numerator == 0 {
        return None;
    }
    let exact = u64::from(crystal) * u64::from(numerator) / u64::from(denominator);
    let nominal = u64::from(base_mhz & 0xffff) * 1_000_000;
    let is_exact = exact != 0;
    let rate = if is_exact { exact } else { nominal };
    (rate != 0).then_some(Stated { rate, is_exact })
}

/// The rate to believe and its source; none if nothing is known.
///
/// An exact statement that a measurement confirms does not have a measurement's error; one that is contradicted is a
/// virtual machine's that copied another processor's. Without anything to measure by, a statement is all there is.
pub(super) fn believed(
    stated: Option<Stated>,
    measured: Option<(&'static str, u64)>,
) -> Option<(&'static str, u64)> {
    const BY_CPUID: &str = "CPUID";
    let Some((source, measured)) = measured else {
        return stated.map(|stated| (BY_CPUID, stated.rate));
    };
    let confirmed = stated.filter(|stated| {
        let error = measured.abs_diff(stated.rate);
        stated.is_exact && error <= stated.rate / MEASUREMENT_ERROR
    });
    Some(confirmed.map_or((source, measured), |stated| (BY_CPUID, stated.rate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MHZ: u64 = 1_000_000;

    #[test]
    fn the_base_frequency_is_not_the_clocks_rate() {
        // Skylake: a crystal of 24 MHz that is not stated, times 334 / 2.
        let stated = stated(2, 334, 0, 4000);
        let measured = Some(("HPET", 4008 * MHZ));
        assert_eq!(believed(stated, measured), measured);
    }

    #[test]
    fn an_exact_rate_that_is_confirmed_is_believed() {
        let stated = stated(2, 334, 24_000_000, 4000);
        for measured in [4008 * MHZ, 4009 * MHZ, 4007 * MHZ] {
            let believed = believed(stated, Some(("PIT", measured)));
            assert_eq!(believed, Some(("CPUID", 4008 * MHZ)));
        }
    }

    #[test]
    fn an_exact_rate_that_is_contradicted_is_not_believed() {
        let stated = stated(2, 334, 24_000_000, 4000);
        let measured = Some(("HPET", 2000 * MHZ));
        assert_eq!(believed(stated, measured), measured);
    }

    #[test]
    fn a_statement_is_better_than_nothing() {
        let exact = stated(2, 300, 20_000_000, 0);
        assert_eq!(believed(exact, None), Some(("CPUID", 3000 * MHZ)));
        let nominal = stated(2, 300, 0, 2900);
        assert_eq!(believed(nominal, None), Some(("CPUID", 2900 * MHZ)));
        assert_eq!(believed(None, None), None);
    }

    #[test]
    fn a_processor_without_a_ratio_states_nothing() {
        assert_eq!(stated(0, 334, 24_000_000, 4000), None);
        assert_eq!(stated(2, 0, 24_000_000, 4000), None);
        assert_eq!(stated(2, 334, 0, 0), None);
    }
}
