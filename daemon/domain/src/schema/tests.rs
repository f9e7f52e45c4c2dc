//! What schemas may be, what they say about values, and what they may cost.

use kontraktor_model::{names::Key, value::ValueType};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

impl Checker {
    /// Whether a canonical value conforms, and if not, why.
    fn check(&self, value_type: ValueType, canonical: &str) -> Result<(), Mismatch> {
        let instance = self.read(value_type, canonical)?;
        if self.conforms(&instance) { Ok(()) } else { Err(self.explain(&instance)) }
    }
}

fn checker(schema: &Value) -> Result<Checker, SchemaError> {
    Checker::new(&SchemaSettings { key_pattern: ".*".to_owned(), schema: schema.to_string() })
}

/// The texts of refusals of a schema.
fn error(schema: &Value) -> String {
    checker(schema).map(|_| "taken").unwrap_err().to_string()
}

fn json_broken(schema: &Value, value: &Value) -> String {
    let canonical = ValueType::Json.canonicalize(&value.to_string()).unwrap();
    checker(schema)
        .unwrap_or_else(|error| panic!("{error}"))
        .check(ValueType::Json, &canonical)
        .unwrap_err()
        .to_string()
}

fn conforms(schema: &Value, value_type: ValueType, text: &str) -> bool {
    let canonical = value_type.canonicalize(text).unwrap();
    checker(schema).unwrap_or_else(|error| panic!("{error}")).check(value_type, &canonical).is_ok()
}

/// What runs on the writer's stack in a daemon; half of it shall do.
fn with_the_writers_stack<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DECIDE_STACK_BYTES / 2);
        thread.spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}

/// `{"$defs": {"a0": {keyword: [→a1, →a1]}, ... "aN": last}}`: 2^N ways through.
fn doubling(keyword: &str, levels: usize, last: Value) -> Value {
    let mut defs = serde_json::Map::new();
    for level in 0..levels {
        let next = json!({"$ref": format!("#/$defs/a{}", level + 1)});
        defs.insert(format!("a{level}"), json!({ keyword: [next, next] }));
    }
    defs.insert(format!("a{levels}"), last);
    json!({"$defs": defs, "$ref": "#/$defs/a0"})
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "x": inner }))
}

#[test]
fn each_type_is_an_instance_of_its_own_kind() {
    use ValueType::{Bool, Json, Number, String};
    let cases = [
        ("string", String, "5432"),
        ("number", Number, "5.5"),
        ("integer", Number, "5.0"),
        ("boolean", Bool, "true"),
        ("object", Json, "{}"),
        ("array", Json, "[]"),
        ("null", Json, "null"),
        ("string", Json, "\"x\""),
    ];
    for (right, value_type, text) in cases {
        for tried in ["string", "number", "integer", "boolean", "object", "array", "null"] {
            let wanted = tried == right || (tried == "number" && right == "integer");
            assert_eq!(
                conforms(&json!({"type": tried}), value_type, text),
                wanted,
                "{tried} {value_type} {text}"
            );
        }
    }
}

