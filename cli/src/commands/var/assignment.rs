//! `KEY=VALUE`, `KEY=@FILE` and `KEY=-`: what is written on the command line, and the text that it stands for.

use std::{
    fs::File,
    io::{self, Read},
};

use kontraktor_model::{limits::MAX_VALUE_BYTES, names::Key};

use crate::{commands::put::split, error::CliError};

/// One assignment as written.
struct Assignment {
    key: Key,
    text: String,
}

const FORM: &str = "write KEY=VALUE, KEY=@FILE, or KEY=- for standard input; KEY= sets an empty value";

impl Assignment {
    fn of(argument: &str) -> Result<Self, CliError> {
        let (key, text) = split(argument, FORM)?;
        Ok(Self { key, text: text.to_owned() })
    }

    fn is_stdin(&self) -> bool {
        self.text == "-"
    }

    /// The value. What comes from a file or from standard input is kept to the byte, a line break at the end included.
    fn value(&self) -> Result<String, CliError> {
        if self.is_stdin() {
            return self.read("standard input", &mut io::stdin().lock());
        }
        match self.text.strip_prefix('@') {
            None => Ok(self.text.clone()),
            Some("") => Err(CliError::usage(format!("{}: no file is named after @", self.key)).hint(LITERAL)),
            Some(path) => {
                let mut file = File::open(path).map_err(|error| {
                    CliError::usage(format!("{}: cannot open {path}: {error}", self.key)).hint(LITERAL)
                })?;
                self.read(path, &mut file)
            }
        }
    }

    fn read(&self, source: &str, reader: &mut impl Read) -> Result<String, CliError> {
        let mut bytes = Vec::new();
        // One byte more than is allowed shows that there is more; the rest of something endless is never read.
        let most = u64::try_from(MAX_VALUE_BYTES + 1).unwrap_or(u64::MAX);
        reader
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|error| CliError::usage(format!("{}: cannot read {source}: {error}", self.key)))?;
        if bytes.len() > MAX_VALUE_BYTES {
            let message =
                format!("{}: {source} is too long: a value has at most {MAX_VALUE_BYTES} bytes", self.key);
            return Err(CliError::usage(message));
        }
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            CliError::usage(format!("{}: {source} is not valid UTF-8 at byte {at}", self.key))
                .hint("encode it, for example with base64")
        })
    }
}

const LITERAL: &str = "with --literal every value is taken as it is written";

/// The keys and values that these arguments stand for.
pub(super) fn resolve(arguments: &[String], literal: bool) -> Result<Vec<(Key, String)>, CliError> {
    let assignments: Vec<_> = arguments.iter().map(|it| Assignment::of(it)).collect::<Result<_, _>>()?;
    let mut keys: Vec<_> = assignments.iter().map(|assignment| &assignment.key).collect();
    keys.sort_unstable();
    if let Some([key, ..]) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CliError::usage(format!("{key} is set twice: name each key once")));
    }
    if !literal && assignments.iter().filter(|assignment| assignment.is_stdin()).count() > 1 {
        return Err(CliError::usage("more than one value is to come from standard input").hint(LITERAL));
    }
    assignments
        .into_iter()
        .map(|assignment| {
            let value = if literal { assignment.text } else { assignment.value()? };
            Ok((assignment.key, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(arguments: &[&str], literal: bool) -> Result<Vec<String>, CliError> {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Ok(resolve(&arguments, literal)?.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn the_first_equals_sign_counts() {
        assert_eq!(resolved(&["A=", "B==", "C=a=b", "D= x "], false).expect("good"), ["", "=", "a=b", " x "]);
        for bad in ["A", "=x", "9A=x"] {
            assert!(resolved(&[bad], false).is_err(), "{bad}");
        }
    }

    #[test]
    fn literal_values_are_taken_as_written() {
        assert_eq!(resolved(&["A=-", "B=@x", "C=-"], true).expect("good"), ["-", "@x", "-"]);
    }

    #[test]
    fn files_are_kept_to_the_byte() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            format!("A=@{}", path.display())
        };
        let text = write("text", b"a\r\nb\n");
        assert_eq!(resolved(&[&text], false).expect("good"), ["a\r\nb\n"]);
        let full = write("full", &vec![b'x'; MAX_VALUE_BYTES]);
        assert_eq!(resolved(&[&full], false).expect("good")[0].len(), MAX_VALUE_BYTES);
        for bad in
            [write("long", &vec![b'x'; MAX_VALUE_BYTES + 1]), write("binary", b"a\xff"), "A=@".to_owned()]
        {
            assert!(resolved(&[&bad], false).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_and_standard_input_occur_once() {
        assert!(resolved(&["A=1", "B=2", "A=3"], false).is_err());
        assert!(resolved(&["A=-", "B=-"], false).is_err());
    }
}
