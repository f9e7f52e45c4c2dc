//! Deleting what still holds something, on demand and in one step.

use kontraktor_model::names::{Key, ProjectName};

use super::{
    super::super::{AuditEntry, Body, Operation},
    World, delete_env, delete_project, protecting, put,
};

fn operations(world: &World, since: usize) -> Vec<String> {
    let entries = world.events[since..].iter().map(AuditEntry::from);
    entries
        .map(|entry| {
            let env = entry.environment().map(|path| path.env.as_str());
            let name = [entry.project().map(ProjectName::as_str), env, entry.key().map(Key::as_str)];
            let name = name.into_iter().flatten().collect::<Vec<_>>().join("/");
            format!("{} {name} {}", entry.operation(), entry.revision().unwrap_or(0))
        })
        .collect()
}

#[test]
fn deleting_an_environment_deletes_its_contents_each_with_an_event() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1"), put("p/e", "B", "2")]]);
    let since = world.events.len();
    world.ask(&delete_env("p/e", true)).unwrap();
    assert_eq!(
        operations(&world, since),
        ["variable deleted p/e/A 2", "variable deleted p/e/B 2", "environment deleted p/e 2"]
    );
    let Body::Variable(first) = &world.events[since].body else { panic!("a variable goes first") };
    assert_eq!((first.old_value.as_deref(), first.new_value.as_deref()), (Some("1"), None));
    assert_eq!((world.state.environment_count(), world.state.variable_count()), (0, 0));
    world.write(vec![vec![put("p/e", "A", "1")]]);
    assert_eq!(world.revision("p/e"), 3, "and counting continues");
}

#[test]
fn deleting_a_project_deletes_its_contents() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1"), put("p/f", "B", "2"), put("q/e", "C", "3")]]);
    world.create_env("p/g", false).unwrap();
    // Imports among what goes are in nobody's way.
    world.import("p/e", &["p/f", "p/g", "q/e"]).unwrap();
    let since = world.events.len();
    world.ask(&delete_project("p", true)).unwrap();
    assert_eq!(
        operations(&world, since),
        [
            "variable deleted p/e/A 3",
            "environment deleted p/e 3",
            "variable deleted p/f/B 2",
            "environment deleted p/f 2",
            "environment deleted p/g 2",
            "project deleted p 0",
        ]
    );
    assert_eq!((world.state.environment_count(), world.state.variable_count()), (1, 1));
    assert_eq!(
        world.events.last().map(|event| AuditEntry::from(event).operation()),
        Some(Operation::ProjectDeleted)
    );
}

#[test]
fn force_overrides_no_protection_inside_and_names_what_is_protected() {
    let mut world = World::new();
    let keys: Vec<String> = (0..24).map(|i| format!("K{i:02}")).collect();
    world.write(vec![keys.iter().map(|key| protecting(put("p/e", key, "1"), true)).collect()]);
    world.write(vec![vec![put("p/e", "FREE", "1"), protecting(put("p/f", "ONE", "1"), true)]]);
    world.create_env("p/g", false).unwrap();
    world.protect_env("p/g", true);
    let refusals = [
        world.refused(&delete_env("p/e", true)),
        world.refused(&delete_env("p/f", true)),
        world.refused(&delete_project("p", true)),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    Protected env: environment "p/e" still holds 24 variables protected from deletion: K00, K01, K02, K03, K04, K05, K06, K07, K08, K09, K10, K11, K12, K13, K14, K15, K16, K17, K18, K19 and 4 more
      apply deletion_protection = false for each of them first, or run `ktr var unprotect p/e KEY...`; then delete the environment
    Protected env: environment "p/f" still holds 1 variable protected from deletion: ONE
      apply deletion_protection = false for each of them first, or run `ktr var unprotect p/f KEY...`; then delete the environment
    Protected project: project "p" still holds 1 environment and 25 variables protected from deletion: g, e/K00, e/K01, e/K02, e/K03, e/K04, e/K05, e/K06, e/K07, e/K08, e/K09, e/K10, e/K11, e/K12, e/K13, e/K14, e/K15, e/K16, e/K17, e/K18 and 6 more
      apply deletion_protection = false for each of them first, or run `ktr env unprotect p/ENV` and `ktr var unprotect p/ENV KEY...`; then delete the project
    "#);
    assert_eq!(world.state.variable_count(), 26, "nothing is lost of what could have gone");
    let refusals = [world.refused(&delete_env("p/e", false)), world.refused(&delete_project("p", false))];
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    NotEmpty env: environment "p/e" still holds 25 variables: FREE, K00, K01, K02, K03, K04, K05, K06, K07, K08, K09, K10, K11, K12, K13, K14, K15, K16, K17, K18 and 5 more
      delete its variables first, or delete them together with the environment: apply force_destroy = true, or run `ktr env delete --force p/e`
    NotEmpty project: project "p" still holds 3 environments with 26 variables: e, f, g
      delete these environments and their variables first, or delete them together with the project: apply force_destroy = true, or run `ktr project delete --force p`
    "#);
}

#[test]
fn a_deletion_of_nothing_but_itself_needs_no_force() {
    let mut world = World::new();
    world.create_env("p/e", true).unwrap();
    world.delete_env("p/e").unwrap();
    world.delete_project("p").unwrap();
    world.create_env("p/e", true).unwrap();
    world.ask(&delete_project("p", true)).unwrap();
}
