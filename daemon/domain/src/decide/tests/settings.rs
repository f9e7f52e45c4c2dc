//! Changing what can be set of projects and environments: only what is named, and only if it is as expected.

use super::{
    super::super::{CreateEnvironment, CreateProject, EnvironmentSettings, ProjectSettings, UpdateProject},
    World, paths, put, update_env,
};

fn settings(description: &str, protected: bool, imports: &[&str]) -> EnvironmentSettings {
    EnvironmentSettings { description: description.to_owned(), protected, imports: paths(imports) }
}

#[test]
fn a_concurrent_change_is_not_overwritten() {
    let mut world = World::new();
    world.create_env("p/base", true).unwrap();
    world.create_env("p/e", false).unwrap();
    let expecting = |expected| {
        update_env("p/e", |change| {
            change.description = Some("mine".to_owned());
            change.expect = Some(expected);
        })
    };
    let refusals = [settings("other", false, &[]), settings("made", true, &["p/base"])]
        .map(|expected| world.refused(&expecting(expected)));
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    Conflict env: environment "p/e" differs from the expected settings in description; it was last changed by unix:ada through test at 2026-01-02T03:04:05.678901Z
      read it again, then retry
    Conflict env: environment "p/e" differs from the expected settings in deletion_protection and imports; it was last changed by unix:ada through test at 2026-01-02T03:04:05.678901Z
      read it again, then retry
    "#);
    world.ask(&expecting(settings("made", false, &[]))).unwrap();
    assert_eq!((&*world.env("p/e").description, world.revision("p/e")), ("mine", 2));

    let project = |expect: ProjectSettings| UpdateProject {
        name: "p".parse().unwrap(),
        description: None,
        protected: Some(true),
        expect: Some(expect),
    };
    let current = ProjectSettings::default();
    let other = ProjectSettings { description: "other".to_owned(), protected: false };
    insta::assert_snapshot!(world.refused(&project(other)), @r#"
    Conflict project: project "p" differs from the expected settings in description; it was last changed by unix:ada through test at 2026-01-02T03:04:05.678901Z
      read it again, then retry
    "#);
    world.ask(&project(current)).unwrap();
    assert!(world.state.project(&"p".parse().unwrap()).unwrap().protected);
}

#[test]
fn too_long_a_description_names_the_limit() {
    let mut world = World::new();
    world.create_env("p/e", true).unwrap();
    let update = |length| update_env("p/e", |change| change.description = Some("d".repeat(length)));
    insta::assert_snapshot!(world.refused(&update(1_025)), @"Invalid description: description is 1025 bytes long; the limit is 1024 bytes of UTF-8");
    world.ask(&update(1_024)).unwrap();
}

/// Creation that adopts what exists: `on_conflict = "overwrite"`.
#[test]
fn what_exists_is_adopted_on_demand() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")]]);
    world.create_env("p/base", false).unwrap();
    let create = |adopt_existing| CreateEnvironment {
        path: "p/e".parse().unwrap(),
        settings: settings("mine", true, &["p/base"]),
        create_missing: false,
        adopt_existing,
    };
    let adopt = |world: &mut World, adopt_existing| match world.ask(&create(adopt_existing)) {
        Ok(environment) => {
            assert!(!environment.implicit && environment.protected && environment.imports.len() == 1);
            Ok(environment.revision)
        }
        Err(refusal) => Err(refusal.message),
    };
    assert_eq!(adopt(&mut world, true), Ok(2), "an implicit one is adopted either way");
    assert_eq!(adopt(&mut world, true), Ok(2), "nothing is different any more");
    world.ask(&update_env("p/e", |change| change.description = Some("theirs".to_owned()))).unwrap();
    assert_eq!(adopt(&mut world, false), Err("environment \"p/e\" already exists".to_owned()));
    assert_eq!(adopt(&mut world, true), Ok(4));

    let project = |adopt_existing| CreateProject {
        name: "p".parse().unwrap(),
        settings: ProjectSettings { description: "mine".to_owned(), protected: true },
        adopt_existing,
    };
    let events = world.events.len();
    world.ask(&project(false)).unwrap();
    world.refused(&project(false));
    world.ask(&project(true)).unwrap();
    assert_eq!(world.events.len(), events + 1);
}
