//! Reading Rust source as far as the checks of the tree need it: which characters are code.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Result};

/// All Rust files below `directory`, in order, without what is built or hidden.
pub fn rust_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).at(directory)? {
        let path = entry.at(directory)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The text with comments, strings and character literals blanked out; lines stay where they are.
pub fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match skipped_bytes(rest, code.chars().next_back()) {
            0 => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
            }
            skipped => {
                code.extend(
                    rest[..skipped]
                        .chars()
                        .map(|c| if c == '\n' { '\n' } else { ' ' }),
                );
                rest = &rest[skipped..];
            }
        }
    }
    code
}

/// Whether `line` of code has `word` standing alone.
pub fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !is_identifier(c))
        .any(|found| found == word)
}

/// How many bytes at the start of `rest` are not code. `before` is the character in front of them.
fn skipped_bytes(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_bytes(rest);
    }
    if rest.starts_with('"') {
        return string_bytes(rest);
    }
    if rest.starts_with('r') && !before.is_some_and(is_identifier_but_literal_prefix) {
        return raw_string_bytes(rest);
    }
    if rest.starts_with('\'') {
        character_bytes(rest)
    } else {
        0
    }
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `br""` and `cr""` are raw strings too, so that `b` and `c` may stand before the `r`.
fn is_identifier_but_literal_prefix(c: char) -> bool {
    is_identifier(c) && c != 'b' && c != 'c'
}

fn block_comment_bytes(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut depth = 0;
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn string_bytes(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string_bytes(rest: &str) -> usize {
    let hashes = rest[1..].bytes().take_while(|&b| b == b'#').count();
    if rest.as_bytes().get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 2 + hashes;
    rest[start..]
        .find(&end)
        .map_or(rest.len(), |at| start + at + end.len())
}

/// A quote begins a character, or a lifetime, which is code and has no closing quote after one character.
fn character_bytes(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(0, |at| 3 + at + 1),
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str) -> bool {
        has_word(&code_only(text), "unsafe")
    }

    #[test]
    fn code_is_kept() {
        for text in [
            "unsafe { }",
            "fn f<'a>(x: &'a str) { unsafe {} }",
            "let q = '\"'; unsafe {}",
            "let e = '\\''; unsafe {}",
            "let u = '\\u{27}'; unsafe {}",
            "\"\" ; unsafe {}",
            "\"\\\"\" ; unsafe {}",
            "r#\"\"\"# ; unsafe {}",
            "br\"\\\" ; unsafe {}",
            "/* /* */ */ unsafe",
            "// x\nunsafe",
            "#[unsafe(no_mangle)]",
            "for r in 0..3 { unsafe {} }",
        ] {
            assert!(mentions(text), "{text}");
        }
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        for text in [
            "// unsafe",
            "//! unsafe",
            "/* a /* b */ unsafe */",
            "\"unsafe\"",
            "\"a \\\" unsafe\"",
            "r\"unsafe\"",
            "r#\"a \" unsafe\"#",
            "br#\"unsafe\"#",
            "#![forbid(unsafe_code)]",
            "let not_unsafe = 1;",
        ] {
            assert!(!mentions(text), "{text}");
        }
    }

    #[test]
    fn lines_stay_where_they_are() {
        let text = "/* a\nb */\n\"c\nd\"\nunsafe";
        assert_eq!(
            code_only(text)
                .lines()
                .position(|line| has_word(line, "unsafe")),
            Some(4)
        );
    }
}
