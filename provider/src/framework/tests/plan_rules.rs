//! The plan rules by table, and as properties.

use proptest::prelude::*;
use tfplugin_proto::value::Value;

use super::shelf::book_schema;
use super::{fields, whole};
use crate::framework::fields::Fields;
use crate::framework::plan::plan;
use crate::framework::schema::Mode;

fn text(text: &str) -> Value {
    Value::from(text)
}

fn number(number: u64) -> Value {
    Value::from(number)
}

fn stored() -> Fields {
    whole(
        &book_schema(),
        [
            ("id", text("dune")),
            ("title", text("Dune")),
            ("pages", number(600)),
            ("place", number(3)),
            ("edition", number(4)),
        ],
    )
}

/// Name, prior, configuration, what must be planned for the named attributes, what must be replaced.
struct Case {
    name: &'static str,
    prior: Option<Fields>,
    config: Fields,
    planned: Fields,
    replaced: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    let schema = book_schema();
    let config = |attributes: Vec<(&str, Value)>| {
        let mut config = whole(&schema, [("title", text("Dune")), ("pages", number(600))]);
        for (name, value) in attributes {
            config.insert(name.to_owned(), value);
        }
        config
    };
    vec![
        Case {
            name: "a create computes what it can and leaves the rest unknown",
            prior: None,
            config: whole(&schema, [("title", text("Dune"))]),
            planned: fields([
                ("title", text("Dune")),
                ("pages", number(100)),
                ("note", Value::Null),
                ("place", Value::Unknown),
                ("edition", Value::Unknown),
            ]),
            replaced: &[],
        },
        Case {
            name: "a create keeps unknown configuration",
            prior: None,
            config: whole(&schema, [("title", Value::Unknown), ("pages", Value::Unknown)]),
            planned: fields([("title", Value::Unknown), ("pages", Value::Unknown)]),
            replaced: &[],
        },
        Case {
            name: "nothing changes",
            prior: Some(stored()),
            config: config(vec![]),
            planned: stored(),
            replaced: &[],
        },
        Case {
            name: "what means the same keeps the prior text and everything computed",
            prior: Some(stored()),
            config: config(vec![("title", text("DUNE"))]),
            planned: stored(),
            replaced: &[],
        },
        Case {
            name: "a change recomputes what depends on it",
            prior: Some(stored()),
            config: config(vec![("pages", number(601))]),
            planned: fields([("pages", number(601)), ("edition", Value::Unknown), ("place", number(3))]),
            replaced: &[],
        },
        Case {
            name: "a change of something else recomputes nothing",
            prior: Some(stored()),
            config: config(vec![("note", text("sand"))]),
            planned: fields([("note", text("sand")), ("edition", number(4))]),
            replaced: &[],
        },
        Case {
            name: "taking a value out of the configuration brings the default back",
            prior: Some(stored()),
            config: config(vec![("pages", Value::Null)]),
            planned: fields([("pages", number(100)), ("edition", Value::Unknown)]),
            replaced: &[],
        },
        Case {
            name: "a new identity is a new object",
            prior: Some(stored()),
            config: config(vec![("title", text("Emma"))]),
            planned: fields([("title", text("Emma")), ("edition", Value::Unknown)]),
            replaced: &["title"],
        },
        Case {
            name: "an identity that is not known yet may be a new object",
            prior: Some(stored()),
            config: config(vec![("title", Value::Unknown)]),
            planned: fields([("title", Value::Unknown), ("edition", Value::Unknown)]),
            replaced: &["title"],
        },
        Case {
            name: "null and empty may mean the same, and then only the spelling is planned",
            prior: Some(stored()),
            config: config(vec![("note", text(""))]),
            planned: fields([("note", text("")), ("edition", number(4))]),
            replaced: &[],
        },
        Case {
            name: "an optional computed value of the author's wins",
            prior: Some(stored()),
            config: config(vec![("place", number(9))]),
            planned: fields([("place", number(9)), ("edition", number(4))]),
            replaced: &[],
        },
        Case {
            name: "unknown and null at depth are carried",
            prior: Some(stored()),
            config: config(vec![("tags", Value::List(vec![Value::Unknown, Value::Null, text("a")]))]),
            planned: fields([("tags", Value::List(vec![Value::Unknown, Value::Null, text("a")]))]),
            replaced: &[],
        },
    ]
}

