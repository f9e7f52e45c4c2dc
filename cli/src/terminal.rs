//! What a terminal can show: colors, text without control characters, and warnings on standard error. It knows neither errors
//! nor commands.

use std::{
    env,
    ffi::OsStr,
    io::{self, IsTerminal, Write as _},
};

/// Returns whether to use color on `stream`: it is a terminal, and nothing disables color.
pub(crate) fn uses_color(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && allows_color(env::var_os("NO_COLOR").as_deref(), env::var_os("TERM").as_deref())
}

/// `NO_COLOR` disables color if it is set and not empty (https://no-color.org), and so does a dumb terminal.
fn allows_color(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

/// Returns the text with everything escaped that would move the cursor, color the terminal, or reorder what is shown.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_deceptive(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// As [`printable`], keeping line breaks.
pub(crate) fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// Control characters, line separators, and the marks of bidirectional text that reorder what follows.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Prints a warning to standard error. Failing to do so is ignored.
pub(crate) fn warn(warning: &str) {
    let _ = writeln!(io::stderr(), "warning: {}", printable(warning));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_control_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\r\n\tc"), r"a\u{1b}[31mb\r\n\tc");
        assert_eq!(printable("\u{9b}2J \u{202e}txt"), r"\u{9b}2J \u{202e}txt");
        assert_eq!(printable("naïve 日本 😀 \"q\" \\"), "naïve 日本 😀 \"q\" \\");
    }

    #[test]
    fn color_can_be_disabled() {
        let allows = |no_color: Option<&str>, term: Option<&str>| {
            allows_color(no_color.map(OsStr::new), term.map(OsStr::new))
        };
        assert!(allows(None, None));
        assert!(allows(Some(""), Some("xterm")));
        assert!(!allows(Some("1"), Some("xterm")));
        assert!(!allows(None, Some("dumb")));
    }
}
