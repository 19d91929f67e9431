//! What became of a mutation, from what its tests printed: [`Fate`].

/// What became of a mutation.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// A test failed.
    Found(Evidence),
    /// Every test passed.
    Survived,
    /// It does not compile, its text is not there, or its tests did not run: the table is out of date.
    Unusable(String),
}

/// How tests show that something is wrong.
#[derive(Debug, PartialEq, Eq)]
pub enum Evidence {
    /// These tests failed.
    Failed(Vec<String>),
    /// The test program was ended by a signal while its tests ran.
    Died,
    /// The tests did not end within their limit.
    Hung,
}

/// How a command ended that runs tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All is well.
    Well,
    /// With an error.
    Badly,
    /// It was ended when its limit had passed.
    Late,
}

impl Fate {
    /// The fate of a mutation whose tests ended like this and printed this. Only what happened in a test is a finding: a command
    /// that fails before it has run one has found nothing.
    pub fn of(ended: Ended, printed: &str) -> Fate {
        if !runs_tests(printed) {
            return Fate::Unusable("no test ran".to_string());
        }
        let failed = failed_tests(printed);
        match ended {
            Ended::Well => Fate::Survived,
            Ended::Badly if !failed.is_empty() => Fate::Found(Evidence::Failed(failed)),
            Ended::Badly if is_cut_short(printed) => Fate::Found(Evidence::Died),
            Ended::Badly => Fate::Unusable("it failed, but none of its tests did".to_string()),
            Ended::Late if is_cut_short(printed) => Fate::Found(Evidence::Hung),
            Ended::Late => Fate::Unusable("it hung, but none of its tests did".to_string()),
        }
    }
}

/// Whether a test program began to run a test.
fn runs_tests(printed: &str) -> bool {
    begun(printed).any(|count| count != "0")
}

/// How many tests each test program began to run.
fn begun(printed: &str) -> impl Iterator<Item = &str> {
    printed.lines().filter_map(|line| {
        let rest = line.strip_prefix("running ")?;
        rest.strip_suffix(" tests").or(rest.strip_suffix(" test"))
    })
}

/// Whether a test program began and did not come to its result.
fn is_cut_short(printed: &str) -> bool {
    let results = printed
        .lines()
        .filter(|line| line.starts_with("test result: "));
    begun(printed).count() > results.count()
}

/// The tests in the list that a test program prints in the end: below the last of its lines `failures:`, each indented.
fn failed_tests(printed: &str) -> Vec<String> {
    let mut failed = Vec::new();
    let mut is_list = false;
    for line in printed.lines() {
        match line.strip_prefix("    ") {
            Some(name) if is_list => failed.push(name.to_string()),
            _ => is_list = line == "failures:",
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: &str = "
running 2 tests
.F
failures:

---- ipc::tests::a stdout ----
    indented words of the test's own

failures:
    ipc::tests::a

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
    const PASSED: &str = "
running 1 test
.
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
    const NONE: &str = "
running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s
";

    #[test]
    fn a_failed_test_is_named() {
        let found = Evidence::Failed(vec!["ipc::tests::a".to_string()]);
        assert_eq!(Fate::of(Ended::Badly, FAILED), Fate::Found(found));
    }

    #[test]
    fn what_passes_has_found_nothing() {
        assert_eq!(Fate::of(Ended::Well, PASSED), Fate::Survived);
    }

    #[test]
    fn a_test_program_may_die_or_hang_while_its_tests_run() {
        let begun = "running 3 tests\n..";
        let after = [PASSED, begun].concat();
        for printed in [begun, &after] {
            let fate = |ended| Fate::of(ended, printed);
            assert_eq!(fate(Ended::Badly), Fate::Found(Evidence::Died));
            assert_eq!(fate(Ended::Late), Fate::Found(Evidence::Hung));
        }
    }

    #[test]
    fn what_fails_before_or_after_its_tests_has_found_nothing() {
        for printed in ["", "error: could not compile `kernel`\n", NONE, PASSED] {
            for ended in [Ended::Badly, Ended::Late] {
                let fate = Fate::of(ended, printed);
                assert!(matches!(fate, Fate::Unusable(_)), "{printed}: {fate:?}");
            }
        }
        assert!(matches!(Fate::of(Ended::Well, NONE), Fate::Unusable(_)));
    }
}
