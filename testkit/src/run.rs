//! A finished command: its exit code and its output.

use std::process::{Command, Stdio};

/// A finished command.
#[derive(Debug)]
pub struct Run {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Runs a command to its end, with nothing on standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn of(command: &mut Command) -> Self {
        let line = format!("{command:?}")
            .split('"')
            .filter(|part| !part.trim().is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let output = command
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{line}: cannot be started: {error}"));
        Self {
            line,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts that the command succeeded.
    ///
    /// # Panics
    /// With its output, when it failed.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{} failed\n{}\n{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Asserts that the command failed.
    ///
    /// # Panics
    /// With its output, when it succeeded.
    #[track_caller]
    pub fn fails(self) -> Self {
        assert_ne!(self.code, 0, "{} should have failed\n{}\n{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Returns the lines of standard error without those of the daemon's log, which are JSON.
    pub fn report(&self) -> String {
        self.stderr.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n")
    }

    /// Returns all output with terraform's box drawing and line breaks folded into single spaces, so that a message can be
    /// searched however it was wrapped.
    pub fn text(&self) -> String {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        let words =
            all.split(|c: char| c.is_whitespace() || "│╷╵".contains(c)).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }

    /// Asserts that the folded text contains each of these parts.
    ///
    /// # Panics
    /// Naming the part that is missing.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        let text = self.text();
        for part in parts {
            assert!(
                text.contains(part),
                "{}: expected {part:?} in\n{}\n{}",
                self.line,
                self.stdout,
                self.stderr
            );
        }
        self
    }
}
