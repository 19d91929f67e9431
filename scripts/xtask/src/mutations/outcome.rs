//! The outcome of a mutation, from the output of its tests: [`Outcome`].

/// The outcome of a mutation.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A test failed.
    Found(Evidence),
    /// Every test passed.
    Survived,
    /// The tree does not compile with it, or its tests did not run: the table is out of date.
    Unusable(String),
}

/// The way in which tests failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Evidence {
    /// These tests failed.
    Failed(Vec<String>),
    /// The test program was ended by a signal while its tests ran.
    Died,
    /// The tests did not end within their limit.
    Hung,
}

/// The end of a command that runs tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Succeeded,
    Failed,
    /// It was ended at its time limit.
    TimedOut,
}

impl Outcome {
    /// The outcome of a mutation from the end and the output of its tests. Only a failure within a test counts: a command
    /// that fails before a test runs has found nothing.
    pub fn of(ended: Ended, printed: &str) -> Outcome {
        if !runs_tests(printed) {
            return Outcome::Unusable("no test ran".to_string());
        }
        let failed = failed_tests(printed);
        match ended {
            Ended::Succeeded => Outcome::Survived,
            Ended::Failed if !failed.is_empty() => Outcome::Found(Evidence::Failed(failed)),
            Ended::Failed if is_cut_short(printed) => Outcome::Found(Evidence::Died),
            Ended::Failed => Outcome::Unusable("the command failed, but no test did".to_string()),
            Ended::TimedOut if is_cut_short(printed) => Outcome::Found(Evidence::Hung),
            Ended::TimedOut => Outcome::Unusable("the command hung, but no test did".to_string()),
        }
    }
}

/// Whether a test program began to run a test.
fn runs_tests(printed: &str) -> bool {
    begun(printed).any(|count| count != "0")
}

/// The number of tests that each test program began to run.
fn begun(printed: &str) -> impl Iterator<Item = &str> {
    printed.lines().filter_map(|line| {
        let rest = line.strip_prefix("running ")?;
        rest.strip_suffix(" tests").or(rest.strip_suffix(" test"))
    })
}

/// Whether a test program began and did not print its result.
fn is_cut_short(printed: &str) -> bool {
    let results = printed
        .lines()
        .filter(|line| line.starts_with("test result: "));
    begun(printed).count() > results.count()
}

/// The tests in the final list of a test program. The list is indented, below the last line `failures:`.
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
        assert_eq!(Outcome::of(Ended::Failed, FAILED), Outcome::Found(found));
    }

    #[test]
    fn tests_that_pass_have_found_nothing() {
        assert_eq!(Outcome::of(Ended::Succeeded, PASSED), Outcome::Survived);
    }

    #[test]
    fn a_test_program_may_die_or_hang_while_its_tests_run() {
        let begun = "running 3 tests\n..";
        let after = [PASSED, begun].concat();
        for printed in [begun, &after] {
            let outcome = |ended| Outcome::of(ended, printed);
            assert_eq!(outcome(Ended::Failed), Outcome::Found(Evidence::Died));
            assert_eq!(outcome(Ended::TimedOut), Outcome::Found(Evidence::Hung));
        }
    }

    #[test]
    fn a_failure_before_or_after_the_tests_has_found_nothing() {
        for printed in ["", "error: could not compile `kernel`\n", NONE, PASSED] {
            for ended in [Ended::Failed, Ended::TimedOut] {
                let outcome = Outcome::of(ended, printed);
                assert!(
                    matches!(outcome, Outcome::Unusable(_)),
                    "{printed}: {outcome:?}"
                );
            }
        }
        assert!(matches!(
            Outcome::of(Ended::Succeeded, NONE),
            Outcome::Unusable(_)
        ));
    }
}
