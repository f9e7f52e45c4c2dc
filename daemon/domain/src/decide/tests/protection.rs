//! Protection from deletion: kept here, and in the way whatever else is asked.

use super::{
    super::super::{Code, CreateProject, Expect},
    World, delete, delete_env, delete_project, describe, expecting, protecting, put, refusal, summaries,
};

fn protected_of(world: &World, path: &str, key: &str) -> bool {
    world.env(path).variables.get(key).unwrap().protected
}

/// terraform#17599: a `prevent_destroy` goes with its block. This one does not.
#[test]
fn deletion_protection_outlives_the_block_that_set_it() {
    let mut world = World::new();
    world.write(vec![vec![protecting(put("p/e", "A", "1"), true)]]);
    // What comes later says nothing of protection.
    let outcome = world.write(vec![vec![put("p/e", "A", "2")]]);
    assert_eq!(summaries(&outcome), ["written 2/2"]);
    let outcome = world.write(vec![vec![delete("p/e", "A")]]);
    insta::assert_snapshot!(describe(refusal(&outcome, 0)), @r#"
    Protected key: key "A" of environment "p/e" is protected from deletion
      apply deletion_protection = false first, or run `ktr var unprotect p/e A`; then delete it
    "#);
    assert_eq!(world.value("p/e", "A").as_deref(), Some("2"));
}

#[test]
fn unprotecting_and_deleting_are_two_writes() {
    let mut world = World::new();
    world.write(vec![vec![protecting(put("p/e", "A", "1"), true)]]);
    let outcome = world.write(vec![vec![protecting(put("p/e", "A", "1"), true)]]);
    assert_eq!(summaries(&outcome), ["unchanged 1/1"]);
    let outcome = world.write(vec![vec![protecting(put("p/e", "A", "1"), false)]]);
    assert_eq!(summaries(&outcome), ["written 2/2"], "a change of protection alone is a write");
    assert!(!protected_of(&world, "p/e", "A"));
    assert_eq!(summaries(&world.write(vec![vec![delete("p/e", "A")]])), ["deleted 3/3"]);
    world.write(vec![vec![put("p/e", "A", "1")]]);
    assert!(!protected_of(&world, "p/e", "A"), "a new key begins without");
}

#[test]
fn protection_is_reported_before_any_expectation() {
    let mut world = World::new();
    world.write(vec![vec![protecting(put("p/e", "A", "1"), true)]]);
    for expect in [Expect::Nothing, Expect::Absent, Expect::Revision(1), Expect::Revision(9)] {
        let outcome = world.write(vec![vec![expecting(delete("p/e", "A"), expect)]]);
        assert_eq!(summaries(&outcome), ["Protected 1/1"], "{expect:?}");
    }
}

#[test]
fn a_protected_key_holds_up_its_group_and_no_other() {
    let mut world = World::new();
    world.write(vec![vec![protecting(put("p/e", "A", "1"), true), put("p/e", "B", "1")]]);
    let outcome = world.write(vec![vec![delete("p/e", "B"), delete("p/e", "A")], vec![put("p/e", "C", "1")]]);
    assert_eq!(summaries(&outcome), ["Skipped 1/2", "Protected 1/2", "written 2/2"]);
}

/// The environment's protection is its own: what it holds can be written and deleted.
#[test]
fn a_protected_environment_does_not_protect_its_variables() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")]]);
    world.protect_env("p/e", true);
    assert_eq!(summaries(&world.write(vec![vec![delete("p/e", "A")]])), ["deleted 3/3"]);
    let refusals = [
        world.refused(&delete_env("p/e", false)),
        world.refused(&delete_env("p/e", true)),
        world.refused(&delete_project("p", true)),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    Protected env: environment "p/e" is protected from deletion
      apply deletion_protection = false first, or run `ktr env unprotect p/e`; then delete it
    Protected env: environment "p/e" is protected from deletion
      apply deletion_protection = false first, or run `ktr env unprotect p/e`; then delete it
    Protected project: project "p" still holds 1 environment protected from deletion: e
      apply deletion_protection = false for each of them first, or run `ktr env unprotect p/ENV` and `ktr var unprotect p/ENV KEY...`; then delete the project
    "#);
    world.protect_env("p/e", false);
    world.delete_env("p/e").unwrap();
}

#[test]
fn a_protected_project_stays_whatever_it_holds() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")]]);
    world.protect_project("p", true);
    let refusals = [world.refused(&delete_project("p", false)), world.refused(&delete_project("p", true))];
    assert_eq!(refusals[0], refusals[1]);
    insta::assert_snapshot!(refusals[0], @r#"
    Protected project: project "p" is protected from deletion
      apply deletion_protection = false first, or run `ktr project unprotect p`; then delete it
    "#);
    world.ask(&delete_env("p/e", true)).unwrap();
    world.protect_project("p", false);
    world.delete_project("p").unwrap();
}

#[test]
fn protection_can_be_asked_for_at_once() {
    let mut world = World::new();
    let settings = super::super::super::ProjectSettings { protected: true, ..Default::default() };
    let create = CreateProject { name: "p".parse().unwrap(), settings, adopt_existing: false };
    world.ask(&create).unwrap();
    assert_eq!(world.ask(&delete_project("p", true)).unwrap_err().code, Code::Protected);
}
