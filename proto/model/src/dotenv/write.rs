//! Writing: how each dialect quotes a value, and what it cannot express.

use super::Dialect;
use crate::names::{Key, NameError};

/// The maximum length of a line for Docker, without its line break, in bytes (Go's `bufio.MaxScanTokenSize`).
const MAX_DOCKER_LINE: usize = 64 * 1024 - 1;

/// Variables that cannot be written. The text never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A key breaks the rule.
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
    /// The dialect has no spelling that its readers read back.
    #[error("{key} cannot be written in the dialect {dialect}: {obstacle}")]
    Inexpressible {
        /// Which variable it is.
        key: String,
        /// The dialect.
        dialect: Dialect,
        /// What is in the way.
        obstacle: Obstacle,
    },
}

/// What a dialect cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// A shell takes only such names.
    #[error("a shell's names have only A-Z, a-z, 0-9 and \"_\"")]
    ShellName,
    /// Some libraries do not read a hyphen in a name.
    #[error("godotenv does not read a \"-\" in a key")]
    Hyphen,
    /// A line ends at the first line break.
    #[error("a line break in a value ends it")]
    LineBreak,
    /// Readers remove a carriage return or replace it by a line feed.
    #[error("readers do not keep a carriage return in a value")]
    CarriageReturn,
    /// The reader's lines are limited.
    #[error("a line has at most {MAX_DOCKER_LINE} bytes")]
    TooLong,
    /// python-dotenv expands it in every kind of quotes.
    #[error("python-dotenv expands \"${{\" in a value, even in single quotes")]
    Expansion,
    /// python-dotenv reads a pair of backslashes as one.
    #[error("python-dotenv reads two backslashes as one")]
    BackslashPair,
    /// Readers take it for the escape of the closing quote.
    #[error("a backslash at the end of a value escapes the closing quote")]
    BackslashAtEnd,
    /// A value with a single quote needs double quotes, in which the libraries disagree about escapes.
    #[error(
        "a value with a single quote is written in double quotes, in which libraries read \", \\ and $ in different ways"
    )]
    MixedQuotes,
}

/// Returns the file's text, a line for each variable in the order given. [`super::decode`] reads back what is written for any
/// dialect but Docker's, which has no quotes.
///
/// # Errors
/// If a key breaks the rule of [`Key`], a value holds NUL, or the dialect cannot express a variable.
pub fn encode<'a>(
    dialect: Dialect,
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<String, EncodeError> {
    let mut out = String::new();
    for (key, value) in variables {
        Key::try_from(key)?;
        if let Some(position) = value.bytes().position(|byte| byte == 0) {
            return Err(EncodeError::Nul { key: key.to_owned(), position });
        }
        dialect.check(key, value).map_err(|obstacle| EncodeError::Inexpressible {
            key: key.to_owned(),
            dialect,
            obstacle,
        })?;
        out.push_str(key);
        out.push('=');
        dialect.write_value(value, &mut out);
        out.push('\n');
    }
    Ok(out)
}

impl Dialect {
    fn check(self, key: &str, value: &str) -> Result<(), Obstacle> {
        match self {
            Self::Shell if !is_shell_name(key) => Err(Obstacle::ShellName),
            Self::Docker if value.contains('\n') => Err(Obstacle::LineBreak),
            Self::Docker if value.ends_with('\r') => Err(Obstacle::CarriageReturn),
            Self::Docker if key.len() + 1 + value.len() > MAX_DOCKER_LINE => Err(Obstacle::TooLong),
            Self::Dotenv if key.contains('-') => Err(Obstacle::Hyphen),
            Self::Dotenv => check_for_libraries(value),
            Self::Docker | Self::Compose | Self::Shell => Ok(()),
        }
    }

    fn write_value(self, value: &str, out: &mut String) {
        match self {
            Self::Docker => out.push_str(value),
            _ if value.bytes().all(is_plain) => out.push_str(value),
            Self::Compose => write_escaped(value, &['\\', '"', '$'], out),
            // Some readers take a backslash at the end for the escape of the closing quote.
            Self::Shell if value.contains('\'') || value.ends_with('\\') => {
                write_escaped(value, &['\\', '"', '$', '`'], out);
            }
            // Nothing in it needs an escape.
            Self::Dotenv if value.contains('\'') => write_escaped(value, &[], out),
            Self::Shell | Self::Dotenv => {
                out.push('\'');
                out.push_str(value);
                out.push('\'');
            }
        }
    }
}

fn check_for_libraries(value: &str) -> Result<(), Obstacle> {
    if value.contains('\r') {
        Err(Obstacle::CarriageReturn)
    } else if value.contains("${") {
        Err(Obstacle::Expansion)
    } else if value.contains('\'') && value.contains(['"', '\\', '$']) {
        Err(Obstacle::MixedQuotes)
    } else if value.contains("\\\\") {
        Err(Obstacle::BackslashPair)
    } else if value.ends_with('\\') {
        Err(Obstacle::BackslashAtEnd)
    } else {
        Ok(())
    }
}

/// Writes a value in double quotes, with a backslash before each of these characters.
fn write_escaped(value: &str, escaped: &[char], out: &mut String) {
    out.push('"');
    for character in value.chars() {
        if escaped.contains(&character) {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// Returns whether it is a name by POSIX.1-2024, XBD 3.216.
fn is_shell_name(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && !key.is_empty()
}

/// Returns whether the byte means itself without quotes in every dialect.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b'@' | b'%' | b'+' | b',')
}
