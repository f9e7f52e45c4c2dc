//! Random secrets, written as tools write them, in random pieces. The encoders are written anew here, so that a mistake in
//! the list of spellings is not made twice.

use std::fmt::Write as _;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;

use super::Secrets;

/// What an encoder made of a secret, and how many bytes of that may stay visible.
struct Encoded {
    text: String,
    visible: usize,
}

/// An escape's first character stays visible.
fn escaped(text: String) -> Encoded {
    Encoded { text, visible: 1 }
}

fn each(secret: &str, write: impl Fn(char, &mut String)) -> String {
    secret.chars().fold(String::new(), |mut text, character| {
        write(character, &mut text);
        text
    })
}

fn percent(secret: &str, plain: &str, lower: bool) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            text.push(char::from(byte));
        } else if lower {
            write!(text, "%{byte:02x}").expect("a string");
        } else {
            write!(text, "%{byte:02X}").expect("a string");
        }
        text
    })
}

fn json(secret: &str) -> String {
    serde_json::to_string(secret).expect("text")
}

fn ascii_json(secret: &str) -> String {
    each(&json(secret), |character, text| {
        if character.is_ascii() {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(text, "\\u{unit:04x}").expect("a string");
            }
        }
    })
}

fn html(secret: &str) -> String {
    secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn shell(secret: &str) -> String {
    format!("'{}'", secret.replace('\'', "'\\''"))
}

/// As `printf %q`, for what has no control characters.
fn backslashes(secret: &str) -> String {
    each(secret, |character, text| {
        if character.is_ascii_punctuation() || character == ' ' {
            text.push('\\');
        }
        text.push(character);
    })
}

/// As `printf %q`, for what has control characters.
fn ansi_c(secret: &str) -> String {
    each(secret, |character, text| match character {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\'' | '\\' => text.extend(['\\', character]),
        character if character.is_ascii() => text.push(character),
        character => {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(text, "\\{byte:o}").expect("a string");
            }
        }
    })
}

fn doubled(secret: &str, which: char) -> String {
    secret.replace(which, &format!("{which}{which}"))
}

/// In lines of so many characters.
fn wrapped(text: &str, width: usize, line_break: &str) -> String {
    let characters: Vec<_> = text.chars().collect();
    characters.chunks(width).map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join(line_break)
}

fn hex(secret: &str, separator: &str, upper: bool) -> String {
    let digits = |byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
    secret.bytes().map(digits).collect::<Vec<_>>().join(separator)
}

