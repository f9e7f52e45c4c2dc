//! `KEY=VALUE`, `KEY=@FILE` and `KEY=-`: assignments as they are written on the command line, and the values they stand for.

use std::{
    fs::File,
    io::{self, Read},
};

use kontraktor_model::{limits::MAX_VALUE_BYTES, names::Key};

use crate::{
    commands::writes::{duplicate_key, split_assignment},
    error::CliError,
};

const RULE: &str = "invalid assignment: expected KEY=VALUE, KEY=@FILE, or KEY=- for standard input";
const LITERAL_HINT: &str = "add --literal to use every VALUE as it is written";

/// One assignment as it is written.
struct Assignment {
    key: Key,
    text: String,
}

impl Assignment {
    fn parse(argument: &str) -> Result<Self, CliError> {
        let (key, text) = split_assignment(argument, RULE)?;
        Ok(Self { key, text: text.to_owned() })
    }

    fn is_stdin(&self) -> bool {
        self.text == "-"
    }

    /// Returns the value. Files and standard input are kept byte for byte, including a line break at the end.
    fn value(&self) -> Result<String, CliError> {
        if self.is_stdin() {
            return self.read("standard input", &mut io::stdin().lock());
        }
        match self.text.strip_prefix('@') {
            None => Ok(self.text.clone()),
            Some("") => {
                Err(CliError::usage(format!("{}: missing file name after @", self.key)).hint(LITERAL_HINT))
            }
            Some(path) => {
                let mut file = File::open(path).map_err(|error| {
                    CliError::usage(format!("{}: cannot open {path}: {error}", self.key)).hint(LITERAL_HINT)
                })?;
                self.read(path, &mut file)
            }
        }
    }

    fn read(&self, source: &str, reader: &mut impl Read) -> Result<String, CliError> {
        let mut bytes = Vec::new();
        // One byte above the limit shows that there is more; the rest of an endless source is never read.
        let max_read = u64::try_from(MAX_VALUE_BYTES + 1).unwrap_or(u64::MAX);
        reader
            .take(max_read)
            .read_to_end(&mut bytes)
            .map_err(|error| CliError::usage(format!("{}: cannot read {source}: {error}", self.key)))?;
        if bytes.len() > MAX_VALUE_BYTES {
            let message = format!(
                "{}: {source} is too long; the limit for a value is {MAX_VALUE_BYTES} bytes",
                self.key
            );
            return Err(CliError::usage(message));
        }
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            CliError::usage(format!("{}: {source} is not valid UTF-8 at byte {at}", self.key))
                .hint("encode the value, for example in base64")
        })
    }
}

/// Returns the keys and values that the arguments stand for.
pub(super) fn resolve(arguments: &[String], literal: bool) -> Result<Vec<(Key, String)>, CliError> {
    let assignments: Vec<_> =
        arguments.iter().map(|argument| Assignment::parse(argument)).collect::<Result<_, _>>()?;
    let mut keys: Vec<_> = assignments.iter().map(|assignment| &assignment.key).collect();
    keys.sort_unstable();
    if let Some([key, ..]) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(duplicate_key(key));
    }
    if !literal && assignments.iter().filter(|assignment| assignment.is_stdin()).count() > 1 {
        return Err(CliError::usage("only one value can be read from standard input").hint(LITERAL_HINT));
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
        assert_eq!(
            resolved(&["A=", "B==", "C=a=b", "D= x "], false).expect("valid"),
            ["", "=", "a=b", " x "]
        );
        for invalid in ["A", "=x", "9A=x"] {
            assert!(resolved(&[invalid], false).is_err(), "{invalid}");
        }
    }

    #[test]
    fn literal_values_are_used_as_written() {
        assert_eq!(resolved(&["A=-", "B=@x", "C=-"], true).expect("valid"), ["-", "@x", "-"]);
    }

    #[test]
    fn files_are_kept_byte_for_byte() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).expect("a writable directory");
            format!("A=@{}", path.display())
        };
        let text = write("text", b"a\r\nb\n");
        assert_eq!(resolved(&[&text], false).expect("valid"), ["a\r\nb\n"]);
        let full = write("full", &vec![b'x'; MAX_VALUE_BYTES]);
        assert_eq!(resolved(&[&full], false).expect("valid")[0].len(), MAX_VALUE_BYTES);
        for invalid in
            [write("long", &vec![b'x'; MAX_VALUE_BYTES + 1]), write("binary", b"a\xff"), "A=@".to_owned()]
        {
            assert!(resolved(&[&invalid], false).is_err(), "{invalid}");
        }
    }

    #[test]
    fn keys_and_standard_input_occur_once() {
        assert!(resolved(&["A=1", "B=2", "A=3"], false).is_err());
        assert!(resolved(&["A=-", "B=-"], false).is_err());
    }
}
