//! How much checking one request may ask for.

use super::{
    super::super::{
        CreateSchema, EarlierState, ItemOutcome, Refusal, RestoreEnvironment, SchemaSettings, WriteItem,
    },
    World, describe, put, refusal,
};

/// Tens of thousands of steps for every KiB of text.
const SLOW: &str = r#"{"not":{"pattern":"a[ab]{200}x"}}"#;

impl World {
    fn attach(&mut self, name: &str, key_pattern: &str, schema: &str) -> Result<(), Refusal> {
        let settings = SchemaSettings { key_pattern: key_pattern.to_owned(), schema: schema.to_owned() };
        let request = CreateSchema {
            project: "p".parse().unwrap(),
            name: name.parse().unwrap(),
            settings,
            create_missing: true,
            adopt_existing: false,
        };
        self.ask(&request).map(|_| ())
    }

    /// Writes items on their own; how many are written, and the first refusal.
    fn written(&mut self, items: Vec<WriteItem>) -> (usize, Option<String>) {
        let outcome = self.write(items.into_iter().map(|item| vec![item]).collect());
        let is_written = |place: &usize| matches!(outcome.results[*place].outcome, ItemOutcome::Written);
        let count = (0..outcome.results.len()).filter(is_written).count();
        let first = (0..outcome.results.len()).find(|place| !is_written(place));
        (count, first.map(|place| describe(refusal(&outcome, place))))
    }
}

fn items(count: usize, value: &str) -> Vec<WriteItem> {
    (0..count).map(|number| put("p/e", &format!("K{number:05}"), value)).collect()
}

#[test]
fn many_values_under_a_slow_pattern_do_not_stop_the_writer_and_the_rest_is_refused() {
    let mut world = World::new();
    world.attach("slow", "K.*", SLOW).unwrap();
    let value = "ab".repeat(2_000);
    let (written, refused) = world.written(items(100, &value));
    assert!((10..100).contains(&written), "{written}");
    let refused = refused.unwrap();
    assert!(
        refused.contains("was not checked") && refused.contains("write fewer variables at a time"),
        "{refused}"
    );
    // Fewer at a time are written, and what is small still is when nothing is left for what is large.
    assert_eq!(world.written(items(written, &value.replace("ab", "ba"))).0, written);
    let mut mixed = items(100, &value.replace("ab", "aa"));
    mixed.push(put("p/e", "K99999", "small"));
    assert_eq!(world.written(mixed).0, written + 1);
}

#[test]
fn restoring_has_the_same_budget_as_writing() {
    let mut world = World::new();
    let value = "ab".repeat(2_000);
    world.write(vec![items(100, &value)]);
    let environment = world.env("p/e");
    let past = EarlierState {
        revision: environment.revision,
        description: environment.description.clone(),
        imports: environment.imports.clone(),
        variables: environment.variables.clone(),
    };
    world.write(vec![items(100, "")]);
    world.attach("slow", "K.*", SLOW).unwrap();
    let request = RestoreEnvironment { path: "p/e".parse().unwrap(), earlier: past, expect_revision: None };
    let refused = world.refused(&request);
    assert!(
        refused.contains("cannot be restored: key \"K")
            && refused.contains("write fewer variables at a time"),
        "{refused}"
    );
}

#[test]
fn large_batches_of_harmless_values_are_written() {
    let mut world = World::new();
    world.attach("line", "K.*", r#"{"type":"string","pattern":"^[ -~]*$","maxLength":65536}"#).unwrap();
    for number in 0..20 {
        world.attach(&format!("s{number}"), "(K|L).*", r#"{"type":"string"}"#).unwrap();
    }
    assert_eq!(world.written(items(300, &"v".repeat(65_536))), (300, None));
    assert_eq!(world.written(items(10_000, "small")), (10_000, None));
}

#[test]
fn key_patterns_spend_the_budget_too() {
    let mut world = World::new();
    for number in 0..64 {
        world
            .attach(&format!("s{number}"), &format!(".*A[AB]{{{}}}X", 30 + number / 4), "true")
            .unwrap_or_else(|refusal| {
                assert!(refusal.message.contains("for a single key"), "{refusal}");
            });
    }
    let key = |number: usize| format!("{}{number:04}", "AB".repeat(120));
    let many: Vec<WriteItem> = (0..2_000).map(|number| put("p/e", &key(number), "v")).collect();
    let (written, refused) = world.written(many);
    assert!((10..1_000).contains(&written), "{written}");
    assert!(refused.unwrap().contains("write fewer variables at a time"));
}
