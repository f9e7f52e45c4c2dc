//! Properties of the codecs, and what they say of bytes that are no value.

use proptest::prelude::*;

use super::*;

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", |float| Number::from_f64(float).ok()),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?".prop_map(|text| text.parse().unwrap()),
    ]
}

fn ty() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::Bool), Just(Type::Number), Just(Type::String), Just(Type::Dynamic)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Type::Tuple),
            prop::collection::btree_map(".{0,6}", inner, 0..4).prop_map(|attributes| Type::object(
                attributes.into_iter().map(|(name, ty)| (nfc(name), ty))
            )),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(nfc)
}

fn value(ty: &Type, depth: u32) -> BoxedStrategy<Value> {
    let known = match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => number().prop_map(Value::Number).boxed(),
        Type::String => text().prop_map(Value::String).boxed(),
        Type::Dynamic if depth == 0 => Just(Value::Null).boxed(),
        Type::Dynamic => self::ty()
            .prop_flat_map(move |ty| {
                value(&ty, depth - 1).prop_map(move |value| Value::dynamic(ty.clone(), value)).boxed()
            })
            .boxed(),
        Type::List(element) | Type::Set(element) => {
            prop::collection::vec(value(element, depth), 0..4).prop_map(Value::List).boxed()
        }
        Type::Map(element) => {
            prop::collection::btree_map(text(), value(element, depth), 0..4).prop_map(Value::Map).boxed()
        }
        Type::Tuple(types) => {
            let types: Vec<_> = types.iter().map(|ty| value(ty, depth)).collect();
            types.prop_map(Value::List).boxed()
        }
        Type::Object(object) => {
            let names: Vec<_> = object.attributes.keys().cloned().collect();
            let types: Vec<_> = object.attributes.values().map(|ty| value(ty, depth)).collect();
            types.prop_map(move |values| Value::object(names.iter().cloned().zip(values))).boxed()
        }
    };
    prop_oneof![8 => known, 1 => Just(Value::Null), 1 => Just(Value::Unknown)].boxed()
}

fn typed() -> impl Strategy<Value = (Type, Value)> {
    ty().prop_flat_map(|ty| value(&ty, 2).prop_map(move |value| (ty.clone(), value)))
}

proptest! {
    #[test]
    fn msgpack_brings_every_value_back((ty, value) in typed()) {
        prop_assert!(value.conforms_to(&ty));
        let bytes = value.to_msgpack(&ty).unwrap();
        prop_assert_eq!(Value::from_msgpack(&bytes, &ty).unwrap(), value);
    }

    #[test]
    fn json_brings_every_known_value_back((ty, value) in typed()) {
        match value.to_json(&ty) {
            Ok(json) => prop_assert_eq!(Value::from_json(&json, &ty).unwrap(), value),
            Err(error) => prop_assert!(!value.is_wholly_known(), "{}", error),
        }
    }

    /// Every decoder accepts numbers as text, and only a text has the precision of a state file.
    #[test]
    fn hosts_get_numbers_as_text((ty, value) in typed()) {
        let message = value.to_dynamic(&ty).unwrap();
        prop_assert_eq!(Value::from_dynamic(Some(&message), &ty).unwrap(), value);
    }

    #[test]
    fn types_come_back(ty in ty()) {
        prop_assert_eq!(Type::from_json(&ty.to_json()).unwrap(), ty);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), ty in ty()) {
        if let Ok(value) = Value::from_msgpack(&bytes, &ty) {
            prop_assert!(value.conforms_to(&ty));
        }
        if let Ok(value) = Value::from_json(&bytes, &ty) {
            prop_assert!(value.conforms_to(&ty));
        }
        let _ = Type::from_json(&bytes);
    }

    #[test]
    fn damaged_bytes_never_panic((ty, value) in typed(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = value.to_msgpack(&ty).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(value) = Value::from_msgpack(&bytes, &ty) {
            prop_assert!(value.conforms_to(&ty));
        }
        prop_assert!(Value::from_msgpack(&bytes[..at], &ty).is_err());
    }

    #[test]
    fn numbers_come_back_and_are_ordered(a in number(), b in number()) {
        prop_assert_eq!(&a.to_string().parse::<Number>().unwrap(), &a);
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b).is_eq(), a == b);
        if let (Some(x), Some(y)) = (a.to_f64_exact(), b.to_f64_exact()) {
            prop_assert_eq!(Some(a.cmp(&b)), x.partial_cmp(&y));
        }
    }

    #[test]
    fn a_float_is_kept_digit_for_digit(float in any::<f64>()) {
        prop_assume!(float.is_finite());
        let number = Number::from_f64(float).unwrap();
        prop_assert_eq!(number.to_f64_exact(), Some(float));
    }
}

