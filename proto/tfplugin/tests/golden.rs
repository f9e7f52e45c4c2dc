//! The codecs against bytes that go-cty wrote (`testdata/cty`).
#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::value::RawValue;
use tfplugin_proto::value::{Number, Type, Value};

#[derive(Deserialize)]
struct Golden {
    name: String,
    r#type: Box<RawValue>,
    msgpack: String,
    json: Option<Box<RawValue>>,
}

impl Golden {
    fn ty(&self) -> Type {
        Type::from_json(self.r#type.get().as_bytes()).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        let pairs = self.msgpack.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    fn decode(&self) -> Value {
        Value::from_msgpack(&self.bytes(), &self.ty()).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }
}

fn load(file: &str) -> Vec<Golden> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cty").join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn all() -> Vec<Golden> {
    ["numbers.json", "values.json", "unknowns.json", "dynamics.json"].into_iter().flat_map(load).collect()
}

fn named(name: &str) -> Value {
    all().iter().find(|golden| golden.name == name).unwrap_or_else(|| panic!("no {name}")).decode()
}

#[test]
fn what_go_cty_writes_is_read_and_written_again_byte_for_byte() {
    let all = all();
    assert!(all.len() > 100);
    for golden in all {
        let value = golden.decode();
        assert!(value.conforms_to(&golden.ty()), "{}", golden.name);
        let again = value.to_msgpack(&golden.ty()).unwrap();
        if golden.name.contains("refined") {
            assert!(!value.is_wholly_known(), "{}", golden.name);
            assert_eq!(Value::from_msgpack(&again, &golden.ty()).unwrap(), value, "{}", golden.name);
        } else {
            assert_eq!(again, golden.bytes(), "{}", golden.name);
        }
    }
}

#[test]
fn json_says_the_same_as_msgpack() {
    let mut compared = 0;
    for golden in all() {
        let Some(json) = &golden.json else { continue };
        let ty = golden.ty();
        let value =
            Value::from_json(json.get().as_bytes(), &ty).unwrap_or_else(|e| panic!("{}: {e}", golden.name));
        assert_eq!(value, golden.decode(), "{}", golden.name);
        let again = value.to_json(&ty).unwrap();
        assert_eq!(Value::from_json(&again, &ty).unwrap(), value, "{}", golden.name);
        compared += 1;
    }
    assert!(compared > 80, "{compared}");
}

#[test]
fn types_are_written_as_go_cty_writes_them() {
    for golden in all() {
        assert_eq!(String::from_utf8(golden.ty().to_json()).unwrap(), golden.r#type.get(), "{}", golden.name);
    }
}

#[test]
fn numbers_are_exact() {
    for golden in load("numbers.json") {
        let Some(text) = golden.name.strip_prefix("number ").filter(|text| text.parse::<f64>().is_ok())
        else {
            continue;
        };
        assert_eq!(golden.decode(), Value::Number(text.parse().unwrap()), "{}", golden.name);
    }
    let tenth = Number::from_f64(0.1).unwrap();
    assert_eq!(named("number float64 0.1 exactly"), tenth.clone().into());
    assert_eq!(tenth.to_string(), "0.1000000000000000055511151231257827021181583404541015625");
    assert_ne!(named("number 0.1"), tenth.into());
    assert_eq!(named("number smallest float64 exactly"), Number::from_f64(5e-324).unwrap().into());
    // Whole numbers beyond 64 bits travel as text, and Go writes the shortest text that rounds back to its float.
    let largest: Number = "1.7976931348623157e308".parse().unwrap();
    assert_eq!(largest.to_f64().to_bits(), f64::MAX.to_bits());
    assert_eq!(named("number largest float64 exactly"), largest.into());
    assert_eq!(named("number negative zero"), 0_i64.into());
}

#[test]
fn values_mean_what_they_meant_in_go() {
    let object =
        |name: Value, count: Value, on: Value| Value::object([("name", name), ("count", count), ("on", on)]);
    assert_eq!(named("object"), object("n".into(), 3_i64.into(), true.into()));
    assert_eq!(named("object of nulls"), object(Value::Null, Value::Null, Value::Null));
    assert_eq!(named("unknown in object"), object(Value::Unknown, 1_i64.into(), Value::Unknown));
    assert_eq!(named("refined in object"), object(Value::Unknown, Value::Unknown, Value::Unknown));
    assert_eq!(named("string decomposed is composed"), "\u{e9}".into());
    assert_eq!(named("string with nul and controls"), "a\0b\n\t\"\\<>&\u{2028}".into());
    assert_eq!(named("list of strings"), Value::List(vec!["b".into(), "a".into(), Value::Null]));
    assert_eq!(
        named("map of strings"),
        Value::object([("", "empty key".into()), ("a", "1".into()), ("b", "2".into()), ("ü", Value::Null)])
    );
    assert_eq!(named("dynamic null"), Value::Null);
    assert_eq!(named("dynamic typed null"), Value::dynamic(Type::String, Value::Null));
    assert_eq!(named("dynamic typed unknown"), Value::dynamic(Type::String, Value::Unknown));
    assert_eq!(
        named("dynamic in object"),
        Value::object([
            ("d", Value::dynamic(Type::object([("x", Type::Number)]), Value::object([("x", 1_i64.into())]))),
            ("s", "y".into()),
        ])
    );
}
