//! Arbitrary bytes as values of several types. What is read must conform to its type, and come back from both codecs.
//! `cargo +nightly fuzz run decode` in the crate's folder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tfplugin_proto::value::{Type, Value};

fn types() -> [Type; 6] {
    let object = Type::object([
        ("bool", Type::Bool),
        ("list", Type::list(Type::Number)),
        ("map", Type::map(Type::String)),
        ("tuple", Type::Tuple(vec![Type::String, Type::Dynamic])),
    ]);
    [Type::Dynamic, Type::Number, Type::String, Type::list(Type::Dynamic), Type::map(Type::set(Type::Number)), object]
}

fn check(value: &Value, ty: &Type) {
    assert!(value.conforms_to(ty));
    let bytes = value.to_msgpack(ty).expect("what conforms can be written");
    assert_eq!(&Value::from_msgpack(&bytes, ty).expect("what was written can be read"), value);
    if value.is_wholly_known() {
        let json = value.to_json(ty).expect("what is known can be written");
        assert_eq!(&Value::from_json(&json, ty).expect("what was written can be read"), value);
    }
}

fuzz_target!(|bytes: &[u8]| {
    for ty in types() {
        if let Ok(value) = Value::from_msgpack(bytes, &ty) {
            check(&value, &ty);
        }
        if let Ok(value) = Value::from_json(bytes, &ty) {
            check(&value, &ty);
        }
    }
    if let Ok(ty) = Type::from_json(bytes) {
        assert_eq!(Type::from_json(&ty.to_json()), Ok(ty));
    }
});
