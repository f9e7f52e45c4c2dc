//! Maps of objects with attributes of their own: how they travel, and how each element is planned and checked.

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire::schema::object::NestingMode;

use super::fields;
use crate::framework::fields::Fields;
use crate::framework::plan::plan;
use crate::framework::schema::{Attribute, Schema};

fn schema() -> Schema {
    fn same_title(prior: &Fields, planned: &Fields) -> bool {
        let title = |fields: &Fields| fields.get("title").and_then(Value::as_str).map(str::to_lowercase);
        title(prior) == title(planned)
    }
    fn short(value: &Value) -> Result<(), String> {
        if value.as_str().is_some_and(|text| text.len() > 9) { Err("9 at most.".to_owned()) } else { Ok(()) }
    }
    let attributes = vec![
        Attribute::required("title", Type::String, "The title.").semantic_equality(same_title),
        Attribute::optional("shelf", Type::String, "The shelf.").default(Value::from("a")).validator(short),
    ];
    Schema::new(
        "A room.",
        vec![
            Attribute::optional_map("books", attributes, "The books."),
            Attribute::computed("edition", Type::Number, "The edition.").recomputed_when(&["books"]),
        ],
    )
}

fn book(title: &str, shelf: Option<&str>) -> Value {
    Value::object([("title", Value::from(title)), ("shelf", shelf.into())])
}

fn room<const N: usize>(books: [(&str, Value); N]) -> Fields {
    fields([("books", Value::object(books)), ("edition", Value::Null)])
}

#[test]
fn a_nested_map_travels_with_its_attributes_and_without_a_type() {
    let block = schema().to_wire().block.expect("a schema has a block");
    let books = &block.attributes[0];
    let nested = books.nested_type.as_ref().expect("it is nested");
    assert_eq!((books.name.as_str(), books.r#type.as_slice()), ("books", &[][..]));
    assert_eq!(nested.nesting(), NestingMode::Map);
    let names: Vec<_> =
        nested.attributes.iter().map(|held| (held.name.as_str(), held.required, held.computed)).collect();
    assert_eq!(names, [("shelf", false, true), ("title", true, false)]);
}

#[test]
fn each_element_is_planned_as_an_object_of_its_own() {
    let mut prior = room([("x", book("Emma", Some("a"))), ("y", book("Ulysses", Some("b")))]);
    prior.insert("edition".to_owned(), Value::from(3_u64));
    // The same in other words: the prior text stays, and nothing is recomputed.
    let same = room([("x", book("EMMA", None)), ("y", book("ulysses", Some("b")))]);
    assert_eq!(plan(&schema(), Some(&prior), &same).fields, prior);
    // One of them is another book.
    let changed =
        plan(&schema(), Some(&prior), &room([("x", book("EMMA", None)), ("y", book("Omoo", None))]));
    let expected = Value::object([("x", book("Emma", Some("a"))), ("y", book("Omoo", Some("a")))]);
    assert_eq!((&changed.fields["books"], &changed.fields["edition"]), (&expected, &Value::Unknown));

    // Without a prior one, defaults are filled in; what is not known stays so.
    let new = plan(&schema(), None, &room([("x", book("Emma", None)), ("z", Value::Unknown)]));
    let expected = Value::object([("x", book("Emma", Some("a"))), ("z", Value::Unknown)]);
    assert_eq!(new.fields["books"], expected);
}

#[test]
fn elements_are_checked_at_their_path() {
    let mut books =
        room([("x", book("Emma", Some("far too far"))), ("y", Value::Null), ("z", Value::Unknown)]);
    let paths = |fields: &Fields| -> Vec<_> {
        let diagnostics = schema().validate(fields);
        diagnostics
            .iter()
            .map(|diagnostics| diagnostics.path.as_ref().map(ToString::to_string).unwrap_or_default())
            .collect()
    };
    assert_eq!(paths(&books), [r#"books["x"].shelf"#, r#"books["y"]"#]);
    books.insert("books".to_owned(), Value::Unknown);
    assert_eq!(paths(&books), Vec::<String>::new());
}
