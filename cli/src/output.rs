//! Standard output: text, tables and JSON. It owns colours, what control characters look like, and what is cut in a
//! table; it knows nothing of what it prints.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Stdout, Write as _},
    os::fd::AsFd as _,
};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::error::CliError;

/// Characters of one cell; longer ones are cut.
const MAX_CELL_CHARS: usize = 120;

/// The forms that listings have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; long values are cut.
    Table,
    /// For programs; stable, documented in the README.
    Json,
}

pub(crate) struct Output {
    writer: BufWriter<Stdout>,
    bold: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        let stdout = io::stdout();
        let bold = stdout.is_terminal() && colours_wanted();
        Self { writer: BufWriter::new(stdout), bold }
    }

    /// Exactly this text.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), CliError> {
        Ok(self.writer.write_all(text.as_bytes())?)
    }

    /// A secret, to the byte, past the buffers, which nobody wipes. On a terminal a line break follows, so that the prompt
    /// begins a line.
    pub(crate) fn secret(&mut self, value: &[u8]) -> Result<(), CliError> {
        self.writer.flush()?;
        let stdout = io::stdout();
        let mut file = File::from(stdout.as_fd().try_clone_to_owned()?);
        file.write_all(value)?;
        if stdout.is_terminal() && !value.ends_with(b"\n") {
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// One line that tells a person what was done.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), CliError> {
        Ok(writeln!(self.writer, "{}", printable(line))?)
    }

    /// JSON over several lines.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| CliError::general(format!("cannot write the output as JSON: {error}")))?;
        Ok(writeln!(self.writer, "{text}")?)
    }

    /// Columns under headings, or `nothing` where there are no rows.
    pub(crate) fn table<const N: usize>(
        &mut self,
        headings: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        nothing: &str,
    ) -> Result<(), CliError> {
        self.table_without(&[], headings, rows, nothing)
    }

    /// As [`Self::table`], without the columns among `optional` in which no row has anything.
    pub(crate) fn table_without<const N: usize>(
        &mut self,
        optional: &[&str],
        headings: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        nothing: &str,
    ) -> Result<(), CliError> {
        let rows: Vec<_> = rows.into_iter().collect();
        let shown: Vec<_> = (0..N)
            .filter(|column| {
                !optional.contains(&headings[*column]) || rows.iter().any(|row| !row[*column].is_empty())
            })
            .collect();
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(shown.iter().map(|column| headings[*column]));
        for row in rows {
            table.add_row(shown.iter().map(|column| shortened(&printable(&row[*column]))));
        }
        if table.is_empty() {
            return self.line(nothing);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for (index, line) in table.lines().enumerate() {
            let line = line.trim_end();
            if index == 0 && self.bold {
                writeln!(self.writer, "\x1b[1m{line}\x1b[0m")?;
            } else {
                writeln!(self.writer, "{line}")?;
            }
        }
        Ok(())
    }

    /// A remark that is no part of the output, on standard error.
    pub(crate) fn note(&mut self, note: &str) -> Result<(), CliError> {
        // Keeps the order that a person sees on a terminal.
        self.writer.flush()?;
        // Nothing depends on a remark.
        let _ = writeln!(io::stderr(), "note: {}", printable(note));
        Ok(())
    }

    /// Something that a person should know about the output, on standard error.
    pub(crate) fn warning(&mut self, warning: &str) -> Result<(), CliError> {
        self.writer.flush()?;
        warn(warning);
        Ok(())
    }

    /// Everything is written, or the error that kept it from being.
    pub(crate) fn finish(&mut self) -> Result<(), CliError> {
        Ok(self.writer.flush()?)
    }
}

/// As [`Output::warning`], for what goes on beside the output.
pub(crate) fn warn(warning: &str) {
    // Nothing depends on it.
    let _ = writeln!(io::stderr(), "warning: {}", printable(warning));
}

/// Whether colours may be used on a terminal, see [`colours_allowed`].
pub(crate) fn colours_wanted() -> bool {
    colours_allowed(env::var_os("NO_COLOR").as_deref(), env::var_os("TERM").as_deref())
}

/// Not with `NO_COLOR` (https://no-color.org: set and not empty), and not on a terminal that calls itself dumb.
fn colours_allowed(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

/// The text with everything escaped that would move the cursor, colour the terminal, or reorder what is shown.
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

/// Control characters, line separators, and the marks of bidirectional text that reorder what follows.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MAX_CELL_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_CELL_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_cannot_be_driven_by_values() {
        assert_eq!(printable("a\x1b[31mb\r\n\tc"), r"a\u{1b}[31mb\r\n\tc");
        assert_eq!(printable("\u{9b}2J \u{202e}txt"), r"\u{9b}2J \u{202e}txt");
        assert_eq!(printable("naïve 日本 😀 \"q\" \\"), "naïve 日本 😀 \"q\" \\");
    }

    #[test]
    fn colours_can_be_turned_off() {
        let allowed = |no_color: Option<&str>, term: Option<&str>| {
            colours_allowed(no_color.map(OsStr::new), term.map(OsStr::new))
        };
        assert!(allowed(None, None));
        assert!(allowed(Some(""), Some("xterm")));
        assert!(!allowed(Some("1"), Some("xterm")));
        assert!(!allowed(None, Some("dumb")));
    }

    #[test]
    fn long_cells_are_cut_between_characters() {
        assert_eq!(shortened(&"ü".repeat(MAX_CELL_CHARS)), "ü".repeat(MAX_CELL_CHARS));
        let cut = shortened(&"ü".repeat(MAX_CELL_CHARS + 1));
        assert_eq!((cut.chars().count(), cut.ends_with("ü…")), (MAX_CELL_CHARS, true));
    }
}
