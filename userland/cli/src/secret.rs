//! The fleet's secret, and its sources: [`find`].

use std::ffi::OsString;
use std::path::Path;

/// The environment variable that holds the secret itself.
pub const VARIABLE: &str = "CARAVAN_SECRET";

/// The next step of a user whose secret was not found.
const NEXT: &str =
    "\n  next: give the `secret` of the migration server in the fleet file or manifest";

/// The secret in this file or, without a file, in the environment. Line ends at the end of the file are not part of it.
///
/// # Errors
/// No secret was given, the file is unreadable, or the secret is empty or not text. The error names the source.
pub fn find(file: Option<&Path>, variable: Option<OsString>) -> Result<String, String> {
    let (source, secret) = match (file, variable) {
        (Some(file), _) => (format!("the file {}", file.display()), read(file)?),
        (None, Some(secret)) => (format!("the variable {VARIABLE}"), text(secret)?),
        (None, None) => {
            return Err(format!(
                "the fleet's secret is needed: --secret FILE, or the variable {VARIABLE}{NEXT}"
            ));
        }
    };
    if secret.is_empty() {
        return Err(format!("the secret in {source} is empty{NEXT}"));
    }
    Ok(secret)
}

fn read(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file);
    let text =
        text.map_err(|error| format!("the secret in the file {}: {error}{NEXT}", file.display()))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn text(secret: OsString) -> Result<String, String> {
    let text = secret.into_string();
    text.map_err(|_| format!("the secret in the variable {VARIABLE} is not UTF-8 text{NEXT}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn the_file_without_its_last_line_end_takes_precedence_over_the_environment() {
        let path = std::env::temp_dir().join(format!("caravan-secret-{}", std::process::id()));
        std::fs::write(&path, "of the file \n").expect("a file");
        let of_file = find(Some(&path), Some("of the environment".into()));
        std::fs::remove_file(&path).expect("the file is there");
        assert_eq!(of_file.as_deref(), Ok("of the file "));
        assert!(find(Some(&path), None).is_err_and(|error| error.contains("caravan-secret")));
        let of_environment = find(None, Some("of the environment".into()));
        assert_eq!(of_environment.as_deref(), Ok("of the environment"));
        let error = find(None, None).expect_err("no secret");
        assert!(error.contains(VARIABLE) && error.contains("\n  next: "));
    }

    #[test]
    fn an_error_names_the_source_and_a_next_step() {
        let path = std::env::temp_dir().join(format!("caravan-no-secret-{}", std::process::id()));
        let source = path.display().to_string();
        let error_of = |bytes: Option<&[u8]>| {
            if let Some(bytes) = bytes {
                std::fs::write(&path, bytes).expect("a file");
            }
            let error = find(Some(&path), None).expect_err("no secret");
            let _ = std::fs::remove_file(&path);
            error
        };
        let errors = [None, Some(b"\n".as_slice()), Some(b"\xff".as_slice())].map(error_of);
        for error in &errors {
            assert!(
                error.contains(&source) && error.contains("\n  next: "),
                "{error}"
            );
        }
        assert!(errors[1].contains("is empty"), "{}", errors[1]);
        let not_text = OsString::from_vec(vec![0xff]);
        for (secret, reason) in [
            (OsString::new(), "is empty"),
            (not_text, "is not UTF-8 text"),
        ] {
            let error = find(None, Some(secret)).expect_err("no secret");
            let is_whole = [VARIABLE, reason, "\n  next: "]
                .iter()
                .all(|part| error.contains(part));
            assert!(is_whole, "{error}");
        }
    }
}