/// Writes the secret as the encoder with this number does. `size` is a length that some of them need.
fn encode(secret: &str, encoder: usize, size: usize) -> Encoded {
    let around = "u".repeat(1 + size % 5);
    // Up to 7 characters before the first break, and the break.
    let broken = |text| Encoded { text, visible: 7 + 8 };
    // Characters at both ends that depend on the neighboring bytes too.
    let inside = |text: String| Encoded { visible: text.len() - (8 * secret.len() - 10) / 6, text };
    match encoder {
        0 => escaped(secret.to_owned()),
        1 => escaped(json(secret)),
        2 => escaped(ascii_json(secret)),
        3 => escaped(json(secret).replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")),
        4 => escaped(json(&json(secret))),
        5 => escaped(ascii_json(&json(&ascii_json(secret)))),
        6 => escaped(percent(secret, "-._~", size.is_multiple_of(2))),
        7 => escaped(percent(secret, "-._*", false).replace("%20", "+")),
        8 => escaped(percent(secret, "-._~!*'();/?:@&=+$,#", true)),
        9 => escaped(percent(ascii_json(secret).trim_matches('"'), "-._~", false)),
        10 => escaped(percent(secret, "", false).replace('%', "%25")),
        11 => escaped(html(secret)),
        12 => escaped(html(json(secret).trim_matches('"'))),
        13 => escaped(shell(secret)),
        14 => escaped(json(&shell(secret))),
        15 => escaped(backslashes(secret)),
        16 => escaped(ansi_c(secret)),
        17 => escaped(doubled(secret, '\'')),
        18 => escaped(doubled(secret, '"')),
        19 => escaped(doubled(secret, '$')),
        20 => escaped(each(secret, |character, text| {
            write!(text, "\\u{{{:x}}}", u32::from(character)).expect("a string");
        })),
        21 => escaped(each(secret, |character, text| {
            write!(text, "&#{};", u32::from(character)).expect("a string");
        })),
        22 => escaped(secret.replace('\n', "\r\n")),
        23 => escaped(secret.replace('\n', &format!("\n{}", " ".repeat(size)))),
        24 => escaped(secret.replace('\n', " ")),
        25 => broken(wrapped(secret, 8 + size, "\n")),
        26 => broken(wrapped(secret, 8 + size, "\\\n    ")),
        27 => escaped(STANDARD.encode(secret)),
        28 => escaped(URL_SAFE.encode(secret)),
        29 => escaped(URL_SAFE_NO_PAD.encode(secret)),
        30 => escaped(STANDARD.encode(format!("{secret}\n"))),
        31 => inside(STANDARD.encode(format!("{around}:{secret}"))),
        32 => inside(URL_SAFE.encode(format!("{around}:{secret}:{around}"))),
        33 => inside(percent(&STANDARD.encode(format!("{around}:{secret}")), "", true)),
        34 => broken(wrapped(&STANDARD.encode(secret), 8 + size, "\n")),
        35 => broken(wrapped(&STANDARD.encode(secret), 76, "\r\n  ")),
        36 => broken(json(&wrapped(&STANDARD.encode(secret), 60, "\n"))),
        37 => escaped(hex(secret, "", size.is_multiple_of(2))),
        38 => escaped(hex(secret, ":", true)),
        39 => escaped(hex(secret, " ", false)),
        40 => Encoded { text: format!("0x{}", hex(secret, ", 0x", false)), visible: 2 },
        41 => broken(wrapped(&hex(secret, "", false), 60, "\n")),
        42 => escaped(format!("\\x{}", hex(secret, "\\x", false))),
        _ => {
            let bytes: Vec<_> = secret.bytes().map(|byte| byte.to_string()).collect();
            escaped(bytes.join([" ", ",", ", "][size % 3]))
        }
    }
}

const ENCODERS: usize = 44;

/// Masks the text, which arrives in pieces of these sizes.
fn masked(secrets: &Secrets, text: &[u8], sizes: &[usize]) -> String {
    let (mut masker, mut out, mut rest) = (secrets.masker(), Vec::new(), text);
    for size in sizes {
        let (piece, more) = rest.split_at((*size).min(rest.len()));
        masker.push(piece, &mut out);
        rest = more;
    }
    masker.push(rest, &mut out);
    masker.finish(&mut out);
    String::from_utf8(out).expect("UTF-8")
}

/// Secrets with every kind of character that is escaped somewhere, which begin and end with ones that are not.
fn secret() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        6 => "[a-zA-Z0-9]",
        4 => "[ -~]",
        1 => prop::sample::select(vec!["é", "ß", "€", "😀", "\u{a0}"]).prop_map(str::to_owned),
    ];
    let line = prop::collection::vec(character, 8..40).prop_map(|characters| characters.concat());
    let lines =
        prop_oneof![4 => prop::collection::vec(line.clone(), 1), 1 => prop::collection::vec(line, 2..4)];
    lines.prop_map(|lines| {
        let lines: Vec<_> = lines.iter().map(|line| format!("a{}Z", line.trim())).collect();
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn nothing_of_a_secret_is_printed_however_it_is_written(
        secret in secret(),
        others in prop::collection::vec("[a-zA-Z0-9]{4,12}", 0..4),
        in_json in any::<bool>(),
        encoder in 0..ENCODERS,
        size in 0_usize..60,
        pieces in prop::collection::vec(1_usize..30, 0..40),
    ) {
        let value = if in_json {
            serde_json::json!({"username": "app_user", "port": 5432, "deep": [{"password": secret}]}).to_string()
        } else {
            secret.clone()
        };
        let values = others.iter().map(String::as_bytes).chain([value.as_bytes()]);
        let (secrets, _) = Secrets::new(values);
        let encoded = encode(&secret, encoder, size);
        let text = format!("< {} >", encoded.text);
        let out = masked(&secrets, text.as_bytes(), &pieces);
        let visible = out.replace("***", "").len() - "<  >".len();
        // Quotes around it stay visible.
        let quotes = encoded.text.len() - encoded.text.trim_matches(['"', '\\', '\'']).len();
        prop_assert!(visible <= encoded.visible + quotes, "encoder {encoder}: {visible} bytes are visible");
        prop_assert!(out.contains("***"));
        // Wherever it is cut.
        prop_assert_eq!(masked(&secrets, text.as_bytes(), &[]), out);
    }

    #[test]
    fn text_without_secrets_passes_unchanged(
        values in prop::collection::vec("[a-m0-4#$]{12,30}", 0..6),
        text in "[n-z5-9 \\\\%&=\"'\n\r{}+/,:;#$-]{0,300}",
        pieces in prop::collection::vec(1_usize..30, 0..40),
    ) {
        let (secrets, _) = Secrets::new(values.iter().map(String::as_bytes));
        prop_assert_eq!(masked(&secrets, text.as_bytes(), &pieces), text);
    }
}
