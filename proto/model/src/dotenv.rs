//! dotenv files: variables as lines of `KEY=value`, written so that a POSIX shell and the readers of such files agree, and
//! read without expanding anything.
//!
//! # What is written
//! The part that shells (`set -a; . ./file`), Docker Compose and the dotenv libraries have in common: bare where the
//! value is plain; in single quotes, and then literal, where it is not; in double quotes, with `\` before `\`, `"`, `$`
//! and the backtick, where single quotes do not do: the value has a single quote, or ends with a backslash, which some
//! readers take for the escape of the closing quote. Line breaks are written as they are, inside quotes.
//!
//! A shell and [`decode`] read everything back. Where the readers disagree, no spelling serves them all: Node's dotenv
//! leaves the backslashes of escapes in double quotes, Docker Compose and python-dotenv that before a backtick, and
//! python-dotenv also that before `$`; python-dotenv halves double backslashes and expands `${NAME}` even in single
//! quotes; a carriage return is a line feed to most.
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
pub use self::write::{EncodeError, ShellFile, encode, for_shell};