#[test]
fn a_host_gets_each_number_as_the_text_of_a_state_file() {
    for (number, text) in [("3", "3"), ("-200", "-200"), ("0.5", "0.5"), ("0.1", "0.1"), ("1e3", "1000")] {
        let number = Value::Number(number.parse().unwrap());
        let sent = number.to_dynamic(&Type::Number).unwrap().msgpack;
        assert_eq!(sent, Value::from(text).to_msgpack(&Type::String).unwrap(), "{text}");
    }
}

#[test]
fn numbers_are_equal_whatever_their_spelling() {
    let number = |text: &str| text.parse::<Number>().unwrap();
    for (a, b) in [
        ("1.50", "1.5"),
        ("-0", "0"),
        ("0e999", "0"),
        ("10e-1", "1"),
        ("007", "7"),
        (".5", "5e-1"),
        ("+3.", "3"),
    ] {
        assert_eq!(number(a), number(b), "{a} and {b}");
    }
    for text in ["", "-", ".", "e5", "1e", "1e+", "1 ", "0x1", "1_0", "NaN", "Inf", "1e5.0", "--1", "\u{661}"]
    {
        assert_eq!(text.parse::<Number>(), Err(NumberError::Syntax), "{text:?}");
    }
    assert_eq!("1e99999999999999999999".parse::<Number>(), Err(NumberError::Exponent));
    assert_eq!(number("0e99999999999999999999"), 0_i64.into());
    assert_eq!(number("18446744073709551615").to_u64(), Some(u64::MAX));
    assert_eq!(number("18446744073709551616").to_u64(), None);
    assert_eq!(number("-1").to_u64(), None);
    assert_eq!(number("9.2e18").to_i64(), Some(9_200_000_000_000_000_000));
    assert_eq!(number("0.5").to_i64(), None);
}

#[test]
fn a_huge_exponent_costs_nothing() {
    let huge = "1e1000000000".parse::<Number>().unwrap();
    assert!(huge > Number::from(u64::MAX));
    assert!("-1e1000000000".parse::<Number>().unwrap() < "1e-1000000000".parse().unwrap());
    assert_eq!(huge.to_string(), "1e1000000000");
    assert_eq!(huge.to_f64_exact(), None);
    let bytes = Value::from(huge.clone()).to_msgpack(&Type::Number).unwrap();
    assert_eq!(Value::from_msgpack(&bytes, &Type::Number).unwrap(), huge.into());
}

fn refused(bytes: &[u8], ty: &Type) -> String {
    Value::from_msgpack(bytes, ty).unwrap_err().to_string()
}

