//! Standard output: text, tables and JSON. It owns the layout of tables, and knows nothing of what it prints.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Stdout, Write as _},
    os::fd::AsFd as _,
};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::{
    error::CliError,
    terminal::{printable, uses_color, warn},
    text::truncated,
};

/// Characters of one cell; longer ones are truncated.
const MAX_CELL_CHARS: usize = 120;

/// The output formats of listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; long values are truncated
    Table,
    /// For programs; stable, documented in the README
    Json,
}

pub(crate) struct Output {
    writer: BufWriter<Stdout>,
    color: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        let stdout = io::stdout();
        let color = uses_color(&stdout);
        Self { writer: BufWriter::new(stdout), color }
    }

    /// Prints exactly this text.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), CliError> {
        Ok(self.writer.write_all(text.as_bytes())?)
    }

    /// Prints a secret, byte for byte, bypassing buffers that are never wiped. On a terminal a line break follows, so that
    /// the prompt begins on a new line.
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

    /// Prints one line for a person.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), CliError> {
        Ok(writeln!(self.writer, "{}", printable(line))?)
    }

    /// Prints indented JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| CliError::general(format!("cannot serialize the output as JSON: {error}")))?;
        Ok(writeln!(self.writer, "{text}")?)
    }

    /// Prints JSON in one line.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value)
            .map_err(|error| CliError::general(format!("cannot serialize the output as JSON: {error}")))?;
        Ok(writeln!(self.writer, "{text}")?)
    }

    /// Prints columns under headings, or the line `empty` if there are no rows.
    pub(crate) fn table<const N: usize>(
        &mut self,
        headings: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        empty: &str,
    ) -> Result<(), CliError> {
        self.table_with_optional(&[], headings, rows, empty)
    }

    /// As [`Self::table`], without those of the `optional` columns that are empty in every row.
    pub(crate) fn table_with_optional<const N: usize>(
        &mut self,
        optional: &[&str],
        headings: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        empty: &str,
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
            table.add_row(shown.iter().map(|column| truncated(&printable(&row[*column]), MAX_CELL_CHARS)));
        }
        if table.is_empty() {
            return self.line(empty);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for (index, line) in table.lines().enumerate() {
            let line = line.trim_end();
            if index == 0 && self.color {
                writeln!(self.writer, "\x1b[1m{line}\x1b[0m")?;
            } else {
                writeln!(self.writer, "{line}")?;
            }
        }
        Ok(())
    }

    /// Prints a remark to standard error. Failing to do so is ignored.
    pub(crate) fn remark(&mut self, note: &str) -> Result<(), CliError> {
        // Keeps the order that a person sees on a terminal.
        self.writer.flush()?;
        let _ = writeln!(io::stderr(), "note: {}", printable(note));
        Ok(())
    }

    /// Prints a warning about the output to standard error. Failing to do so is ignored.
    pub(crate) fn warning(&mut self, warning: &str) -> Result<(), CliError> {
        self.writer.flush()?;
        warn(warning);
        Ok(())
    }

    /// Flushes the output.
    pub(crate) fn finish(&mut self) -> Result<(), CliError> {
        Ok(self.writer.flush()?)
    }
}
