//! Asking before something is done that cannot simply be undone. It owns the question and the answer; what is asked
//! about is the commands' affair.

use std::io::{self, BufRead, IsTerminal as _, Write};

use crate::{
    error::CliError,
    output::{Output, printable},
};

/// Whether to ask at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confirmation {
    asked: bool,
}

impl Confirmation {
    /// Asks on the terminal unless `yes`.
    ///
    /// # Errors
    /// Where there is nobody to ask: standard input or standard error is no terminal. Said before anything is sent, so
    /// that a script fails always and not only where there would have been something to do.
    pub(crate) fn new(yes: bool, hint: &str) -> Result<Self, CliError> {
        if yes || (io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Ok(Self { asked: !yes });
        }
        Err(CliError::usage("this asks before anything is changed, and there is no terminal to ask on")
            .hint(hint))
    }

    /// Returns where the answer is yes.
    pub(crate) async fn require(self, question: &str, out: &mut Output) -> Result<(), CliError> {
        if !self.asked {
            return Ok(());
        }
        // What the question is about may still be on its way to the terminal.
        out.finish()?;
        let question = format!("{} [y/N] ", printable(question));
        // In a thread of its own, so that the connection to the daemon is looked after while a person thinks.
        let answer = tokio::task::spawn_blocking(move || ask(&question, io::stdin().lock(), io::stderr()))
            .await
            .map_err(|error| CliError::general(format!("cannot ask: {error}")))?
            .map_err(|error| CliError::general(format!("cannot ask: {error}")))?;
        if answer { Ok(()) } else { Err(CliError::general("not confirmed: nothing was changed")) }
    }
}

/// No answer is no.
fn ask(question: &str, mut answers: impl BufRead, mut terminal: impl Write) -> io::Result<bool> {
    terminal.write_all(question.as_bytes())?;
    terminal.flush()?;
    let mut answer = String::new();
    if answers.read_line(&mut answer)? == 0 {
        // The shell's prompt shall not stand in our line.
        terminal.write_all(b"\n")?;
    }
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        let said = |answer: &str| ask("Do it? ", answer.as_bytes(), io::sink()).expect("asked");
        for yes in ["y\n", "Y\n", "yes\n", " YES \r\n", "y"] {
            assert!(said(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yess\n", "ja\n", "\ny\n"] {
            assert!(!said(no), "{no:?}");
        }
    }
}
