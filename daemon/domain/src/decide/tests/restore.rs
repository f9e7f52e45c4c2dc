//! Making an environment what it was.

use kontraktor_model::value::ValueType;

use super::{
    super::super::{Code, EarlierState, RestoreEnvironment, Restored},
    World, delete, delete_env, protecting, put, typed, update_env,
};

impl World {
    /// Returns the present state of an environment, to restore later.
    fn past(&self, path: &str) -> EarlierState {
        let environment = self.env(path);
        EarlierState {
            revision: environment.revision,
            description: environment.description.clone(),
            imports: environment.imports.clone(),
            variables: environment.variables.clone(),
        }
    }

    fn restore(&mut self, path: &str, past: &EarlierState) -> Restored {
        self.ask(&restore(path, past, None)).unwrap()
    }

    /// `KEY=value (type, description)`.
    fn lines(&self, path: &str) -> Vec<String> {
        let variables = self.env(path).variables.values();
        variables
            .map(|found| format!("{}={} ({}, {:?})", found.key, found.value, found.kind, found.description))
            .collect()
    }
}

fn restore(path: &str, past: &EarlierState, expect_revision: Option<u64>) -> RestoreEnvironment {
    RestoreEnvironment { path: path.parse().unwrap(), earlier: past.clone(), expect_revision }
}

/// An environment with a past, and what it was then.
fn changed() -> (World, EarlierState) {
    let mut world = World::new();
    world.write(vec![vec![put("p/base", "X", "1"), put("p/other", "X", "2")]]);
    world.import("p/e", &["p/base"]).unwrap();
    world.write(vec![vec![put("p/e", "KEPT", "1"), put("p/e", "CHANGED", "1"), put("p/e", "GONE", "1")]]);
    let past = world.past("p/e");
    world.write(vec![vec![
        typed(put("p/e", "CHANGED", "2"), ValueType::Number),
        delete("p/e", "GONE"),
        put("p/e", "NEW", "1"),
    ]]);
    world
        .ask(&update_env("p/e", |change| {
            change.imports = Some(super::paths(&["p/other"]));
            change.description = Some("changed".to_owned());
        }))
        .unwrap();
    (world, past)
}

#[test]
fn one_new_revision_is_as_the_old_one_was() {
    let (mut world, past) = changed();
    let now = world.revision("p/e");
    let restored = world.restore("p/e", &past);
    assert_eq!((restored.written, restored.deleted, restored.environment.revision), (2, 1, now + 1));
    assert_eq!(
        world.lines("p/e"),
        ["CHANGED=1 (string, \"\")", "GONE=1 (string, \"\")", "KEPT=1 (string, \"\")"]
    );
    let environment = world.env("p/e");
    assert_eq!((&environment.imports, &*environment.description), (&past.imports, "made"));
    let revisions: Vec<u64> = environment.variables.values().map(|variable| variable.revision).collect();
    assert_eq!(revisions, [now + 1, now + 1, past.revision], "what was the same was not written");

    let events = world.events.len();
    let again = world.restore("p/e", &past);
    assert_eq!((again.written, again.deleted, again.environment.revision), (0, 0, now + 1));
    assert_eq!(world.events.len(), events, "there is nothing to do");
}

#[test]
fn description_or_imports_alone_are_restored_too() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1"), put("p/base", "A", "1")]]);
    let past = world.past("p/e");
    world.import("p/e", &["p/base"]).unwrap();
    let restored = world.restore("p/e", &past);
    assert_eq!((restored.written, restored.deleted, restored.environment.revision), (0, 0, 3));
    assert!(restored.environment.imports.is_empty());
    assert!(!restored.environment.implicit, "it was asked for meanwhile");
}

#[test]
fn an_implicit_environment_stays_implicit() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")]]);
    let past = world.past("p/e");
    world.write(vec![vec![put("p/e", "A", "2")]]);
    assert!(world.restore("p/e", &past).environment.implicit);
}

#[test]
fn protection_belongs_to_the_present() {
    let mut world = World::new();
    world.write(vec![vec![protecting(put("p/e", "A", "1"), true), protecting(put("p/e", "B", "1"), true)]]);
    let past = world.past("p/e");
    world.write(vec![vec![protecting(put("p/e", "B", "1"), false)]]);
    world.write(vec![vec![put("p/e", "A", "2"), delete("p/e", "B")]]);
    world.protect_env("p/e", true);
    world.restore("p/e", &past);
    let flags: Vec<(String, bool)> =
        world.env("p/e").variables.values().map(|found| (found.key.to_string(), found.protected)).collect();
    assert_eq!(flags, [("A".to_owned(), true), ("B".to_owned(), false)]);
    assert!(world.env("p/e").protected);
}

#[test]
fn a_restoration_that_is_impossible_is_refused_and_nothing_is_written() {
    let (mut world, past) = changed();
    world.write(vec![vec![protecting(put("p/e", "NEW", "1"), true)]]);
    let now = world.revision("p/e");
    let mut refusals = vec![
        world.refused(&restore("p/e", &past, None)),
        // A revision that is not the expected one is reported first.
        world.refused(&restore("p/e", &past, Some(now - 1))),
    ];
    world.write(vec![vec![protecting(put("p/e", "NEW", "1"), false), delete("p/e", "KEPT")]]);
    refusals.push(world.refused(&restore("p/e", &past, Some(now))));
    world.ask(&delete_env("p/base", true)).unwrap();
    refusals.push(world.refused(&restore("p/e", &past, None)));
    world.import("p/base", &["p/e"]).unwrap();
    refusals.push(world.refused(&restore("p/e", &past, None)));
    refusals.push(world.refused(&restore("p/none", &past, None)));
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    Protected to_revision: restoring revision 3 of environment "p/e" would delete 1 variable protected from deletion: NEW
      apply deletion_protection = false for each of them first, or run `ktr var unprotect p/e KEY...`; then roll back again
    Conflict expect_revision: environment "p/e" is at revision 6, but revision 5 was expected; it was last changed by unix:ada through test at 2026-01-02T03:04:05.678901Z
      review what changed, then retry
    Conflict expect_revision: environment "p/e" is at revision 7, but revision 6 was expected; it was last changed by unix:ada through test at 2026-01-02T03:04:05.678901Z
      review what changed, then retry
    NotFound imports: revision 3 of environment "p/e" cannot be restored: environment "p/e" cannot import "p/base", which does not exist
      check the name, or create that environment first
    ImportCycle imports: revision 3 of environment "p/e" cannot be restored: environment "p/e" would import itself: p/e -> p/base -> p/e
      remove one of these imports
    NotFound env: environment "p/none" does not exist
      check the name, or create the environment first
    "#);
    world.import("p/base", &[]).unwrap();
    let revision = world.revision("p/e");
    world.ask(&restore("p/e", &past, Some(revision))).unwrap();
}

#[test]
fn twenty_protected_keys_are_named() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")]]);
    let past = world.past("p/e");
    let keys: Vec<String> = (0..22).map(|i| format!("K{i:02}")).collect();
    world.write(vec![keys.iter().map(|key| protecting(put("p/e", key, "1"), true)).collect()]);
    let refusal = world.ask(&restore("p/e", &past, None)).unwrap_err();
    assert_eq!(refusal.code, Code::Protected);
    assert!(refusal.message.ends_with("K18, K19 and 2 more"), "{refusal}");
}
