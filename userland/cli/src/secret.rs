//! The fleet's secret, and its sources: [`find`].

use std::path::Path;

/// The environment variable that holds the secret itself.
pub const VARIABLE: &str = "CARAVAN_SECRET";

/// The secret in this file or, without a file, in the environment. Line ends at the end of the file are not part of it.
///
/// # Errors
/// No secret was given, the file is unreadable, or the secret is empty.
pub fn find(file: Option<&Path>, variable: Option<String>) -> Result<String, String> {
    let secret = match (file, variable) {
        (Some(file), _) => read(file)?,
        (None, Some(secret)) => secret,
        (None, None) => {
            return Err(format!(
                "the fleet's secret is needed: --secret FILE, or the variable {VARIABLE}\n  \
                 next: give the `secret` of the migration server in the fleet file or manifest"
            ));
        }
    };
    if secret.is_empty() {
        return Err("the secret is empty".into());
    }
    Ok(secret)
}

fn read(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("the secret in {}: {error}", file.display()))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
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
        assert!(find(None, Some(String::new())).is_err());
    }
}
