//! The selected steps: [`Choice`].

use super::steps::{ALL, MACHINES, QUICK, Step};
use crate::error::{Error, Result};

/// The argument that selects the quick steps.
const QUICKLY: &str = "quick";
/// The argument that leaves out the steps that the named ones need.
const ONLY: &str = "--only";
/// The argument that prolongs tests which find more the longer they run.
const LONG: &str = "--long";

/// The selected steps and machine tests; all machine tests, if none is named.
pub struct Choice {
    /// The steps, in their order.
    pub steps: Vec<&'static Step>,
    /// `FILE` or `FILE::TEST`.
    pub machine_tests: Vec<String>,
    /// Whether the run is long. In a long run, tests that find more the longer they run take hours.
    pub is_long: bool,
}

impl Choice {
    /// Parses `STEP.. [machines TEST..]` or `quick`, with `--long` and `--only` anywhere. Without arguments everything is selected. The
    /// steps that the named ones need are selected too, unless `--only` states that their results are there and new enough.
    ///
    /// # Errors
    /// An unknown step.
    pub fn of(arguments: &[String]) -> Result<Choice> {
        let has = |option: &str| arguments.iter().any(|word| word == option);
        let words: Vec<String> = arguments
            .iter()
            .filter(|word| ![LONG, ONLY].contains(&word.as_str()))
            .cloned()
            .collect();
        let choice = Self::among(&words)?;
        let steps = match has(ONLY) {
            true => choice.steps,
            false => with_needed(choice.steps),
        };
        Ok(Choice {
            steps,
            is_long: has(LONG),
            ..choice
        })
    }

    fn among(words: &[String]) -> Result<Choice> {
        let all = |steps: &'static [Step]| Choice {
            steps: steps.iter().collect(),
            machine_tests: Vec::new(),
            is_long: false,
        };
        match words {
            [] => return Ok(all(ALL)),
            [only] if only == QUICKLY => return Ok(all(QUICK)),
            _ => {}
        }
        let is_step = |word: &String| ALL.iter().any(|step| step.name == word);
        let machines = words.iter().position(|word| word == MACHINES);
        let (names, tests) = match machines {
            Some(place) => words.split_at(place + 1),
            None => (words, [].as_slice()),
        };
        if let Some(unknown) = names.iter().find(|name| !is_step(name)) {
            return Err(no_such_step(unknown));
        }
        if let Some(step) = tests.iter().find(|test| is_step(test)) {
            return Err(Error::Usage(format!(
                "name the step {step} before {MACHINES}"
            )));
        }
        Ok(Choice {
            steps: ALL
                .iter()
                .filter(|step| names.iter().any(|name| name == step.name))
                .collect(),
            machine_tests: tests.to_vec(),
            is_long: false,
        })
    }
}

/// These steps, each after those that it needs.
fn with_needed(steps: Vec<&'static Step>) -> Vec<&'static Step> {
    let mut all = Vec::new();
    for step in steps {
        push_with_needed(step, &mut all);
    }
    all
}

fn push_with_needed(step: &'static Step, all: &mut Vec<&'static Step>) {
    if all.iter().any(|earlier| earlier.name == step.name) {
        return;
    }
    let needed = ALL.iter().find(|it| Some(it.name) == step.needs);
    if let Some(needed) = needed {
        push_with_needed(needed, all);
    }
    all.push(step);
}

fn no_such_step(word: &str) -> Error {
    let names: Vec<_> = ALL.iter().map(|step| step.name).collect();
    Error::Usage(format!(
        "no step {word:?} among {}; {QUICKLY} runs some of them in little time",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(line: &str) -> Result<Choice> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Choice::of(&words)
    }

    fn names(choice: &Choice) -> Vec<&str> {
        choice.steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn no_argument_selects_everything() {
        assert_eq!(choice("").unwrap().steps.len(), ALL.len());
        let quick: Vec<_> = QUICK.iter().map(|step| step.name).collect();
        assert_eq!(names(&choice("quick").unwrap()), quick);
    }

    #[test]
    fn steps_come_in_their_order() {
        assert_eq!(names(&choice("build format").unwrap()), ["format", "build"]);
    }

    #[test]
    fn machine_tests_can_be_named() {
        let choice = choice("format machines failures::a_source console").unwrap();
        assert_eq!(names(&choice), ["format", "build", "image", "machines"]);
        assert_eq!(choice.machine_tests, ["failures::a_source", "console"]);
    }

    #[test]
    fn a_step_brings_the_steps_that_it_needs_unless_it_is_to_be_the_only_one() {
        for (line, expected) in [
            ("machines zoo", &["build", "image", "machines"][..]),
            ("image machines zoo", &["build", "image", "machines"]),
            ("image", &["build", "image"]),
            ("--only machines zoo", &["machines"]),
            ("--only image machines zoo", &["image", "machines"]),
        ] {
            assert_eq!(names(&choice(line).unwrap()), expected, "{line}");
        }
    }

    #[test]
    fn long_runs_combine_with_any_choice() {
        let choice = choice("--long machines zoo").unwrap();
        assert!(choice.is_long);
        assert_eq!(choice.machine_tests, ["zoo"]);
        assert!(super::tests::choice("--long").unwrap().steps.len() == ALL.len());
        assert!(!super::tests::choice("machines zoo").unwrap().is_long);
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(choice("fromat").is_err());
        assert!(choice("format quick").is_err());
        assert!(choice("machines format").is_err());
    }
}
