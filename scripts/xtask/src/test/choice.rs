//! The steps that were asked for: [`Choice`].

use super::steps::{ALL, MACHINES, QUICK, Step};
use crate::error::{Error, Result};

/// What asks for the quick steps.
const QUICKLY: &str = "quick";

/// Steps, and of the machine tests those that are wanted: all, if none is named.
pub struct Choice {
    /// The steps, in their order.
    pub steps: Vec<&'static Step>,
    /// `FILE` or `FILE::TEST`.
    pub machine_tests: Vec<String>,
}

impl Choice {
    /// Reads `STEP.. [machines TEST..]`, `quick`, or nothing, which is everything.
    ///
    /// # Errors
    /// A word that names nothing.
    pub fn of(arguments: &[String]) -> Result<Choice> {
        let all = |steps: &'static [Step]| Choice {
            steps: steps.iter().collect(),
            machine_tests: Vec::new(),
        };
        match arguments {
            [] => return Ok(all(ALL)),
            [only] if only == QUICKLY => return Ok(all(QUICK)),
            _ => {}
        }
        let is_step = |word: &String| ALL.iter().any(|step| step.name == word);
        let machines = arguments.iter().position(|word| word == MACHINES);
        let (names, tests) = match machines {
            Some(place) => arguments.split_at(place + 1),
            None => (arguments, [].as_slice()),
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
        })
    }
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
    fn nothing_named_is_everything() {
        assert_eq!(choice("").unwrap().steps.len(), ALL.len());
        assert_eq!(choice("quick").unwrap().steps.len(), QUICK.len());
    }

    #[test]
    fn steps_come_in_their_order() {
        assert_eq!(names(&choice("build format").unwrap()), ["format", "build"]);
    }

    #[test]
    fn machine_tests_can_be_named() {
        let choice = choice("image machines failures::a_source console").unwrap();
        assert_eq!(names(&choice), ["image", "machines"]);
        assert_eq!(choice.machine_tests, ["failures::a_source", "console"]);
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(choice("fromat").is_err());
        assert!(choice("format quick").is_err());
        assert!(choice("machines format").is_err());
    }
}
