//! Writing: which quotes a value needs, and files made of such lines.

use crate::names::{Key, NameError};

/// Variables that cannot be written as a dotenv file. The text never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A key against the rule.
    #[error("{0}")]
    Key(#[from] NameError),
    /// No reader of such files can carry NUL.
    #[error("the value of {key} contains a NUL character at byte {position}; remove it")]
    Nul {
        /// Whose value it is.
        key: String,
        /// Where in the value, counted from 0.
        position: usize,
    },
}

/// The file's text, a line for each variable in the order given, which [`super::decode`] reads back.
///
/// # Errors
/// Where a key breaks the rule of [`Key`], or a value holds NUL.
pub fn encode<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<String, EncodeError> {
    let mut out = String::new();
    for (key, value) in variables {
        Key::try_from(key)?;
        if let Some(position) = value.bytes().position(|byte| byte == 0) {
            return Err(EncodeError::Nul { key: key.to_owned(), position });
        }
        write_line(key, value, &mut out);
    }
    Ok(out)
}

/// A file for a shell to read, and the keys that are not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellFile<'a> {
    /// The text.
    pub text: String,
    /// Keys that no shell takes as a name. A shell would run such a line as a command, so only their names are listed,
    /// in comments. A value is never written in a comment: its second line would not be one.
    pub left_out: Vec<&'a str>,
}

/// A file with a title, which is one line, and a line for each variable. Keys keep the rule of [`Key`], and values
/// hold no NUL.
pub fn for_shell<'a>(title: &str, variables: &[(&'a str, &str)]) -> ShellFile<'a> {
    let mut text = format!("# {title}\n");
    let mut left_out = Vec::new();
    for (key, value) in variables {
        if is_shell_name(key) {
            write_line(key, value, &mut text);
        } else {
            left_out.push(*key);
            text.push_str("# left out, not a name for a shell: ");
            text.push_str(key);
            text.push('\n');
        }
    }
    ShellFile { text, left_out }
}

/// A name by POSIX.1-2024, XBD 3.216.
fn is_shell_name(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && !key.is_empty()
}

fn write_line(key: &str, value: &str, out: &mut String) {
    out.push_str(key);
    out.push('=');
    if value.bytes().all(is_plain) {
        out.push_str(value);
    } else if value.contains('\'') || value.ends_with('\\') {
        out.push('"');
        for character in value.chars() {
            if matches!(character, '\\' | '"' | '$' | '`') {
                out.push('\\');
            }
            out.push(character);
        }
        out.push('"');
    } else {
        out.push('\'');
        out.push_str(value);
        out.push('\'');
    }
    out.push('\n');
}

/// What means itself without quotes in a shell and in every reader of dotenv files.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b'@' | b'%' | b'+' | b',')
}
