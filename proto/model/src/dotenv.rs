//! dotenv files: variables as lines of `KEY=value`, written for one kind of reader, and read without expanding anything.
//!
//! # What is written
//! Readers of such files disagree, so each [`Dialect`] is for readers that agree, and what they do not read back is an error
//! that names the key and the dialect.
//!
//! - [`Dialect::Dotenv`] is what the libraries have in common: python-dotenv, dotenv for Node and `node --env-file`, and
//!   godotenv. Values are bare where they are plain, and otherwise in single quotes, or in double quotes if they contain a
//!   single quote. The libraries disagree about escapes, so there are none: `${`, a pair of backslashes, a backslash at the
//!   end, a carriage return, and a single quote together with `"`, `\` or `$` cannot be written.
//! - [`Dialect::Docker`] is for `docker run --env-file`: everything after the `=` is the value, quotes too. A value has no
//!   line break.
//! - [`Dialect::Compose`] is for Docker Compose's `env_file` and `.env`: values that are not plain are in double quotes, with
//!   `\` before `\`, `"` and `$`.
//! - [`Dialect::Shell`] is for `set -a; . ./file` in a POSIX shell: single quotes, or double quotes with `\` before `\`, `"`,
//!   `$` and the backtick. Keys are names for a shell.
//!
//! Line breaks are kept as they are, inside quotes.
//!
//! # What is read
//! - `KEY=value`, with `export` before it and blanks around the `=` or not; empty lines; lines that begin with `#`.
//! - Bare values go to the end of the line, without the blanks around them; ` #` begins a comment, a `#` inside a word
//!   does not. They are literal.
//! - Single quotes are literal up to the next one. In double quotes `\n`, `\r`, `\t`, `\\`, `\"`, `\'`, `\$` and `` \` ``
//!   have their usual meaning; any other backslash is literal. Both may span lines. After the closing
//!   quote only a comment may follow.
//! - Lines end with LF or CRLF; where all do with CRLF, so do those inside quotes, and they are read as LF. A byte order
//!   mark is skipped.
//! - Nothing is expanded: `$HOME` is five characters.
//! - A key that occurs twice is an error. Other readers silently use the last one.
//!
//! No error ever repeats a value, nor a key that breaks the rule, which may well be a line of a value.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use self::read::{DecodeError, decode};
pub use self::write::{EncodeError, Obstacle, encode};

use strum::{Display, EnumString, VariantArray};

/// The readers that a file is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Display, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Dialect {
    /// The dotenv libraries of Python, Node and Go.
    #[default]
    Dotenv,
    /// `docker run --env-file`.
    Docker,
    /// Docker Compose.
    Compose,
    /// A POSIX shell.
    Shell,
}
