//! `encoders` has a property test over encoders written anew, `tools` what real tools printed.

mod encoders;
mod tools;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;

use super::{
    forms::{Form, Kind},
    masker::MASK,
    *,
};

/// Masks the first bytes of a text in one go, straight from the definition.
fn naive(patterns: &[&[u8]], text: &[u8], first: usize) -> Vec<u8> {
    let mut secret = vec![false; text.len()];
    for pattern in patterns {
        for at in 0..(text.len() + 1).saturating_sub(pattern.len()) {
            if text[at..].starts_with(pattern) {
                secret[at..at + pattern.len()].fill(true);
            }
        }
    }
    let mut out = Vec::new();
    for at in 0..first {
        if !secret[at] {
            out.push(text[at]);
        } else if at == 0 || !secret[at - 1] {
            out.extend_from_slice(MASK);
        }
    }
    out
}

/// Returns how many bytes at the end of the text may still become a pattern.
fn open(patterns: &[&[u8]], text: &[u8]) -> usize {
    let longest = patterns.iter().map(|pattern| pattern.len() - 1).max().unwrap_or_default();
    let begins =
        |end: &[u8]| patterns.iter().any(|pattern| pattern.len() > end.len() && pattern.starts_with(end));
    (0..=longest.min(text.len()))
        .rev()
        .find(|length| begins(&text[text.len() - length..]))
        .unwrap_or_default()
}

fn masker(patterns: &[&[u8]]) -> Masker {
    let form = |pattern: &&[u8]| Form { kind: Kind::Text, text: pattern.to_vec().into() };
    let forms: Vec<_> = patterns.iter().map(form).collect();
    Masker::new(Arc::new(Matcher::new(&forms)))
}

/// Masks a text with all forms of these secrets.
fn masked(secrets: &[&str], text: &str) -> String {
    let (secrets, _) = Secrets::new(secrets.iter().map(|secret| secret.as_bytes()));
    let mut masker = secrets.masker();
    let mut out = Vec::new();
    masker.push(text.as_bytes(), &mut out);
    masker.finish(&mut out);
    String::from_utf8(out).expect("UTF-8")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn wherever_a_text_is_cut_it_is_masked_as_a_whole(
        patterns in prop::collection::vec("[abc]{2,7}", 0..6),
        pieces in prop::collection::vec("[abcd]{0,9}", 0..8),
    ) {
        let patterns: Vec<_> = patterns.iter().map(String::as_bytes).collect();
        let mut masker = masker(&patterns);
        let (mut text, mut out) = (Vec::new(), Vec::new());
        for piece in pieces {
            text.extend_from_slice(piece.as_bytes());
            masker.push(piece.as_bytes(), &mut out);
            // Only what may still become a secret is held back.
            let certain = naive(&patterns, &text, text.len() - open(&patterns, &text));
            prop_assert!(out.starts_with(&certain), "{out:?} {certain:?}");
            prop_assert!(naive(&patterns, &text, text.len()).starts_with(&out));
        }
        masker.finish(&mut out);
        prop_assert_eq!(out, naive(&patterns, &text, text.len()));
    }
}

#[test]
fn overlapping_secrets_are_masked_as_one() {
    assert_eq!(masked(&["abcdef", "defghi"], "xabcdefghix"), "x***x");
    assert_eq!(masked(&["abcdef", "bcde"], "abcdef bcde abcde"), "*** *** a***");
    assert_eq!(masked(&["aaaa"], "aaaaaaa aaa"), "*** aaa");
    // Adjacent ones too, which does not reveal how many there are.
    assert_eq!(masked(&["abcd"], "abcdabcd"), "***");
}

#[test]
fn only_what_may_become_a_secret_is_held_back() {
    let mut masker = masker(&[b"hunter2"]);
    let mut push = |text: &str| {
        let mut out = Vec::new();
        masker.push(text.as_bytes(), &mut out);
        String::from_utf8(out).expect("UTF-8")
    };
    assert_eq!(push("Password: "), "Password: ");
    assert_eq!(push("hunte"), "");
    assert_eq!(push("d down"), "hunted down");
    assert_eq!(push("hunter2"), "***");
    assert_eq!(push("hunter"), "");
    assert_eq!(push("2!\n"), "!\n");
}

