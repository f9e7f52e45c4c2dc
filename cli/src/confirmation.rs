//! Asking before something that cannot simply be undone. It owns the question and the answer, and does not know what the
//! question is about.

use std::io::{self, BufRead, IsTerminal as _, Write};

use crate::{error::CliError, output::Output, terminal::printable};

/// Whether to ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confirmation {
    ask: bool,
}

impl Confirmation {
    /// Asks on the terminal unless `yes`.
    ///
    /// # Errors
    /// If standard input or standard error is not a terminal. Checked before anything is sent, so that a script always fails,
    /// and not only when there is something to confirm.
    pub(crate) fn new(yes: bool, hint: &str) -> Result<Self, CliError> {
        if yes || (io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Ok(Self { ask: !yes });
        }
        Err(CliError::usage("confirmation required, but there is no terminal to ask on").hint(hint))
    }

    /// Asks the question, and fails unless the answer is yes.
    pub(crate) async fn require(self, question: &str, out: &mut Output) -> Result<(), CliError> {
        if !self.ask {
            return Ok(());
        }
        // The preview that the question is about may still be buffered.
        out.finish()?;
        let question = format!("{} [y/N] ", printable(question));
        // On a thread of its own, so that the connection to the daemon stays alive while the person thinks.
        let confirmed = tokio::task::spawn_blocking(move || ask(&question, io::stdin().lock(), io::stderr()))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| CliError::general(format!("cannot ask for confirmation: {error}")))?;
        if confirmed { Ok(()) } else { Err(CliError::general("not confirmed; nothing was changed")) }
    }
}

/// Returns whether the answer is yes. End of input is no.
fn ask(question: &str, mut answers: impl BufRead, mut terminal: impl Write) -> io::Result<bool> {
    terminal.write_all(question.as_bytes())?;
    terminal.flush()?;
    let mut answer = String::new();
    if answers.read_line(&mut answer)? == 0 {
        // Ends our line, so that the shell's prompt begins on a new one.
        terminal.write_all(b"\n")?;
    }
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_confirms() {
        let confirms = |answer: &str| ask("Do it? ", answer.as_bytes(), io::sink()).expect("an answer");
        for yes in ["y\n", "Y\n", "yes\n", " YES \r\n", "y"] {
            assert!(confirms(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yess\n", "ja\n", "\ny\n"] {
            assert!(!confirms(no), "{no:?}");
        }
    }
}
