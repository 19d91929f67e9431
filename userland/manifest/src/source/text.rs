//! A file's text, and the locations in it that errors name: [`Text`].

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::Error;

/// A file's text.
pub(crate) struct Text {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Text {
    pub(super) fn read(path: &Path) -> Result<Text, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error {
            file: path.to_path_buf(),
            line: 0,
            reason: error.to_string(),
        })?;
        Ok(Text {
            path: path.to_path_buf(),
            text,
        })
    }

    /// The document in the text.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        toml::from_str(&self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let message = error.message();
            let reason = match self.key_before(span.start) {
                // The parser names the key of an unknown field, but not that of an invalid value.
                Some(key) if !message.contains(&format!("`{key}`")) => {
                    format!("field `{key}`: {message}")
                }
                _ => message.to_string(),
            };
            self.error(span, reason)
        })
    }

    pub(crate) fn error(&self, span: Range<usize>, reason: String) -> Error {
        let before = &self.text[..span.start.min(self.text.len())];
        Error {
            file: self.path.clone(),
            line: before.matches('\n').count() + 1,
            reason,
        }
    }

    /// The key whose value begins at or before `position`, on the same line.
    fn key_before(&self, position: usize) -> Option<&str> {
        let line_start = self.text[..position].rfind('\n').map_or(0, |at| at + 1);
        let (before, _) = self.text[line_start..position].rsplit_once('=')?;
        let key = before.trim_end().rsplit(['{', ',', ' ']).next()?.trim();
        (!key.is_empty()).then_some(key)
    }

    /// The span of a field in a table; the span of the table if the field is absent and its default was rejected.
    ///
    /// A table's span may cover only its header: fields are searched up to the next header.
    pub(crate) fn field(&self, table: Range<usize>, field: &str) -> Range<usize> {
        let mut start = table.start;
        for (index, line) in self.text[table.start..].split_inclusive('\n').enumerate() {
            if index > 0 && line.starts_with('[') {
                break;
            }
            let value = line.trim_start().strip_prefix(field);
            if value.is_some_and(|rest| rest.trim_start().starts_with('=')) {
                return start..start + line.len();
            }
            start += line.len();
        }
        table
    }
}