#[test]
fn a_secret_that_begins_a_longer_one_is_masked_at_once() {
    let mut masker = masker(&[b"hunter", b"hunter2000"]);
    let mut push = |text: &str| {
        let mut out = Vec::new();
        masker.push(text.as_bytes(), &mut out);
        String::from_utf8(out).expect("UTF-8")
    };
    assert_eq!(push("a hunter"), "a ***");
    assert_eq!(push("20"), "");
    assert_eq!(push("00 b"), " b");
    assert_eq!(push("hunter20"), "***");
    assert_eq!(push("!"), "20!");
}

#[test]
fn every_form_of_a_secret_is_masked() {
    let secret = "p&ss wörd/\"1\"";
    let base64 = |text: &str| STANDARD.encode(text);
    for form in [
        secret.to_owned(),
        "p%26ss%20w%C3%B6rd%2F%221%22".to_owned(),
        "p%26ss+w%c3%b6rd%2f%221%22".to_owned(),
        "p%26ss%20w%C3%B6rd/%221%22".to_owned(),
        "p&ss wörd/\\\"1\\\"".to_owned(),
        "p\\u0026ss wörd/\\\"1\\\"".to_owned(),
        "p&ss w\\u00f6rd/\\\"1\\\"".to_owned(),
        base64(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ] {
        assert_eq!(masked(&[secret], &format!("<{form}>")), "<***>", "{form}");
    }
    // Inside a longer text, wherever it begins: what is left depends on the neighboring bytes too.
    for user in ["u", "us", "use", "user"] {
        let out = masked(&[secret], &base64(&format!("{user}:{secret}:x")));
        let shown: usize = out.split("***").map(str::len).sum();
        assert!(out.matches("***").count() == 1 && shown <= base64(user).len() + 8, "{user} {out}");
    }
}

#[test]
fn lines_and_strings_of_a_secret_are_masked_separately() {
    let pem = "-----BEGIN KEY-----\r\nMIIEvQIBADANBg\r\nshort\r\n-----END KEY-----\n";
    assert_eq!(masked(&[pem], "a MIIEvQIBADANBg b short"), "a *** b short");
    assert_eq!(masked(&[pem], pem), "***\n");
    let json =
        r#"{"user": "app", "password": "correct horse", "more": ["line one\nline two!"], "port": 12345678}"#;
    assert_eq!(masked(&[json], "app: correct horse, line two! 12345678"), "app: ***, *** 12345678");
    assert_eq!(masked(&[json], json), "***");
}

#[test]
fn white_space_at_the_ends_of_a_secret_does_not_matter() {
    assert_eq!(masked(&["hunter2\n"], "a hunter2 b"), "a *** b");
    assert_eq!(masked(&["  hunter2"], &STANDARD.encode("hunter2")), "***");
    assert_eq!(masked(&["      "], "a      b"), "a      b");
}

#[test]
fn every_form_of_every_part_of_a_secret_is_masked() {
    let password = "k9#Lm$2pQ!xz&7Wd";
    let json = format!(r#"{{"username":"app_user","port":5432,"more":[{{"password":"{password}"}}]}}"#);
    let twice = format!(r#"{{"config":{}}}"#, serde_json::to_string(&json).expect("JSON"));
    for secret in [&json, &twice, &format!("first line of it\n{password}\nlast line")] {
        for form in [
            password.to_owned(),
            "k9%23Lm%242pQ%21xz%267Wd".to_owned(),
            "k9#Lm$2pQ!xz\\u00267Wd".to_owned(),
            "k9\\#Lm\\$2pQ\\!xz\\&7Wd".to_owned(),
            "k9#Lm$$2pQ!xz&amp;7Wd".to_owned(),
            "6b39234c6d24327051".to_owned() + "21787a26375764",
            STANDARD.encode(password),
            STANDARD.encode(format!("{password}\n")),
        ] {
            assert_eq!(masked(&[secret], &format!("<{form}>")), "<***>");
        }
        let basic = masked(&[secret], &format!("Basic {}", STANDARD.encode(format!("app:{password}"))));
        assert_eq!(basic.matches("***").count(), 1);
        assert!(basic.len() <= "Basic YXBwOm***ZA==".len(), "{basic}");
    }
}

#[test]
fn what_is_not_a_string_in_json_is_not_masked() {
    let json = r#"{"on": true, "port": 54321, "none": null, "nested": {"list": [98765432, false]}}"#;
    assert_eq!(
        masked(&[json], "true 54321 null 98765432 false on nested"),
        "true 54321 null 98765432 false on nested"
    );
    // All of a secret is masked, whatever it is.
    assert_eq!(masked(&["54321", "true", "\"abcd\""], "true 54321 abcd"), "*** *** ***");
}

#[test]
fn short_secrets_and_strings_are_reported_and_not_masked() {
    let values: [&[u8]; 7] = [
        b"abc",
        b"",
        b"abcd",
        b"ab\n\n",
        b"    ",
        br#"{"a":"xyz","b":["", "xy", "long enough"]}"#,
        b"{\"a\":1}",
    ];
    let (secrets, short) = Secrets::new(values);
    assert_eq!(
        short,
        [(0, TooShort::Secret), (3, TooShort::Secret), (4, TooShort::Secret), (5, TooShort::Strings(2))]
    );
    assert!(!secrets.is_empty());
    let (nothing, short) = Secrets::new([&b"x"[..], b""]);
    assert!(nothing.is_empty());
    assert_eq!(short, [(0, TooShort::Secret)]);
}

#[test]
fn lines_may_be_broken_anywhere() {
    let secret = "correct-horse-battery-staple";
    for text in [
        "correct-horse-\nbattery-staple",
        "correct-horse-\r\n      battery-sta\r\n      ple",
        "correct-horse-\\\n    battery-staple",
        "correct-horse-' +\n  'battery-staple",
        "correct-horse=\n-battery-staple",
        "correct-horse\\n-battery-staple",
    ] {
        assert_eq!(masked(&[secret], &format!("<{text}>")), "<***>", "{text}");
    }
    // So little before the break is not held back, and stays visible.
    assert_eq!(masked(&[secret], "<corr\nect-horse-battery-staple>"), "<corr\n***>");
    // A line that only ends like the beginning of a secret is printed at once.
    let (secrets, _) = Secrets::new([secret.as_bytes()]);
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"abc\ncorr\n", &mut out);
    assert_eq!(out, b"abc\ncorr\n");
}

/// A prompt may end with what begins an escape.
#[test]
fn an_escape_alone_is_not_held_back() {
    let (secrets, _) = Secrets::new([&b"hunter2!"[..]]);
    for prompt in ["100%", "C:\\", "a &", "value=", "host% ", "\""] {
        let (mut masker, mut out) = (secrets.masker(), Vec::new());
        masker.push(prompt.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), prompt);
    }
    assert_eq!(masked(&["hunter2!"], "%68%75%6e%74%65%72%32%21"), "%***");
}

/// What is held back is bounded, however long a gap or an escape is.
#[test]
fn no_text_is_held_back_without_end() {
    let (secrets, _) = Secrets::new([&b"correct-horse-battery"[..]]);
    for end in ["\n ", "\\"] {
        let text = format!("correct-horse{}", end.repeat(20_000));
        let (mut masker, mut out) = (secrets.masker(), Vec::new());
        masker.push(text.as_bytes(), &mut out);
        assert!(out.len() + 2_000 > text.len(), "{}", out.len());
    }
}

#[test]
fn bytes_that_are_not_utf8_are_masked_too() {
    let (secrets, short) = Secrets::new([&b"\xff\0\x01\xfe"[..]]);
    assert!(short.is_empty());
    let (mut masker, mut out) = (secrets.masker(), Vec::new());
    masker.push(b"a\xff\0", &mut out);
    masker.push(b"\x01\xfeb", &mut out);
    masker.finish(&mut out);
    assert_eq!(out, b"a***b");
}
