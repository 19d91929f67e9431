//! The clock's rate: decides whether measurements of it agree, and chooses between the stated and the measured rate.

/// A rate stated by the processor in CPUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    /// In ticks per second.
    pub(super) rate: u64,
    /// Whether it is derived from the crystal's frequency. Otherwise it is the nominal base frequency, from which the
    /// clock's rate may differ slightly: a processor of 4,000 MHz may count at 4,008 MHz.
    pub(super) is_exact: bool,
}

/// One measurement of a rate against another clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measurement {
    /// The rate, in ticks per second.
    Rate(u64),
    /// The processor was stopped for too long, so the other clock's readings are useless. Another measurement may succeed.
    Disturbed,
    /// The other clock does not count.
    NoClock,
}

/// The outcome of several measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    /// Two successive measurements agreed on this rate.
    Agreed(u64),
    /// No two successive measurements agreed. This is the last measured rate.
    Last(u64),
}

/// The maximum number of measurements.
const MEASUREMENTS_MAX: usize = 40;

/// Measures until two successive measurements differ by at most one part in `agreement`. `None` if the other clock does not
/// count, or every measurement was disturbed.
pub(super) fn measure_until_agreed(
    agreement: u64,
    mut measure: impl FnMut() -> Measurement,
) -> Option<Measured> {
    let mut last: Option<u64> = None;
    for _ in 0..MEASUREMENTS_MAX {
        match (measure(), last) {
            (Measurement::Rate(next), Some(last)) if next.abs_diff(last) <= next / agreement => {
                return Some(Measured::Agreed(last.midpoint(next)));
            }
            (Measurement::Rate(next), _) => last = Some(next),
            (Measurement::Disturbed, _) => {}
            (Measurement::NoClock, _) => return None,
        }
    }
    last.map(Measured::Last)
}

/// The tolerance between a measurement and an exact rate: one part in this many. The error of a measurement is smaller.
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

/// Chooses the rate and its source; `None` if nothing is known.
///
/// An exact stated rate is chosen if a measurement confirms it, since it has no measurement error. If the measurement
/// contradicts it, the measured rate is chosen: a virtual machine may have copied another processor's CPUID. Without a
/// measurement the stated rate is used.
pub(super) fn choose(
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

    fn measured(measurements: &[Measurement]) -> Option<Measured> {
        let mut measurements = measurements.iter().cycle();
        measure_until_agreed(5_000, || *measurements.next().expect("a cycle"))
    }

    #[test]
    fn a_disturbed_measurement_is_repeated() {
        use Measurement::*;
        let rates = [Disturbed, Rate(3000), Rate(1000), Disturbed, Rate(1000)];
        assert_eq!(measured(&rates), Some(Measured::Agreed(1000)));
    }

    #[test]
    fn measurements_that_never_agree_yield_the_last() {
        let rates = [1000, 2000].map(Measurement::Rate);
        assert_eq!(measured(&rates), Some(Measured::Last(2000)));
    }

    #[test]
    fn a_clock_that_does_not_count_yields_no_rate() {
        assert_eq!(measured(&[Measurement::NoClock]), None);
        assert_eq!(measured(&[Measurement::Disturbed]), None);
    }

    #[test]
    fn the_base_frequency_is_not_the_clocks_rate() {
        // Skylake: a crystal of 24 MHz that is not stated, times 334 / 2.
        let stated = stated(2, 334, 0, 4000);
        let measured = Some(("HPET", 4008 * MHZ));
        assert_eq!(choose(stated, measured), measured);
    }

    #[test]
    fn a_confirmed_exact_rate_is_chosen() {
        let stated = stated(2, 334, 24_000_000, 4000);
        for measured in [4008 * MHZ, 4009 * MHZ, 4007 * MHZ] {
            let chosen = choose(stated, Some(("PIT", measured)));
            assert_eq!(chosen, Some(("CPUID", 4008 * MHZ)));
        }
    }

    #[test]
    fn a_contradicted_exact_rate_is_not_chosen() {
        let stated = stated(2, 334, 24_000_000, 4000);
        let measured = Some(("HPET", 2000 * MHZ));
        assert_eq!(choose(stated, measured), measured);
    }

    #[test]
    fn a_stated_rate_is_better_than_none() {
        let exact = stated(2, 300, 20_000_000, 0);
        assert_eq!(choose(exact, None), Some(("CPUID", 3000 * MHZ)));
        let nominal = stated(2, 300, 0, 2900);
        assert_eq!(choose(nominal, None), Some(("CPUID", 2900 * MHZ)));
        assert_eq!(choose(None, None), None);
    }

    #[test]
    fn a_processor_without_a_ratio_states_nothing() {
        assert_eq!(stated(0, 334, 24_000_000, 4000), None);
        assert_eq!(stated(2, 0, 24_000_000, 4000), None);
        assert_eq!(stated(2, 334, 0, 0), None);
    }
}