#[test]
fn the_texts_say_what_is_asked_for_and_where() {
    let port = json!({"properties": {"db": {"$ref": "#/$defs/db"}}, "$defs": {"db": {"properties": {"a/b": {"maximum": 65535}}}}});
    insta::assert_snapshot!(json_broken(&port, &json!({"db": {"a/b": 70000}})), @"/$defs/db/properties/a~1b/maximum: must be at most 65535 (at /db/a~1b of the value)");
    insta::assert_snapshot!(json_broken(&json!({"enum": ["debug", "info", 3]}), &json!("loud")), @r#"/enum: must be one of "debug", "info", 3"#);
    insta::assert_snapshot!(json_broken(&json!({"pattern": "^[a-z]+$"}), &json!("A")), @r#"/pattern: must match the pattern "^[a-z]+$""#);
    insta::assert_snapshot!(json_broken(&json!({"required": ["host"]}), &json!({})), @r#"/required: must have the property "host""#);
    insta::assert_snapshot!(json_broken(&json!({"type": ["string", "null"]}), &json!(1)), @"/type: must be of type null or string");
    insta::assert_snapshot!(json_broken(&json!({"propertyNames": {"maxLength": 3}}), &json!({"long": 1})), @"/propertyNames/maxLength: has a property whose name is not allowed: it must be at most 3 characters long");
    insta::assert_snapshot!(json_broken(&json!({"properties": {"a": {}}, "unevaluatedProperties": false}), &json!({"b": 1})), @"/unevaluatedProperties: must not have properties other than those that the schema describes");
    insta::assert_snapshot!(json_broken(&json!({"anyOf": [{"type": "string"}, {"minimum": 2}]}), &json!(1)), @"/anyOf: must conform to at least one of the 2 alternatives");
    insta::assert_snapshot!(json_broken(&json!({"format": "ipv4"}), &json!("300.0.0.1")), @r#"/format: must be of format "ipv4""#);
    insta::assert_snapshot!(json_broken(&json!({"additionalProperties": false}), &json!({"k": 1})), @"/additionalProperties: must not have properties other than those that the schema names");
    insta::assert_snapshot!(json_broken(&json!({"properties": {"k": {}}, "additionalProperties": false}), &json!({"k": 1, "l": 1})), @"/additionalProperties: must not have properties other than those that the schema names");
    insta::assert_snapshot!(json_broken(&json!({"prefixItems": [true], "items": false}), &json!([1, 2])), @"/items: must not have items other than those that the schema names (at /1 of the value)");
    insta::assert_snapshot!(json_broken(&json!({"properties": {"items": false}}), &json!({"items": 2})), @"/properties/items: no value is allowed here (at /items of the value)");
    insta::assert_snapshot!(json_broken(&json!(false), &json!(1)), @"no value is allowed here");
}

#[test]
fn what_cannot_be_a_schema_is_refused_with_the_place() {
    insta::assert_snapshot!(error(&json!({"properties": {"p": {"type": "strin"}}})), @"invalid schema at /properties/p/type: must be one of array, boolean, integer, null, number, object, string, or a list of them");
    insta::assert_snapshot!(error(&json!({"maximum": "9"})), @"invalid schema at /maximum: must be of type number");
    insta::assert_snapshot!(error(&json!([])), @"invalid schema: expected a JSON object, true or false");
    insta::assert_snapshot!(error(&json!({"pattern": "(?=a)b"})), @"invalid schema at /pattern: must be a regular expression that this daemon supports: without look-around and backreferences, and not too large");
    insta::assert_snapshot!(error(&json!({"pattern": r"(a)\1"})), @"invalid schema at /pattern: must be a regular expression that this daemon supports: without look-around and backreferences, and not too large");
    let text = |schema: &str| {
        let settings = SchemaSettings { key_pattern: ".*".to_owned(), schema: schema.to_owned() };
        Checker::new(&settings).map(|_| "taken").unwrap_err().to_string()
    };
    insta::assert_snapshot!(text("{\"type\": }"), @"invalid schema: it is not valid JSON (expected value at line 1 column 10)");
    insta::assert_snapshot!(text("{\"type\": \"string\", \"type\": \"number\"}"), @"invalid schema: it has the same key twice in one JSON object, the second time before line 1 column 28; keep one of them");
    insta::assert_snapshot!(text(&" ".repeat(65_537)), @"invalid schema: it is 65537 bytes long; the limit is 65536");
    let deep = format!("{}true{}", "{\"items\":".repeat(129), "}".repeat(129));
    insta::assert_snapshot!(text(&deep), @"invalid schema: it is JSON nested more than 128 levels deep; flatten it");
}

#[test]
fn nothing_outside_the_schema_is_ever_asked_for() {
    for reference in [
        "http://127.0.0.1:1/x.json",
        "https://example.com/x.json#/a",
        "file:///etc/passwd",
        "other.json",
        "//host/x",
        "urn:x:y",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        for keyword in ["$ref", "$dynamicRef"] {
            let schema = json!({"properties": {"p": {keyword: reference}}});
            assert_eq!(
                error(&schema),
                format!(
                    "invalid schema at /properties/p/{keyword}: refers to {reference:?}, but references must stay inside the schema"
                ),
            );
        }
    }
    insta::assert_snapshot!(error(&json!({"$schema": "http://json-schema.org/draft-07/schema#"})), @r#"invalid schema at /$schema: unsupported draft "http://json-schema.org/draft-07/schema#"; expected "https://json-schema.org/draft/2020-12/schema""#);
    insta::assert_snapshot!(error(&json!({"$defs": {"a": {"$id": "https://example.com/a"}}})), @"invalid schema at /$defs/a/$id: $id is allowed only at the root of the schema");
    insta::assert_snapshot!(error(&json!({"$ref": "#/$defs/nope"})), @r##"invalid schema at /$ref: refers to "#/$defs/nope", which does not exist in the schema"##);
    insta::assert_snapshot!(error(&json!({"$ref": "#nope"})), @r##"invalid schema at /$ref: refers to "#nope", which is not an anchor of the schema"##);
}

#[test]
fn references_inside_the_schema_lead_to_pointers_anchors_and_its_own_id() {
    let small = json!({"$id": "https://example.com/s.json", "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"a b/c": {"$anchor": "small", "maximum": 9}}});
    for reference in ["#/$defs/a%20b~1c", "#small", "https://example.com/s.json#small"] {
        let mut schema = small.clone();
        schema["properties"] = json!({"p": {"$ref": reference}});
        assert!(conforms(&schema, ValueType::Json, "{\"p\": 9}"), "{reference}");
        assert!(!conforms(&schema, ValueType::Json, "{\"p\": 10}"), "{reference}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_in_place_is_refused_and_one_for_trees_is_not() {
    insta::assert_snapshot!(error(&json!({"$ref": "#"})), @"invalid schema: references form a cycle that never descends into the value: # -> #");
    let round = json!({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}, "properties": {"p": {"$ref": "#/$defs/a"}}});
    let text = error(&round);
    assert!(text.contains("references form a cycle") && text.contains("#/$defs/a/allOf/0"), "{text}");
    let tree = json!({"$dynamicAnchor": "node", "type": "object", "required": ["v"], "properties": {"v": {"type": "number"},
        "kids": {"type": "array", "items": {"$dynamicRef": "#node"}}}, "unevaluatedProperties": false});
    assert!(conforms(&tree, ValueType::Json, r#"{"v":1,"kids":[{"v":2},{"v":3,"kids":[{"v":4}]}]}"#));
    assert!(!conforms(&tree, ValueType::Json, r#"{"v":1,"kids":[{"v":2},{"v":3,"kids":[{"v":"x"}]}]}"#));
}

#[test]
fn references_that_multiply_are_refused_before_anything_is_checked() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let text = error(&doubling(keyword, 20, json!({"type": "string"})));
        assert!(text.contains("the limit of 1000000"), "{text}");
    }
    let text = error(&doubling("allOf", 200, json!(true)));
    assert!(text.contains("a chain of more than 64 subschemas"), "{text}");
    // A tree of alternatives doubles with each level of the value: what is shallow passes, what is deep is refused.
    let branch = json!({"properties": {"x": {"$ref": "#"}}, "minProperties": 1});
    let both = json!({"anyOf": [branch, branch, {"type": "number"}]});
    assert!(conforms(&both, ValueType::Json, &nested(5).to_string()));
    let deep = json_broken(&both, &nested(100));
    assert!(
        deep.contains("steps; the limit is 2000000 (the value has 201 parts, 100 levels deep)"),
        "{deep}"
    );
}

#[test]
fn a_large_value_under_a_large_schema_is_refused_before_it_keeps_anyone_waiting() {
    let options: Vec<Value> = (0..8_000).map(|number| json!(format!("o{number}"))).collect();
    let items = json!({"items": {"enum": options}});
    assert!(conforms(&items, ValueType::Json, r#"["o1", "o7999"]"#));
    let many = Value::Array(vec![json!("o7999"); 8_000]);
    let text = json_broken(&items, &many);
    assert!(text.contains("the limit is 2000000"), "{text}");
}

#[test]
fn what_would_take_long_to_explain_is_refused_without_the_place() {
    let branches: Vec<Value> =
        (0..200).map(|number| json!({"items": {"const": format!("x{number}")}})).collect();
    let schema = json!({ "anyOf": branches });
    let text = json_broken(&schema, &Value::Array(vec![json!("none"); 2_000]));
    assert!(text.starts_with("it does not conform, and it is too large to say where"), "{text}");
    let text = json_broken(&schema, &json!(["none"]));
    assert_eq!(text, "/anyOf: must conform to at least one of the 200 alternatives");
    let all = json!({"allOf": schema["anyOf"].clone()});
    let text = json_broken(&all, &Value::Array(vec![json!("none"); 2_000]));
    assert_eq!(text, "/allOf/0/items/const: must be \"x0\" (at /0 of the value)");
    let patterns: serde_json::Map<_, _> =
        (0..257).map(|number| (format!("^p{number}"), json!(true))).collect();
    let text = error(&json!({ "patternProperties": patterns }));
    assert_eq!(text, "invalid schema: it has more than 256 patterns");
}

#[test]
fn a_pattern_that_stalls_other_engines_is_tried_in_one_go() {
    let schema = json!({"pattern": "^(a+)+$"});
    assert!(!conforms(&schema, ValueType::String, &format!("{}b", "a".repeat(60_000))));
    assert!(conforms(&schema, ValueType::String, &"a".repeat(60_000)));
    assert!(error(&json!({"pattern": "(a{1000}){1000}"})).contains("not too large"));
    let digits = json!({"pattern": r"^\d{1,64}$"});
    assert!(
        conforms(&digits, ValueType::String, "12") && !conforms(&digits, ValueType::String, "١٢"),
        "as ECMA 262 says"
    );
}

/// What a value may take under a schema, or the refusal.
fn steps(schema: &Value, text: &str) -> Result<u64, String> {
    let checker = checker(schema).unwrap_or_else(|error| panic!("{error}"));
    checker
        .read(ValueType::String, text)
        .map(|instance| instance.steps)
        .map_err(|mismatch| mismatch.to_string())
}

#[test]
fn a_pattern_whose_states_outgrow_the_cache_does_not_hold_the_writer() {
    let value = "ab".repeat(32_500);
    // One value would take seconds, or nearly a minute.
    let one = json!({"not": {"pattern": "a[ab]{2000}x"}});
    let text = steps(&one, &value).unwrap_err();
    assert!(text.contains("the limit is 2000000 (the value has 1016 parts"), "{text}");
    assert!(conforms(&one, ValueType::String, "a short one"));
    let eighty: Vec<Value> =
        (0..80).map(|number| json!({"not": {"pattern": format!("a[ab]{{{}}}x", 1_920 + number)}})).collect();
    let text = error(&json!({ "allOf": eighty }));
    assert!(
        text.contains("the limit of 1000000") && text.contains("fewer repetitions in patterns"),
        "{text}"
    );
    // The names of members are tried as well.
    let names = json!({"patternProperties": {"a[ab]{500}x": true}, "additionalProperties": false});
    let many: serde_json::Map<_, _> =
        (0..200).map(|number| (format!("{number}{}", &value[..250]), json!(1))).collect();
    let text = json_broken(&names, &Value::Object(many));
    assert!(text.contains("the limit is 2000000"), "{text}");
    // What it takes grows with the pattern, and with the text.
    let of = |repeats: u32, bytes: usize| {
        steps(&json!({"pattern": format!("a[ab]{{{repeats}}}x")}), &value[..bytes]).unwrap_or(u64::MAX)
    };
    assert!(of(1_000, 1_000) > 3 * of(200, 1_000) && of(200, 5_000) > 4 * of(200, 1_000));
}

#[test]
fn patterns_as_people_write_them_are_tried_on_the_largest_values() {
    let value = "a".repeat(65_536);
    for pattern in [
        "^[ -~]*$",
        r"^[A-Za-z0-9+/=\s]+$",
        "^[a-z0-9-]{1,63}$",
        "^.{1,100}$",
        r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
        r"^https?://[^/\s]+(/.*)?$",
        "^a[ab]{50}x",
        r"^-----BEGIN [A-Z ]+-----[\s\S]+-----END [A-Z ]+-----\s*$",
        "^(a+)+$",
        r"^\d{4}-\d\d-\d\d$",
        "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$",
    ] {
        let steps =
            steps(&json!({ "pattern": pattern }), &value).unwrap_or_else(|text| panic!("{pattern}: {text}"));
        assert!(steps < 50_000, "{pattern}: {steps}");
    }
}

#[test]
fn finding_out_what_many_patterns_take_is_bounded_too() {
    let mut costs = pattern::Costs::default();
    for number in 0..256 {
        assert!(!pattern::Costs::is_quick(costs.of_ecma(&format!("a[ab]{{{}}}x", 1_000 + number))));
    }
    assert!(
        !pattern::Costs::is_quick(costs.of_ecma("^[a-z]{1,200}$")),
        "nothing is left to find it out with"
    );
    assert!(pattern::Costs::is_quick(pattern::Costs::default().of_ecma("^[a-z]{1,200}$")));
}

#[test]
fn a_request_has_a_budget_of_steps() {
    let mut budget = ValidationBudget::default();
    assert!(budget.spend(MAX_REQUEST_STEPS - 10));
    assert!(!budget.spend(11) && budget.spend(10) && !budget.spend(1));
}

#[test]
fn messages_say_where_values_are_wrong_within_a_bound_for_each_request() {
    let branches: Vec<Value> = (0..200).map(|number| json!({"const": number})).collect();
    let checker = checker(&json!({ "anyOf": branches })).unwrap_or_else(|error| panic!("{error}"));
    let instance = checker.read(ValueType::String, "none").unwrap_or_else(|mismatch| panic!("{mismatch}"));
    let mut budget = ValidationBudget::default();
    let messages: Vec<String> =
        (0..10_000).map(|_| budget.explain(&checker, &instance).to_string()).collect();
    let placed = messages.iter().filter(|text| text.starts_with("/anyOf: ")).count();
    assert!((100..2_000).contains(&placed), "{placed}");
    insta::assert_snapshot!(messages[9_999], @"it does not conform; this request has too many such values to say where each is wrong");
}

#[test]
fn the_deepest_schema_on_the_deepest_value_fits_the_writers_stack() {
    // 62 references one after the other, at each of 127 levels of the value; failing, which takes the most.
    let mut defs = serde_json::Map::new();
    for level in 0..60 {
        defs.insert(format!("a{level}"), json!({"$ref": format!("#/$defs/a{}", level + 1)}));
    }
    defs.insert(
        "a60".to_owned(),
        json!({"properties": {"x": {"$ref": "#/$defs/a0"}}, "anyOf": [{"type": "object"}]}),
    );
    let schema = json!({"$defs": defs, "$ref": "#/$defs/a0"});
    let texts =
        with_the_writers_stack(|| (json_broken(&schema, &nested(127)), json_broken(&schema, &nested(128))));
    assert!(texts.0.starts_with("/$defs/a60/anyOf"), "{}", texts.0);
    assert_eq!(texts.1, "it is nested too deeply to check; the limit is 127 levels");

    // The longest way through different subschemas; it is dropped on a small stack.
    let mut defs = serde_json::Map::new();
    for level in 0..1_200 {
        defs.insert(level.to_string(), json!({"items": {"$ref": format!("#/$defs/{}", level + 1)}}));
    }
    defs.insert("1200".to_owned(), json!(true));
    let schema = json!({"$defs": defs, "$ref": "#/$defs/0"});
    assert!(schema.to_string().len() < MAX_SCHEMA_BYTES);
    let kept = with_the_writers_stack(|| checker(&schema).unwrap_or_else(|error| panic!("{error}")));
    std::thread::spawn(move || drop(kept)).join().unwrap();
}

#[test]
fn texts_of_schemas_and_values_have_the_same_form() {
    // "é" written as one character in the one, and as two in the other.
    assert!(conforms(&json!({"const": "caf\u{e9}"}), ValueType::String, "cafe\u{301}"));
    assert!(conforms(&json!({"const": "cafe\u{301}"}), ValueType::String, "caf\u{e9}"));
    assert!(conforms(&json!({"required": ["e\u{301}"]}), ValueType::Json, "{\"\u{e9}\": 1}"));
}

#[test]
fn numbers_are_checked_as_far_as_floats_reach() {
    assert!(conforms(
        &json!({"maximum": 18_446_744_073_709_551_614_u64}),
        ValueType::Number,
        "18446744073709551614"
    ));
    assert!(!conforms(
        &json!({"maximum": 18_446_744_073_709_551_614_u64}),
        ValueType::Number,
        "18446744073709551615"
    ));
    assert!(conforms(&json!({"multipleOf": 0.01}), ValueType::Number, "0.07"));
    // Beyond 64 bits the nearest float counts.
    assert!(conforms(&json!({"maximum": 1}), ValueType::Number, "1.00000000000000000000001"));
    let far = checker(&json!({"type": "number"})).unwrap_or_else(|error| panic!("{error}"));
    let canonical = ValueType::Number.canonicalize("1e400").unwrap();
    insta::assert_snapshot!(far.check(ValueType::Number, &canonical).unwrap_err(), @"it has a number that is too large to check; the limit is 1.7e308");
}

#[test]
fn key_patterns_are_for_whole_keys() {
    let pattern = |pattern: &str| {
        Checker::new(&SchemaSettings { key_pattern: pattern.to_owned(), schema: "true".to_owned() })
    };
    let is_for = |text: &str, key: &str| {
        pattern(text).unwrap_or_else(|error| panic!("{error}")).is_for(&key.parse::<Key>().unwrap())
    };
    assert!(is_for("DB_.*", "DB_PORT") && !is_for("DB_.*", "MY_DB_PORT"));
    assert!(is_for("A|B", "B") && !is_for("A|B", "AX") && !is_for("A|B", "XB"));
    assert!(is_for("A|AB", "AB"), "the longer alternative counts too");
    let error = |text: &str| pattern(text).map(|_| "taken").unwrap_err().to_string();
    insta::assert_snapshot!(error(""), @"key_pattern is empty and would match no key");
    insta::assert_snapshot!(error("a)|(b"), @"key_pattern is not a regular expression: unopened group");
    insta::assert_snapshot!(error("(?=a)"), @"key_pattern is not a regular expression: look-around, including look-ahead and look-behind, is not supported");
    insta::assert_snapshot!(error("((a{1000}){1000}){1000}"), @"key_pattern takes more than 65536 bytes when compiled; use fewer repetitions");
    insta::assert_snapshot!(error(".*A[AB]{200}X|B"), @"key_pattern may take 102400 steps for a single key, more than the limit of 50000; use fewer repetitions");
    assert!(is_for("[A-Z]{1,255}", &"A".repeat(255)) && is_for(".*A[AB]{9}X", "AABABABABABX"));
    assert!(is_for("(?x)A #", "A") && is_for("(?x) A | B # one letter", "B") && !is_for("(?x)A #", "AX"));
    assert!(is_for("A|B", "A") && !is_for("A|B", "AB"), "no line break where no comment needs one");
    insta::assert_snapshot!(error("(?x)(A #)"), @"key_pattern is not a regular expression: unclosed group");
    insta::assert_snapshot!(error(&"a".repeat(1025)), @"key_pattern is 1025 bytes long; the limit is 1024");
}

#[test]
fn pointers_are_cut_between_steps() {
    assert_eq!(cut("/a/b"), "/a/b");
    let long = format!("/{}/{}", "a".repeat(300), "ü".repeat(300));
    assert_eq!(cut(&long), format!("/{}", "a".repeat(300)));
    assert_eq!(cut(&format!("/{}", "a".repeat(600))), "");
}

/// Schemas of many kinds that most values break.
fn schemas() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"type": "array", "maxItems": 0}),
        json!({"const": "c"}),
        json!({"enum": ["e", {"k": 1}]}),
        json!({"not": true}),
        json!({"not": {"type": ["string", "number", "object"]}}),
        json!({"pattern": "^never$", "maximum": -1e9, "maxProperties": 0, "minItems": 99, "maxLength": 0}),
        json!({"multipleOf": 0.3, "uniqueItems": true, "contains": {"const": "c"}, "minProperties": 50}),
        json!({"anyOf": [{"const": 1}, {"properties": {"k": {"const": 2}}, "required": ["k"]}]}),
        json!({"oneOf": [true, true]}),
        json!({"additionalProperties": false, "items": false, "minLength": 500, "minimum": 1e99}),
        json!({"propertyNames": {"pattern": "^never$"}, "prefixItems": [false], "format": "uuid", "exclusiveMinimum": 1e99}),
        json!({"unevaluatedProperties": false, "unevaluatedItems": {"type": "null"}, "dependentRequired": {"k": ["nope"]}}),
        json!({"if": {"type": "string"}, "then": {"format": "date-time"}, "else": {"const": null}}),
    ])
}

proptest! {
    #[test]
    fn no_text_of_a_value_gets_into_a_message(schema in schemas(), tail in "[a-z0-9]{6}", shape in 0..5_u8) {
        let secret = format!("zq{tail}");
        let number = format!("7{}.5", tail.bytes().map(|byte| char::from(b'0' + byte % 10)).collect::<String>());
        let (value_type, text) = match shape {
            0 => (ValueType::String, secret.clone()),
            1 => (ValueType::Number, number.clone()),
            2 => (ValueType::Json, json!([secret, secret]).to_string()),
            3 => (ValueType::Json, json!({"k": secret, "l": [secret]}).to_string()),
            _ => (ValueType::Json, format!("[{number},{number}]")),
        };
        let canonical = value_type.canonicalize(&text).unwrap();
        let checker = checker(&schema).unwrap_or_else(|error| panic!("{error}"));
        if let Err(mismatch) = checker.check(value_type, &canonical) {
            let output = format!("{mismatch} {mismatch:?}");
            prop_assert!(!output.contains(&secret) && !output.contains(&number), "{output}");
        }
    }
}