#[test]
fn the_table_of_plans() {
    let schema = book_schema();
    for case in cases() {
        let planned = plan(&schema, case.prior.as_ref(), &case.config);
        assert_eq!(planned.fields.len(), schema.attributes.len(), "{}: every attribute", case.name);
        for (name, value) in &case.planned {
            assert_eq!(planned.fields.get(name), Some(value), "{}: {name}", case.name);
        }
        assert_eq!(planned.requires_replace, case.replaced, "{}", case.name);
    }
}

fn texts() -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Unknown), "[a-cA-C]{0,2}".prop_map(Value::from)]
}

fn numbers() -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), Just(Value::Unknown), (0..4_u64).prop_map(Value::from)]
}

prop_compose! {
    fn configs()(
        title in texts(),
        pages in numbers(),
        note in prop_oneof![Just(Value::Null), texts()],
        place in numbers(),
        tags in prop_oneof![Just(Value::Null), proptest::collection::vec(texts(), 0..3).prop_map(Value::List)],
    ) -> Fields {
        whole(
            &book_schema(),
            [("title", title), ("pages", pages), ("note", note), ("place", place), ("tags", tags)],
        )
    }
}

/// What a resource would make of a plan: everything known.
fn applied(planned: &Fields) -> Fields {
    fn without_unknowns(value: &Value) -> Value {
        match value {
            Value::Unknown => Value::from("5"),
            Value::List(elements) => Value::List(elements.iter().map(without_unknowns).collect()),
            known => known.clone(),
        }
    }
    let numbers = ["pages", "place", "edition"];
    planned
        .iter()
        .map(|(name, value)| {
            let number = numbers.contains(&name.as_str()) && *value == Value::Unknown;
            (name.clone(), if number { Value::from(5_u64) } else { without_unknowns(value) })
        })
        .collect()
}

proptest! {
    /// The host's own rule (AssertPlanValid): planned is the configuration, or the prior value where both are set, or
    /// anything where the provider computes what the author left out.
    #[test]
    fn a_host_accepts_every_plan(before in configs(), config in configs(), create in any::<bool>()) {
        let schema = book_schema();
        let prior = applied(&plan(&schema, None, &before).fields);
        let prior = (!create).then_some(prior);
        let planned = plan(&schema, prior.as_ref(), &config);
        for attribute in &schema.attributes {
            let name = attribute.name;
            let (planned, config) = (&planned.fields[name], &config[name]);
            let computed = matches!(attribute.mode, Mode::Computed | Mode::OptionalComputed);
            let prior = prior.as_ref().map_or(&Value::Null, |prior| &prior[name]);
            prop_assert!(
                planned == config
                    || (!config.is_null() && !prior.is_null() && planned == prior)
                    || (computed && config.is_null()),
                "{}: {:?} from {:?} and {:?}", name, planned, prior, config
            );
        }
        for name in &planned.requires_replace {
            let prior = prior.as_ref().expect("a create replaces nothing");
            prop_assert_ne!(&planned.fields[*name], &prior[*name]);
        }
    }

    /// Applying a plan and planning again from the same, now known, configuration changes nothing.
    #[test]
    fn a_plan_that_was_applied_is_empty(config in configs()) {
        let schema = book_schema();
        let config = applied(&config);
        let state = applied(&plan(&schema, None, &config).fields);
        let again = plan(&schema, Some(&state), &config);
        prop_assert_eq!(again.fields, state);
        prop_assert!(again.requires_replace.is_empty());
    }
}
