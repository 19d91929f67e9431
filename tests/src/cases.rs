//! Cases of a test that share machines, because machines take longer to start than a case to run: [`Cases`].
//!
//! A case that fails does not hide the others: the next one gets new machines. Each case can be run alone: `CARAVAN_CASE=NAME`
//! selects it, and a failure prints the command.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The variable that selects one case of a test by its name.
const VARIABLE: &str = "CARAVAN_CASE";

/// The machines that cases share.
pub struct Stage<'a, S> {
    /// Starts them.
    pub open: &'a dyn Fn() -> S,
    /// Checks what can be checked only after the last case.
    pub close: &'a dyn Fn(S),
}

/// The cases of a test, each with its name.
#[derive(Clone, Debug)]
pub struct Cases<C> {
    /// The test, as `scripts/test machines` knows it: `FILE::TEST`.
    test: &'static str,
    cases: Vec<(String, C)>,
}

impl<C> Cases<C> {
    /// The cases of this test: all, or the one that `CARAVAN_CASE` names.
    ///
    /// # Panics
    ///
    /// If no case has that name.
    pub fn new(test: &'static str, cases: impl Iterator<Item = (String, C)>) -> Cases<C> {
        let only = std::env::var(VARIABLE).ok();
        Cases {
            test,
            cases: chosen(cases.collect(), only.as_deref()),
        }
    }

    /// Runs the cases.
    ///
    /// # Panics
    ///
    /// After the last case, if any has failed.
    pub fn run<S>(self, stage: &Stage<'_, S>, run: impl Fn(&mut S, &C)) {
        let mut failed = Vec::new();
        let mut opened = None;
        for (name, case) in &self.cases {
            println!("{name}");
            // A case that panics drops its machines while it does, so that they report their state.
            let on = opened.take();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let mut on = on.unwrap_or_else(|| (stage.open)());
                run(&mut on, case);
                on
            }));
            opened = outcome.ok();
            if opened.is_none() {
                failed.push(self.command(name));
            }
        }
        // Only machines that no failure has replaced have seen all cases.
        if let Some(stage_of_all) = opened {
            (stage.close)(stage_of_all);
        }
        assert!(failed.is_empty(), "failed:\n{}", failed.join("\n"));
    }

    /// The command that runs a case alone.
    fn command(&self, name: &str) -> String {
        format!("{VARIABLE}='{name}' scripts/test machines {}", self.test)
    }
}

fn chosen<C>(cases: Vec<(String, C)>, only: Option<&str>) -> Vec<(String, C)> {
    let Some(only) = only else {
        return cases;
    };
    let names: Vec<String> = cases.iter().map(|(name, _)| name.clone()).collect();
    let chosen: Vec<_> = cases.into_iter().filter(|(name, _)| name == only).collect();
    let names = names.join("\n");
    assert!(
        !chosen.is_empty(),
        "no case is called {only:?}, but:\n{names}"
    );
    chosen
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn numbered(count: u32) -> Vec<(String, u32)> {
        (1..=count).map(|it| (format!("case {it}"), it)).collect()
    }

    /// Runs cases of which one fails: the message, the stages that were opened, and the cases that each closed stage has seen.
    fn run_with_failure(failing: u32) -> (String, u32, Vec<u32>) {
        let (opened, closed) = (Cell::new(0), Cell::new(Vec::new()));
        let stage = Stage {
            open: &|| {
                opened.set(opened.get() + 1);
                Vec::new()
            },
            close: &|seen| closed.set(seen),
        };
        let cases = Cases {
            test: "file::test",
            cases: numbered(4),
        };
        let run = |seen: &mut Vec<u32>, case: &u32| {
            assert_ne!(*case, failing);
            seen.push(*case);
        };
        let panic = catch_unwind(AssertUnwindSafe(|| cases.run(&stage, run))).err();
        let text = panic.and_then(|panic| panic.downcast::<String>().ok());
        (
            text.map_or(String::new(), |it| *it),
            opened.get(),
            closed.take(),
        )
    }

    #[test]
    fn cases_share_a_stage_until_one_fails_and_all_are_run() {
        assert_eq!(run_with_failure(0), (String::new(), 1, vec![1, 2, 3, 4]));
        let (text, opened, closed) = run_with_failure(2);
        assert!(
            text.ends_with("CARAVAN_CASE='case 2' scripts/test machines file::test"),
            "{text}"
        );
        assert_eq!((opened, closed), (2, vec![3, 4]));
        // No stage is opened for nothing after the last case.
        assert_eq!(run_with_failure(4).1, 1);
    }

    #[test]
    fn a_name_selects_one_case_and_an_unknown_name_is_an_error() {
        assert_eq!(chosen(numbered(3), Some("case 2")), [("case 2".into(), 2)]);
        assert_eq!(chosen(numbered(3), None).len(), 3);
        let unknown = catch_unwind(|| chosen(numbered(3), Some("case")));
        let text = unknown.expect_err("a panic").downcast::<String>();
        assert!(text.expect("a text").contains("case 1\ncase 2\ncase 3"));
    }
}
