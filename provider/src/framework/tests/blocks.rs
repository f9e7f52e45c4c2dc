//! Nested blocks: how they travel, their checks, and that plans and stored states carry them.

use tfplugin_proto::value::Value;
use tfplugin_proto::wire;
use tfplugin_proto::wire::provider_server::Provider as _;
use tfplugin_proto::wire::schema::nested_block::NestingMode;
use tonic::Request;

use super::shelf::{Library, scroll_schema};
use super::{received, render, sent};
use crate::framework::fields::Fields;
use crate::framework::plan::plan;
use crate::framework::{Attribute, Block, Schema, Server};

fn scroll(seal: Value) -> Fields {
    super::fields([("text", Value::from("Sing")), ("seal", seal)])
}

fn seal(color: Value) -> Value {
    Value::object([("color", color)])
}

#[test]
fn a_block_travels_as_a_block_and_is_an_object() {
    let block = scroll_schema().to_wire().block.unwrap();
    assert_eq!(block.attributes.len(), 1);
    let seal = &block.block_types[0];
    assert_eq!((seal.type_name.as_str(), seal.nesting()), ("seal", NestingMode::Single));
    let inner = seal.block.clone().unwrap();
    assert_eq!((inner.attributes[0].name.as_str(), inner.attributes[0].required), ("color", true));
    let ty = scroll_schema().object_type();
    assert_eq!(ty.to_json(), br#"["object",{"seal":["object",{"color":"string"}],"text":"string"}]"#, "{ty}");
}

#[tokio::test]
async fn what_is_inside_a_block_is_checked_and_blamed() {
    let server = Server::new(Library);
    for (seal, expected) in [
        (Value::Null, vec![]),
        (Value::Unknown, vec![]),
        (seal(Value::from("red")), vec![]),
        (seal(Value::Unknown), vec![]),
        (seal(Value::Null), vec!["Error at seal.color: Missing seal.color"]),
        (seal(Value::from("")), vec!["Error at seal.color: Invalid seal.color"]),
    ] {
        let request = wire::validate_resource_config::Request {
            type_name: "shelf_scroll".to_owned(),
            config: sent(Some(&scroll(seal.clone())), &scroll_schema().object_type()),
            ..Default::default()
        };
        let answer = server.validate_resource_config(Request::new(request)).await.unwrap().into_inner();
        assert_eq!(render(&answer.diagnostics), expected, "{seal:?}");
    }
}

#[test]
fn what_is_planned_of_a_block_is_what_is_configured() {
    let schema = scroll_schema();
    let blocks = [Value::Null, Value::Unknown, seal(Value::from("red")), seal(Value::Unknown)];
    for (before, after) in blocks.iter().flat_map(|before| blocks.iter().map(move |after| (before, after))) {
        let prior = scroll(before.clone());
        let config = scroll(after.clone());
        assert_eq!(plan(&schema, Some(&prior), &config).fields, config);
        assert_eq!(plan(&schema, None, &config).fields, config);
    }
}

#[test]
fn a_change_inside_a_block_can_make_an_attribute_unknown() {
    let count = Attribute::computed("count", tfplugin_proto::value::Type::Number, "How often it was sealed.");
    let mut schema = Schema::new("A scroll.", vec![count.recomputed_when(&["seal"])]);
    schema.blocks = scroll_schema().blocks;
    let prior = super::fields([("count", Value::from(1_u64)), ("seal", seal(Value::from("red")))]);
    for (color, count) in [("red", Value::from(1_u64)), ("blue", Value::Unknown)] {
        let config = super::fields([("count", Value::Null), ("seal", seal(Value::from(color)))]);
        assert_eq!(plan(&schema, Some(&prior), &config).fields["count"], count, "{color}");
    }
}

#[tokio::test]
async fn a_stored_state_keeps_its_block_and_an_older_one_has_none() {
    let server = Server::new(Library);
    for (json, expected) in [
        (r#"{"text":"Sing","seal":{"color":"red"}}"#, seal(Value::from("red"))),
        (r#"{"text":"Sing"}"#, Value::Null),
    ] {
        let request = wire::upgrade_resource_state::Request {
            type_name: "shelf_scroll".to_owned(),
            version: 1,
            raw_state: Some(wire::RawState { json: json.into(), ..Default::default() }),
        };
        let answer = server.upgrade_resource_state(Request::new(request)).await.unwrap().into_inner();
        assert_eq!(render(&answer.diagnostics), [""; 0]);
        let state = received(answer.upgraded_state.as_ref(), &scroll_schema().object_type());
        assert_eq!(state, Some(scroll(expected)));
    }
}

#[test]
#[should_panic(expected = "seal.color has a plan rule, which blocks do not support")]
fn a_block_with_a_plan_rule_is_refused() {
    let color = Attribute::computed("color", tfplugin_proto::value::Type::String, "Its color.");
    let _ = Block::single("seal", "The seal.", vec![color]);
}
