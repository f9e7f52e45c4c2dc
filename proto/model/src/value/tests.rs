use std::{iter::repeat_n, time::Instant};

use proptest::prelude::*;

use super::*;
use ValueType::{Bool, Json, Number, String as Text};

fn ok(value_type: ValueType, text: &str) -> String {
    value_type.canonicalize(text).expect("a good value")
}

fn refusal(value_type: ValueType, text: &str) -> String {
    value_type.canonicalize(text).expect_err("against the rules").to_string()
}

#[test]
fn numbers_are_plain_and_exact() {
    for (written, canonical) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.000e5", "0"),
        ("0e999999999999999999999", "0"),
        ("1.50", "1.5"),
        ("100", "100"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("1.2345e2", "123.45"),
        ("12345e-2", "123.45"),
        ("5e-1", "0.5"),
        ("-0.0010", "-0.001"),
        ("0.1", "0.1"),
        ("1e-3", "0.001"),
        ("9007199254740993", "9007199254740993"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("1.000e-0000000000000000000000000000000000001", "0.1"),
    ] {
        assert_eq!(ok(Number, written), canonical, "{written}");
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for text in [
        "", " ", "ten", "+1", "01", "-", "-01", ".5", "1.", "1e", "1e+", "1e1.5", " 1", "1 ", "1_000",
        "0x10", "NaN", "Infinity", "1,5", "٣", "--1", "1e1e1",
    ] {
        assert_eq!(Number.canonicalize(text), Err(ValueError::NotNumber), "{text:?}");
    }
}

#[test]
fn numbers_have_limits() {
    assert_eq!(ok(Number, "1e1000").len(), 1001);
    assert_eq!(ok(Number, "1e-1000").len(), 1002);
    assert_eq!(ok(Number, &"7".repeat(1000)).len(), 1000);
    assert_eq!(Number.canonicalize("1e1001"), Err(ValueError::NumberExponent));
    assert_eq!(Number.canonicalize("10e1000"), Err(ValueError::NumberExponent));
    assert_eq!(Number.canonicalize("1e-1001"), Err(ValueError::NumberExponent));
    assert_eq!(Number.canonicalize(&"7".repeat(1001)), Err(ValueError::NumberDigits { digits: 1001 }));
    // Zeros at both ends are not significant.
    assert_eq!(ok(Number, &format!("{}{}", "7".repeat(900), "0".repeat(100))).len(), 1000);
}

#[test]
fn huge_exponents_cost_nothing() {
    let begin = Instant::now();
    for text in ["1e999999999999", "1e-999999999999", "-1e99999999999999999999999999"] {
        assert_eq!(Number.canonicalize(text), Err(ValueError::NumberExponent));
        assert_eq!(Json.canonicalize(&format!("[{text}]")), Err(ValueError::NumberExponent));
    }
    // Each of these ten thousand numbers is a thousand characters long when written out.
    let many = format!("[{}]", vec!["1e1000"; 9_000].join(","));
    assert_eq!(Json.canonicalize(&many), Err(ValueError::CanonicalTooLong));
    assert!(begin.elapsed().as_secs() < 5);
}

#[test]
fn bools_are_two_words() {
    assert_eq!(ok(Bool, "true"), "true");
    assert_eq!(ok(Bool, "false"), "false");
    for text in ["", "True", "1", "yes", " true", "true\n"] {
        assert_eq!(Bool.canonicalize(text), Err(ValueError::NotBool), "{text:?}");
    }
}

#[test]
fn text_is_normalized() {
    assert_eq!(ok(Text, "e\u{301}"), "é");
    assert_eq!(ok(Text, ""), "");
    assert_eq!(ok(Text, " a\r\n\tb "), " a\r\n\tb ");
    assert!(Text.same("e\u{301}", "é"));
    assert!(!Text.same("a", "A"));
}

#[test]
fn json_is_sorted_packed_and_exact() {
    for (written, canonical) in [
        (" null ", "null"),
        ("\t[ 1.0 , 1e2,true ]\n", "[1,100,true]"),
        (r#"{"b":1,"a":{"d":[],"c":{}}}"#, r#"{"a":{"c":{},"d":[]},"b":1}"#),
        // A float would lose the last digit.
        ("9007199254740993", "9007199254740993"),
        (r#""\u0041\/\u000a\u001F""#, r#""A/\n\u001f""#),
        (r#""e\u0301""#, "\"é\""),
        (r#"{"e\u0301":1}"#, "{\"é\":1}"),
        (r#""\ud83d\ude00""#, "\"😀\""),
        // UTF-16 units: U+1F600 begins with D83D and sorts before U+FB33, unlike by code point. The example of
        // RFC 8785, section 3.2.3, without the key that form C would decompose.
        (
            "{\"\u{20ac}\":1,\"\\r\":2,\"1\":3,\"\u{1f600}\":4,\"\u{80}\":5,\"\u{f6}\":6,\"\u{ff21}\":7}",
            "{\"\\r\":2,\"1\":3,\"\u{80}\":5,\"\u{f6}\":6,\"\u{20ac}\":1,\"\u{1f600}\":4,\"\u{ff21}\":7}",
        ),
    ] {
        assert_eq!(ok(Json, written), canonical, "{written}");
    }
    assert!(Json.same(r#"{"a":1.50,"b":[1]}"#, "{ \"b\": [1.0],\n \"a\": 15e-1 }"));
    assert!(!Json.same("[1,2]", "[2,1]"));
    assert!(!Json.same("1", "\"1\""));
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        "{",
        "[1,]",
        "{a:1}",
        "'a'",
        "nul",
        "01",
        "[1 2]",
        "\"\t\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "{\"\\ud800\":1}",
        "1 2",
        "{} {}",
        "\u{feff}1",
        "NaN",
        "// x\n1",
    ] {
        let error = Json.canonicalize(text).expect_err("no JSON");
        assert!(matches!(error, ValueError::NotJson { .. }), "{text:?}: {error:?}");
    }
}

#[test]
fn a_key_occurs_once_in_an_object() {
    let twice = |text| matches!(Json.canonicalize(text), Err(ValueError::DuplicateKey { .. }));
    assert!(twice(r#"{"a":1,"b":2,"a":1}"#));
    assert!(twice(r#"[{"x":{"a":1,"\u0061":2}}]"#));
    assert!(twice(r#"{"é":1,"e\u0301":2}"#));
    assert!(!twice(r#"{"a":{"a":1},"b":{"a":1}}"#));
}

#[test]
fn json_nests_128_deep() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(ok(Json, &nested(128)), nested(128));
    assert_eq!(Json.canonicalize(&nested(129)), Err(ValueError::TooDeep));
    assert_eq!(Json.canonicalize(&nested(32_768)), Err(ValueError::TooDeep));
    let objects = format!("{}1{}", "{\"a\":".repeat(128), "}".repeat(128));
    assert_eq!(ok(Json, &objects), objects);
}

#[test]
fn the_deepest_and_widest_json_is_quick() {
    let begin = Instant::now();
    let text = format!("{}{}{}", "[".repeat(127), vec!["0"; 32_000].join(","), "]".repeat(127));
    assert_eq!(ok(Json, &text), text);
    assert!(begin.elapsed().as_secs() < 5);
}

#[test]
fn values_have_a_size() {
    let full = "x".repeat(MAX_VALUE_BYTES);
    assert_eq!(ok(Text, &full), full);
    assert_eq!(
        Text.canonicalize(&format!("{full}x")),
        Err(ValueError::TooLong { field: "value", bytes: 65_537, max: 65_536 })
    );
    // Too long as written, though canonical JSON would be short.
    let spaces: String = repeat_n(' ', MAX_VALUE_BYTES).chain(['1']).collect();
    assert!(matches!(Json.canonicalize(&spaces), Err(ValueError::TooLong { .. })));
    // Short enough as written; U+1D160 is three times as long in form C.
    let musical = "\u{1d160}".repeat(MAX_VALUE_BYTES / 4);
    assert_eq!(Text.canonicalize(&musical), Err(ValueError::CanonicalTooLong));
}

#[test]
fn nul_is_refused_and_descriptions_are_short() {
    assert_eq!(Text.canonicalize("a\0b"), Err(ValueError::Nul { field: "value", position: 1 }));
    assert_eq!(check_description("a\0"), Err(ValueError::Nul { field: "description", position: 1 }));
    assert_eq!(check_description(&"d".repeat(1024)), Ok(()));
    assert_eq!(check_description(&"d".repeat(1025)).expect_err("too long").field(), "description");
}

#[test]
fn types_have_names() {
    for known in ValueType::ALL {
        assert_eq!(known.to_string().parse(), Ok(known));
    }
    assert_eq!("text".parse::<ValueType>().expect_err("no type").field(), "type");
}

#[test]
fn refusals_read_well_and_never_quote_the_value() {
    insta::assert_snapshot!(refusal(Text, &"x".repeat(70_000)), @"value is 70000 bytes long; the limit is 65536 bytes of UTF-8");
    insta::assert_snapshot!(refusal(Text, "pass\0word"), @"value contains a NUL character at byte 4; remove it");
    insta::assert_snapshot!(refusal(Number, "ten"), @r#"value is not a number; write digits with an optional "-", fraction and exponent, as in -12.5 or 1e3, without spaces, leading zeros or a leading "+""#);
    insta::assert_snapshot!(refusal(Number, "1e2000"), @"value has a number that is too large or too small; its power of ten must be between -1000 and 1000");
    insta::assert_snapshot!(refusal(Bool, "yes"), @"value is not a bool; write true or false");
    insta::assert_snapshot!(refusal(Json, "{\n  \"a\": hunter2\n}"), @"value is not valid JSON: expected value at line 2 column 8");
    insta::assert_snapshot!(refusal(Json, r#"["\ud800"]"#), @"value is not valid JSON: unexpected end of hex escape");
    insta::assert_snapshot!(refusal(Json, r#"{"a":1,"a":2}"#), @"value has the same key twice in one JSON object, the second time before line 1 column 12; keep one of them");
    insta::assert_snapshot!(refusal(Json, "[\n  {\"hunter2\": 1,\n  \"hunter2\": 2}]"), @"value has the same key twice in one JSON object, the second time before line 3 column 14; keep one of them");
    insta::assert_snapshot!(refusal(Json, &"[".repeat(200).chars().chain("]".repeat(200).chars()).collect::<String>()), @"value is JSON nested more than 128 levels deep; flatten it");
}

/// JSON texts with white space, escapes and number spellings that differ from the canonical ones.
fn json_text() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?";
    json_of(number.boxed(), any::<String>().boxed())
}

/// JSON texts of the given numbers and strings.
fn json_of(number: BoxedStrategy<String>, string: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let string = string.prop_map(|text| serde_json::to_string(&text).expect("a string")).boxed();
    let leaf = prop_oneof![number, string.clone(), Just("null".to_owned()), Just("true".to_owned())];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let space = "[ \n\t]{0,2}";
        let items = prop::collection::vec((inner.clone(), space), 0..5).prop_map(|items| {
            let items: Vec<_> = items.into_iter().map(|(item, space)| format!("{space}{item}")).collect();
            format!("[{}]", items.join(" ,"))
        });
        let entries = prop::collection::vec((string.clone(), inner, space), 0..5).prop_map(|entries| {
            let entries: Vec<_> =
                entries.into_iter().map(|(key, value, space)| format!("{key}{space}:{value}")).collect();
            format!("{{{}}}", entries.join(", "))
        });
        prop_oneof![items, entries]
    })
}

fn number_text() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?"
}

/// A type and a text that is often, not always, one of its values.
fn typed_text() -> impl Strategy<Value = (ValueType, String)> {
    let text = prop_oneof![
        any::<String>(),
        number_text(),
        json_text(),
        Just("true".to_owned()),
        "[0-9eE+.-]{0,8}",
        "[\\[\\]{}:,\"0a ]{0,12}",
    ];
    (prop::sample::select(&ValueType::ALL[..]), text)
}

proptest! {
    #[test]
    fn canonical_text_is_its_own_canonical_text((value_type, text) in typed_text()) {
        if let Ok(canonical) = value_type.canonicalize(&text) {
            prop_assert_eq!(value_type.canonicalize(&canonical), Ok(canonical.clone()));
            prop_assert!(canonical.len() <= MAX_VALUE_BYTES);
            prop_assert!(value_type.same(&text, &canonical));
        }
    }

    #[test]
    fn same_is_an_equivalence(value_type in prop::sample::select(&ValueType::ALL[..]), texts in prop::array::uniform3(prop_oneof![json_text(), number_text(), "[01.e]{0,3}"])) {
        let [a, b, c] = &texts;
        for x in &texts {
            prop_assert!(value_type.same(x, x));
        }
        prop_assert_eq!(value_type.same(a, b), value_type.same(b, a));
        if value_type.same(a, b) && value_type.same(b, c) {
            prop_assert!(value_type.same(a, c));
        }
    }

    /// Against an independent reading: shifting the point and padding with zeros does not change a number.
    #[test]
    fn spellings_of_one_number_are_the_same(digits in "[1-9][0-9]{0,20}", shift in 0_usize..20, zeros in 0_usize..10) {
        let plain = format!("{digits}{}", "0".repeat(shift));
        let exponent = format!("{digits}.{}e{shift}", "0".repeat(zeros + 1));
        let scaled = format!("{digits}{}e{}", "0".repeat(zeros), i64::try_from(shift).expect("small") - i64::try_from(zeros).expect("small"));
        prop_assert_eq!(ok(Number, &exponent), plain.clone());
        prop_assert_eq!(ok(Number, &scaled), plain);
    }

    /// Against serde_json's own reading, for what it reads exactly: integers, and ASCII, which is in form C.
    #[test]
    fn canonical_json_means_what_was_written(text in json_of("-?[1-9][0-9]{0,9}".boxed(), "[ -~\\n\\t]{0,6}".boxed())) {
        if let Ok(canonical) = Json.canonicalize(&text) {
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
            prop_assert_eq!(read(&canonical), read(&text));
            prop_assert!(!canonical.contains(['\n', '\t']));
        }
    }

    #[test]
    fn nothing_panics(text in any::<String>()) {
        for value_type in ValueType::ALL {
            let _ = value_type.canonicalize(&text);
        }
    }
}