#[test]
fn refusals_say_what_and_where() {
    let object = Type::object([("list", Type::list(Type::map(Type::Number)))]);
    let bytes = b"\x81\xa4list\x91\x81\xa1k\xc3";
    assert_eq!(
        refused(bytes, &object),
        "cannot decode the value at list[0][\"k\"]: expected a number, found a bool"
    );
    assert_eq!(refused(b"", &Type::Bool), "cannot decode the value: unexpected end of the bytes");
    assert_eq!(refused(b"\xc3\xc3", &Type::Bool), "cannot decode the value: 1 bytes follow the value");
    assert_eq!(
        refused(b"\x80", &object),
        "cannot decode the value: expected an object of 1 attributes, found 0"
    );
    assert_eq!(refused(b"\x81\xa1x\xc0", &object), "cannot decode the value at x: unknown attribute");
    assert!(refused(b"\xa2\xff\xff", &Type::String).contains("not UTF-8"));
    assert!(refused(b"\x82\xa1k\x01\xa1k\x02", &Type::map(Type::Number)).contains("duplicate key"));
    assert!(refused(b"\xcb\x7f\xf0\0\0\0\0\0\0", &Type::Number).contains("infinite"));
    let missing = Value::object([("other", Value::Null)]).to_msgpack(&object).unwrap_err();
    assert_eq!(missing.to_string(), "cannot encode the value at other: unknown attribute");
    let wrong = Value::from("1").to_msgpack(&Type::Number).unwrap_err();
    assert_eq!(wrong.to_string(), "cannot encode the value: expected number, found a string");
    let json = Value::from_json(br#"{"list":[{"k":true}]}"#, &object).unwrap_err();
    assert_eq!(json.path().to_string(), "list[0][\"k\"]");
}

#[test]
fn errors_about_json_do_not_repeat_the_value() {
    let types = [Type::list(Type::String), Type::map(Type::String), Type::Dynamic, Type::Number, Type::Bool];
    let attributes = Type::object(types.into_iter().enumerate().map(|(i, ty)| (format!("a{i}"), ty)));
    for value in ["\"hunter2\"", "true", "-70707", "70707", "70707.5", "{\"type\": 70707}", "[70707, {}]"] {
        for i in 0..5 {
            let json = format!("{{\"a{i}\": {value}}}");
            if let Err(error) = Value::from_json(json.as_bytes(), &attributes) {
                let text = error.to_string();
                assert!(!text.contains("hunter2") && !text.contains("70707"), "{json}: {text}");
            }
        }
    }
    let error = Value::from_json(b"{\"a0\": \"hunter2\"}", &attributes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot decode the value at a0: invalid type: a string, expected a value of type list(string) at line 1 column 16"
    );
}

#[test]
fn a_length_alone_reserves_nothing() {
    // Four thousand million elements or bytes are promised, none follow.
    for bytes in
        [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff"]
    {
        for ty in [Type::list(Type::Bool), Type::map(Type::Bool), Type::String, Type::Dynamic] {
            assert!(Value::from_msgpack(bytes, &ty).is_err());
        }
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth| (0..depth).fold(Type::String, |ty, _| Type::list(ty));
    let bytes = |depth: usize| [vec![0x91; depth], vec![0xa0]].concat();
    assert!(Value::from_msgpack(&bytes(MAX_DEPTH - 1), &nested(MAX_DEPTH - 1)).is_ok());
    assert!(refused(&bytes(MAX_DEPTH), &nested(MAX_DEPTH)).contains("deeper than 128"));
    // A dynamic value in a dynamic value, a hundred thousand deep.
    let dynamic = b"\x92\xc4\x09\"dynamic\"".repeat(100_000);
    assert!(refused(&dynamic, &Type::Dynamic).contains("deeper than 128"));
    let json = r#"{"type":["list","dynamic"],"value":["#.repeat(100_000);
    assert!(Value::from_json(json.as_bytes(), &Type::Dynamic).is_err());
    assert!(Type::from_json("[\"list\",".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn stored_state_may_lack_attributes_and_hold_removed_ones() {
    let ty = Type::object([("a", Type::String), ("b", Type::Number)]);
    let json = br#"{"a":"x","gone":{"k":[1]}}"#;
    assert!(Value::from_json(json, &ty).is_err());
    let state = Value::from_json_lenient(json, &ty).unwrap();
    assert_eq!(state, Value::object([("a", "x".into()), ("b", Value::Null)]));
}

#[test]
fn json_coerces_as_cty_does() {
    let read = |json: &str, ty| Value::from_json(json.as_bytes(), &ty);
    assert_eq!(read("\"1.50\"", Type::Number).unwrap(), Value::Number("1.5".parse().unwrap()));
    assert_eq!(read("0.1", Type::Number).unwrap(), Value::Number("0.1".parse().unwrap()));
    assert_eq!(
        read("123456789012345678901234567890.5", Type::String).unwrap(),
        "123456789012345678901234567890.5".into()
    );
    assert_eq!(read("true", Type::String).unwrap(), "true".into());
    assert_eq!(read("\"false\"", Type::Bool).unwrap(), false.into());
    assert!(read("true", Type::Number).is_err());
    assert!(read("1", Type::Bool).is_err());
    assert!(read("[]", Type::String).is_err());
    assert_eq!(read(" null ", Type::String).unwrap(), Value::Null);
}

#[test]
fn long_lengths_take_the_next_form() {
    for (length, head) in [(65_535, vec![0xda, 0xff, 0xff]), (65_536, vec![0xdb, 0, 1, 0, 0])] {
        let text = Value::from("x".repeat(length));
        let bytes = text.to_msgpack(&Type::String).unwrap();
        assert_eq!(bytes[..head.len()], head);
        assert_eq!(Value::from_msgpack(&bytes, &Type::String).unwrap(), text);
    }
    let list = (0..70_000).map(|_| Value::Null).collect::<Value>();
    let bytes = list.to_msgpack(&Type::list(Type::Bool)).unwrap();
    assert_eq!(bytes[..5], [0xdd, 0, 1, 0x11, 0x70]);
    assert_eq!(Value::from_msgpack(&bytes, &Type::list(Type::Bool)).unwrap(), list);
}

#[test]
fn paths_lead_into_values_and_over_the_wire() {
    let value = Value::object([("list", Value::from_iter([Value::object([("k", "v".into())])]))]);
    let path = AttributePath::attribute("list").then_index(0).then_key("k");
    assert_eq!(value.at(&path), Some(&"v".into()));
    assert_eq!(value.at(&AttributePath::attribute("list").then_index(1)), None);
    assert_eq!(value.at(&AttributePath::attribute("list").then_index(-1)), None);
    assert_eq!(value.at(&AttributePath::root()), Some(&value));
    assert_eq!(path.to_string(), "list[0][\"k\"]");
    assert_eq!(AttributePath::from(wire::AttributePath::from(&path)), path);
}

#[test]
fn an_empty_message_is_null() {
    let empty = wire::DynamicValue::default();
    assert_eq!(Value::from_dynamic(None, &Type::String), Ok(Value::Null));
    assert_eq!(Value::from_dynamic(Some(&empty), &Type::String), Ok(Value::Null));
    let json = wire::DynamicValue { msgpack: Vec::new(), json: b"\"x\"".to_vec() };
    assert_eq!(Value::from_dynamic(Some(&json), &Type::String), Ok("x".into()));
    let message = Value::Unknown.to_dynamic(&Type::String).unwrap();
    assert_eq!(message.msgpack, [0xd4, 0, 0]);
}

#[test]
fn types_read_as_an_author_writes_them() {
    let ty = Type::from_json(br#"["object",{"a":["list","string"],"b":["tuple",["bool","dynamic"]]},["b"]]"#)
        .unwrap();
    assert_eq!(ty.to_string(), "object({a = list(string), b = optional(tuple([bool, any]))})");
    for wrong in [
        "",
        "null",
        "\"int\"",
        "[]",
        "[\"list\"]",
        "[\"list\",\"string\",\"string\"]",
        "[\"object\",{},[\"x\"]]",
        "{}",
    ] {
        assert!(Type::from_json(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
