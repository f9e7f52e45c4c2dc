//! Variables as lines that a POSIX shell reads back: `set -a; . ./file`.
//!
//! The dialect, on purpose the part that shells and the readers of dotenv files have in common: one `KEY=value` for
//! each variable; bare where the value is plain; in single quotes, and then literal, where it is not; in double quotes,
//! with `\` before `\`, `"`, `$` and the backtick, where the value itself has a single quote. Line breaks stand as they
//! are, inside quotes. Keys that no shell takes as a name are left out, because a shell would run such a line as a
//! command; only their names are listed, in comments. A value never stands in a comment: its second line would not be
//! one.

/// The file's text. Keys that were left out are returned beside it.
pub(crate) fn write<'a>(title: &str, variables: &[(&'a str, &str)]) -> (String, Vec<&'a str>) {
    let mut out = format!("# {title}\n");
    let mut left_out = Vec::new();
    for (key, value) in variables {
        if is_shell_name(key) {
            out.push_str(key);
            out.push('=');
            quote(value, &mut out);
        } else {
            left_out.push(*key);
            out.push_str("# left out, not a name for a shell: ");
            out.push_str(key);
        }
        out.push('\n');
    }
    (out, left_out)
}

/// A name by POSIX.1-2024, XBD 3.216.
fn is_shell_name(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && !key.is_empty()
}

fn quote(value: &str, out: &mut String) {
    if value.bytes().all(is_plain) {
        out.push_str(value);
    } else if value.contains('\'') {
        out.push('"');
        for character in value.chars() {
            if matches!(character, '\\' | '"' | '$' | '`') {
                out.push('\\');
            }
            out.push(character);
        }
        out.push('"');
    } else {
        out.push('\'');
        out.push_str(value);
        out.push('\'');
    }
}

/// What means itself without quotes in a shell and in every reader of dotenv files.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b'@' | b'%' | b'+' | b',')
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use proptest::prelude::*;

    use super::*;

    /// Reads the dialect as the module's text describes it.
    fn read(text: &str) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if rest.starts_with('#') {
                rest = rest.split_once('\n').expect("comments end").1;
                continue;
            }
            let (key, after) = rest.split_once('=').expect("a key");
            let mut value = String::new();
            let mut characters = after.char_indices();
            let quote = after.chars().next().filter(|first| matches!(first, '\'' | '"'));
            if quote.is_some() {
                characters.next();
            }
            rest = loop {
                let (at, character) = characters.next().expect("values end");
                match (quote, character) {
                    (None, '\n') => break &after[at + 1..],
                    (Some('"'), '\\') => value.push(characters.next().expect("an escaped character").1),
                    (Some(end), character) if end == character => {
                        break after[at + 1..].strip_prefix('\n').expect("a line break after the value");
                    }
                    (_, character) => value.push(character),
                }
            };
            variables.push((key.to_owned(), value));
        }
        variables
    }

    /// What a real shell makes of the one variable `V`.
    fn sourced(text: &str) -> String {
        let mut shell = Command::new("sh")
            .args(["-c", ". /dev/stdin; printf '%s' \"$V\""])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        shell.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("read by the shell");
        let output = shell.wait_with_output().expect("the shell ends");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    #[test]
    fn each_kind_of_quoting() {
        let variables = [
            ("PLAIN", "eu-west-1"),
            ("EMPTY", ""),
            ("SPACE", "a b"),
            ("HASH", "a#b"),
            ("DOLLAR", "$HOME `id` $(id)"),
            ("BACKSLASH", r"C:\new"),
            ("QUOTE", "it's \"$5\" \\ `x`"),
            ("LINES", "one\ntwo\n"),
            ("db.host", "first\nrm -rf /"),
            ("UNICODE", "naïve"),
        ];
        let (text, left_out) = write("infra-demo/dev at revision 7", &variables);
        assert_eq!(left_out, ["db.host"]);
        insta::assert_snapshot!(text, @r#"
        # infra-demo/dev at revision 7
        PLAIN=eu-west-1
        EMPTY=
        SPACE='a b'
        HASH='a#b'
        DOLLAR='$HOME `id` $(id)'
        BACKSLASH='C:\new'
        QUOTE="it's \"\$5\" \\ \`x\`"
        LINES='one
        two
        '
        # left out, not a name for a shell: db.host
        UNICODE='naïve'
        "#);
    }

    #[test]
    fn a_shell_reads_it_back() {
        for value in [
            "",
            "a b",
            "$HOME",
            "it's `id` $(id) \\\" !x",
            "one\n\ntwo\n#",
            "\\",
            "'",
            "\"",
            "~",
            "*",
            "a;b&c|d<e>",
        ] {
            // The command substitution of the shell's own script must not see a trailing line break: printf has none.
            assert_eq!(sourced(&write("t", &[("V", value)]).0), value, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(variables in prop::collection::vec(("[A-Z_][A-Z0-9_.-]{0,5}", "(?s)[^\0]{0,20}|['\"\\\\$`#\n a]{0,8}"), 0..5)) {
            let borrowed: Vec<_> = variables.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let (text, left_out) = write("t", &borrowed);
            let expected: Vec<_> = variables.iter().filter(|(key, _)| !key.contains(['.', '-'])).cloned().collect();
            prop_assert_eq!(left_out.len() + expected.len(), variables.len());
            prop_assert_eq!(read(&text), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_shell_reads_anything_back(value in "(?s)[^\0]{0,20}|['\"\\\\$`#\n a!]{0,12}") {
            prop_assert_eq!(sourced(&write("t", &[("V", &value)]).0), value);
        }
    }
}
