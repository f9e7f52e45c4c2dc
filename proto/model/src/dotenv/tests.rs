use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use proptest::prelude::*;
use strum::VariantArray as _;

use super::*;

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

fn encoded(variables: &[(&str, &str)]) -> String {
    encode(Dialect::Shell, variables.iter().copied()).expect("good keys and values")
}

fn one(text: &str) -> String {
    let decoded = decode(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    decoded.get("A").unwrap_or_else(|| panic!("{text:?} has no A")).clone()
}

fn refusal(text: &str) -> String {
    decode(text).expect_err("it cannot be read").to_string()
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
        ("AT_THE_END", r"C:\"),
        ("SHARE", r"\\server\share"),
        ("QUOTE", "it's \"$5\" \\ `x`"),
        ("LINES", "one\ntwo\n"),
        ("UNICODE", "naïve"),
    ];
    insta::assert_snapshot!(encoded(&variables), @r#"
    PLAIN=eu-west-1
    EMPTY=
    SPACE='a b'
    HASH='a#b'
    DOLLAR='$HOME `id` $(id)'
    BACKSLASH='C:\new'
    AT_THE_END="C:\\"
    SHARE='\\server\share'
    QUOTE="it's \"\$5\" \\ \`x\`"
    LINES='one
    two
    '
    UNICODE='naïve'
    "#);
    insta::assert_snapshot!(encode(Dialect::Compose, variables).expect("all of it"), @r#"
    PLAIN=eu-west-1
    EMPTY=
    SPACE="a b"
    HASH="a#b"
    DOLLAR="\$HOME `id` \$(id)"
    BACKSLASH="C:\\new"
    AT_THE_END="C:\\"
    SHARE="\\\\server\\share"
    QUOTE="it's \"\$5\" \\ `x`"
    LINES="one
    two
    "
    UNICODE="naïve"
    "#);
    let fits = |dialect: Dialect| {
        let fitting = variables.into_iter().filter(|variable| encode(dialect, [*variable]).is_ok());
        encode(dialect, fitting).expect("each of them fits")
    };
    insta::assert_snapshot!(fits(Dialect::Dotenv), @r"
    PLAIN=eu-west-1
    EMPTY=
    SPACE='a b'
    HASH='a#b'
    DOLLAR='$HOME `id` $(id)'
    BACKSLASH='C:\new'
    LINES='one
    two
    '
    UNICODE='naïve'
    ");
    insta::assert_snapshot!(fits(Dialect::Docker), @r#"
    PLAIN=eu-west-1
    EMPTY=
    SPACE=a b
    HASH=a#b
    DOLLAR=$HOME `id` $(id)
    BACKSLASH=C:\new
    AT_THE_END=C:\
    SHARE=\\server\share
    QUOTE=it's "$5" \ `x`
    UNICODE=naïve
    "#);
}

#[test]
fn what_a_dialect_cannot_express_is_refused_by_key_and_dialect() {
    let refusal =
        |dialect, key, value| encode(dialect, [(key, value)]).expect_err("it cannot be written").to_string();
    insta::assert_snapshot!(refusal(Dialect::Shell, "db.host", "x"), @r#"db.host cannot be written in the dialect shell: a shell's names have only A-Z, a-z, 0-9 and "_""#);
    insta::assert_snapshot!(refusal(Dialect::Dotenv, "a-b", "x"), @r#"a-b cannot be written in the dialect dotenv: godotenv does not read a "-" in a key"#);
    for (value, dialects) in [
        ("${secret}", &[Dialect::Dotenv][..]),
        ("sec\\\\ret", &[Dialect::Dotenv]),
        ("secret\\", &[Dialect::Dotenv]),
        ("it's a \"secret\"", &[Dialect::Dotenv]),
        ("it's $secret", &[Dialect::Dotenv]),
        ("it's sec\\ret", &[Dialect::Dotenv]),
        ("sec\rret", &[Dialect::Dotenv]),
        ("secret\r", &[Dialect::Dotenv, Dialect::Docker]),
        ("sec\nret", &[Dialect::Docker]),
        ("it's a secret", &[]),
        ("$secret \"#\" \\x", &[]),
    ] {
        for dialect in Dialect::VARIANTS {
            let written = encode(*dialect, [("A", value)]);
            assert_eq!(written.is_err(), dialects.contains(dialect), "{value:?} in {dialect}: {written:?}");
            if let Err(error) = written {
                let message = error.to_string();
                assert!(
                    message.starts_with(&format!("A cannot be written in the dialect {dialect}: ")),
                    "{message}"
                );
                assert!(!message.contains("secret") && !message.contains("ret "), "{message}");
            }
        }
    }
    let long = "x".repeat(65_536);
    assert!(refusal(Dialect::Docker, "A", &long).ends_with("a line has at most 65535 bytes"));
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
        assert_eq!(sourced(&encoded(&[("V", value)])), value, "{value:?}");
    }
}

/// Infisical #3992: a private key that went out must come back with its lines.
#[test]
fn a_multi_line_value_keeps_its_lines_and_quotes() {
    let key = "-----BEGIN KEY-----\nMIIE+/ab==\n-----END KEY-----\n";
    for variables in [[("A", key), ("B", "'\"\n\"'")], [("A", "$x\n# no comment\n"), ("B", "\n")]] {
        let expected: BTreeMap<String, String> =
            variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(decode(&encoded(&variables)), Ok(expected));
    }
}

#[test]
fn what_people_write_is_read() {
    for (text, value) in [
        ("A=", ""),
        ("A=b", "b"),
        ("A=b=c", "b=c"),
        (" \tA = b \t", "b"),
        ("export A=b", "b"),
        ("export\t A = 'b'", "b"),
        ("# first\n\n  # second\nA=b", "b"),
        ("\u{feff}A=b", "b"),
        ("A=hello world", "hello world"),
        ("A=b # said", "b"),
        ("A=b#c", "b#c"),
        ("A=#c", "#c"),
        ("A= # said", ""),
        ("A='b' # said 'so'", "b"),
        ("A=\"b\"\t#said", "b"),
        ("A='b # c'", "b # c"),
        ("A=it's", "it's"),
        (r"A=C:\new", r"C:\new"),
        (r"A='C:\new\'", r"C:\new\"),
        (r#"A="a\nb\tc\\d\"e\$f\`g\'h\x""#, "a\nb\tc\\d\"e$f`g'h\\x"),
        ("A=$HOME", "$HOME"),
        ("A=\"${HOME}\"", "${HOME}"),
        ("A='${HOME}'", "${HOME}"),
        ("A='one\n\n two '\nB=c", "one\n\n two "),
        ("A=''", ""),
        ("A=\"\"", ""),
        ("A='ä \u{a0}'", "ä \u{a0}"),
    ] {
        assert_eq!(one(text), value, "{text:?}");
    }
    let both = decode("export=b\nexport A=c\nexport = d # again").expect_err("export is set twice");
    assert_eq!((both.line(), both.column()), (3, 1));
}

#[test]
fn files_of_windows_are_read_as_files() {
    let text = "\u{feff}# said\r\nA='one\r\ntwo'\r\nB=\"x\\r\\ny\r\nz\"\r\n\r\nC=c \r\n";
    let expected = [("A", "one\ntwo"), ("B", "x\r\ny\nz"), ("C", "c")];
    assert_eq!(
        decode(text),
        Ok(expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    );
    // One line that ends otherwise: the carriage return is part of the value.
    assert_eq!(one("A='one\r\ntwo'\nB=b\r\n"), "one\r\ntwo");
    assert_eq!(one("A='one\r\ntwo'"), "one\r\ntwo");
}

#[test]
fn refusals_point_at_the_place_and_never_repeat_a_value() {
    insta::assert_snapshot!(refusal("A=a\nSECRET"), @r#"line 2, column 7: missing "=" after the key; write KEY=value, and put a value of several lines in quotes"#);
    insta::assert_snapshot!(refusal("A=a\n  9x=b"), @r#"line 2, column 3: invalid key; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_", and put a value of several lines in quotes"#);
    insta::assert_snapshot!(refusal("Ä=ä\n"), @r#"line 1, column 1: invalid key; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_", and put a value of several lines in quotes"#);
    insta::assert_snapshot!(refusal("A='b'\nB='secret\nC=c\n"), @"line 2, column 3: unclosed quote; add the closing quote");
    insta::assert_snapshot!(refusal("A=\"secret\\"), @"line 1, column 3: unclosed quote; add the closing quote");
    insta::assert_snapshot!(refusal("A='it\\'s'"), @"line 1, column 8: unexpected text after the closing quote, where only a blank and a comment are allowed; put a value that contains a single quote in double quotes");
    insta::assert_snapshot!(refusal("A=\"ä\nb\" c\""), @r#"line 2, column 3: unexpected text after the closing quote, where only a blank and a comment are allowed; write a double quote inside the value as \""#);
    insta::assert_snapshot!(refusal("A='b'# c"), @"line 1, column 6: unexpected text after the closing quote, where only a blank and a comment are allowed; put a value that contains a single quote in double quotes");
    insta::assert_snapshot!(refusal("A=`id`"), @"line 1, column 3: a value begins with a backtick, which a shell would run as a command; put the value in single quotes");
    insta::assert_snapshot!(refusal("A=b\0c"), @"line 1, column 4: NUL character; remove it");
    insta::assert_snapshot!(refusal("A=b\rB=c"), @"line 1, column 4: carriage return without a line feed; end lines with LF or CRLF");
    insta::assert_snapshot!(refusal("A=b\n\nexport A=c"), @"line 3, column 8: duplicate key A, first set in line 1; keep one of them");
    insta::assert_snapshot!(refusal("A: b"), @r#"line 1, column 1: invalid key; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_", and put a value of several lines in quotes"#);
    let pem = "A=-----BEGIN KEY-----\nMIIEsecret+/==\n";
    let message = refusal(pem);
    assert!(message.starts_with("line 2, column 1") && !message.contains("MII"), "{message}");
}

#[test]
fn what_no_file_can_carry_is_refused_by_name() {
    let refusal =
        |key, value| encode(Dialect::Docker, [(key, value)]).expect_err("it cannot be written").to_string();
    insta::assert_snapshot!(refusal("a b", "v"), @r#"key has ' ' at character 2; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_""#);
    insta::assert_snapshot!(refusal("A", "se\0cret"), @"the value of A contains a NUL character at byte 2; remove it");
}

/// Anything, and much of what is awkward.
const VALUE: &str = "(?s)[^\0]{0,20}|['\"\\\\$`#\r\n\t =a]{0,10}|export [A-Z]=[^\0]{0,4}";

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(variables in prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,5}", VALUE, 0..6)) {
        for dialect in [Dialect::Dotenv, Dialect::Compose, Dialect::Shell] {
            let mut fitting = variables.clone();
            fitting.retain(|key, value| encode(dialect, [(key.as_str(), value.as_str())]).is_ok());
            prop_assert!(dialect == Dialect::Dotenv || fitting == variables);
            let text = encode(dialect, fitting.iter().map(|(key, value)| (key.as_str(), value.as_str()))).expect("each fits");
            prop_assert_eq!(decode(&text), Ok(fitting));
        }
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(text in "(?s)([A-C= \t#'\"\\\\\r\n`$é]|export ){0,30}") {
        if let Err(error) = decode(&text) {
            prop_assert!((1..=text.lines().count().max(1) + 1).contains(&error.line()));
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_shell_reads_anything_back(value in "(?s)[^\0]{0,20}|['\"\\\\$`#\n a!]{0,12}") {
        prop_assert_eq!(sourced(&encoded(&[("V", &value)])), value);
    }
}
