//! What may be imported, and what stays because it is.

use super::{
    super::super::{Code, CreateEnvironment, EnvironmentSettings},
    World, delete_env, delete_project, paths, put, update_env,
};

fn three() -> World {
    let mut world = World::new();
    world.write(vec![vec![put("a/one", "A", "1"), put("a/two", "A", "1"), put("b/three", "A", "1")]]);
    world
}

fn imports_of(world: &World, path: &str) -> Vec<String> {
    world.env(path).imports.iter().map(ToString::to_string).collect()
}

#[test]
fn imports_are_kept_in_order_and_count_as_a_change() {
    let mut world = three();
    world.import("a/one", &["b/three", "a/two"]).unwrap();
    assert_eq!(imports_of(&world, "a/one"), ["b/three", "a/two"]);
    assert_eq!(world.revision("a/one"), 2);
    world.import("a/one", &["a/two", "b/three"]).unwrap();
    assert_eq!(
        (imports_of(&world, "a/one").concat(), world.revision("a/one")),
        ("a/twob/three".to_owned(), 3)
    );
    world.import("a/one", &["a/two", "b/three"]).unwrap();
    assert_eq!(world.revision("a/one"), 3, "the same again");
    world.write(vec![vec![put("a/two", "A", "2")]]);
    assert_eq!(world.revision("a/one"), 3, "what is imported counts for itself");
    world.ask(&update_env("a/one", |change| change.description = Some("d".to_owned()))).unwrap();
    assert_eq!(imports_of(&world, "a/one").len(), 2, "what is not named stays");
    world.ask(&update_env("a/one", |change| change.imports = Some(Vec::new()))).unwrap();
    assert_eq!(imports_of(&world, "a/one").len(), 0);
}

#[test]
fn bad_imports_are_refused_when_written() {
    let mut world = three();
    world.import("a/two", &["b/three"]).unwrap();
    world.import("a/one", &["a/two"]).unwrap();
    let many: Vec<String> = (0..65).map(|i| format!("a/e{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cases: [(&str, &[&str]); 6] = [
        ("b/three", &["b/three"]),
        ("b/three", &["a/two"]),
        ("b/three", &["a/two", "a/one"]),
        ("a/one", &["b/three", "b/none"]),
        ("a/one", &["b/three", "a/two", "b/three"]),
        ("a/one", &many),
    ];
    let refusals = cases.map(|(path, imports)| {
        world.refused(&update_env(path, |change| change.imports = Some(paths(imports))))
    });
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    ImportCycle imports: environment "b/three" would import itself: b/three -> b/three
      remove one of these imports
    ImportCycle imports: environment "b/three" would import itself: b/three -> a/two -> b/three
      remove one of these imports
    ImportCycle imports: environment "b/three" would import itself: b/three -> a/two -> b/three
      remove one of these imports
    NotFound imports: environment "a/one" cannot import "b/none", which does not exist
      check the name, or create that environment first
    Invalid imports: environment "a/one" would import "b/three" twice
      name it once; later imports override earlier ones
    Invalid imports: environment "a/one" would import 65 environments; the limit is 64
      group some of them in another environment, and import that one
    "#);
    let create = |path: &str, imports: &[&str]| CreateEnvironment {
        path: path.parse().unwrap(),
        settings: EnvironmentSettings { imports: paths(imports), ..Default::default() },
        create_missing: true,
        adopt_existing: false,
    };
    let refusals =
        [create("n/new", &["n/new"]), create("n/new", &["n/other"])].map(|request| world.refused(&request));
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    ImportCycle imports: environment "n/new" would import itself: n/new -> n/new
      remove one of these imports
    NotFound imports: environment "n/new" cannot import "n/other", which does not exist
      check the name, or create that environment first
    "#);
    assert!(world.state.project(&"n".parse().unwrap()).is_none(), "no project is left behind");
}

#[test]
fn an_environment_met_on_two_ways_is_no_cycle() {
    let mut world = three();
    world.import("a/two", &["b/three"]).unwrap();
    world.import("a/one", &["b/three", "a/two"]).unwrap();
    world.create_env("a/top", false).unwrap();
    world.import("a/top", &["a/one", "a/two", "b/three"]).unwrap();
}

#[test]
fn a_long_way_round_is_found_and_named() {
    let mut world = World::new();
    for i in 0..200 {
        world.create_env(&format!("p/e{i}"), true).unwrap();
    }
    for i in 1..200 {
        world.import(&format!("p/e{i}"), &[&format!("p/e{}", i - 1)]).unwrap();
    }
    let refusal = world.import("p/e0", &["p/e199"]).unwrap_err();
    assert_eq!(refusal.code, Code::ImportCycle);
    insta::assert_snapshot!(refusal, @r#"environment "p/e0" would import itself: p/e0 -> p/e199 -> p/e198 -> p/e197 -> p/e196 -> p/e195 -> p/e194 -> p/e193 -> p/e192 -> p/e191 -> (181 more) -> p/e9 -> p/e8 -> p/e7 -> p/e6 -> p/e5 -> p/e4 -> p/e3 -> p/e2 -> p/e1 -> p/e0"#);
}

#[test]
fn what_is_imported_stays_and_its_importers_are_named() {
    let mut world = three();
    world.import("a/two", &["b/three"]).unwrap();
    let refusals = [world.refused(&delete_env("b/three", true)), world.refused(&delete_project("b", true))];
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    Imported env: environment "b/three" is imported by 1 other environment: a/two
      remove it from their imports first, in their configuration or with `ktr env update`
    Imported project: 1 environment of another project imports from project "b": a/two imports b/three
      remove these from their imports first, in their configuration or with `ktr env update`
    "#);
    for i in 0..23 {
        world.import(&format!("c/e{i:02}"), &["a/one", "b/three"]).unwrap();
    }
    let refusals = [world.refused(&delete_env("b/three", true)), world.refused(&delete_project("b", true))];
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    Imported env: environment "b/three" is imported by 24 other environments: a/two, c/e00, c/e01, c/e02, c/e03, c/e04, c/e05, c/e06, c/e07, c/e08, c/e09, c/e10, c/e11, c/e12, c/e13, c/e14, c/e15, c/e16, c/e17, c/e18 and 4 more
      remove it from their imports first, in their configuration or with `ktr env update`
    Imported project: 24 environments of other projects import from project "b": a/two imports b/three, c/e00 imports b/three, c/e01 imports b/three, c/e02 imports b/three, c/e03 imports b/three, c/e04 imports b/three, c/e05 imports b/three, c/e06 imports b/three, c/e07 imports b/three, c/e08 imports b/three, c/e09 imports b/three, c/e10 imports b/three, c/e11 imports b/three, c/e12 imports b/three, c/e13 imports b/three, c/e14 imports b/three, c/e15 imports b/three, c/e16 imports b/three, c/e17 imports b/three, c/e18 imports b/three and 4 more
      remove these from their imports first, in their configuration or with `ktr env update`
    "#);
}

/// Nobody asked for either, and one of them needs the other.
#[test]
fn an_implicit_environment_that_is_imported_stays_with_its_project() {
    let mut world = World::new();
    world.write(vec![vec![put("lib/base", "A", "1")]]);
    world.import("app/dev", &["lib/base"]).unwrap();
    world.write(vec![vec![super::delete("lib/base", "A")]]);
    assert!(world.env("lib/base").implicit);
    let refusals =
        [world.refused(&delete_env("lib/base", false)), world.refused(&delete_project("lib", false))];
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    Imported env: environment "lib/base" is imported by 1 other environment: app/dev
      remove it from their imports first, in their configuration or with `ktr env update`
    Imported project: 1 environment of another project imports from project "lib": app/dev imports lib/base
      remove these from their imports first, in their configuration or with `ktr env update`
    "#);
    world.import("app/dev", &[]).unwrap();
    world.delete_project("lib").unwrap();
}

#[test]
fn an_environment_that_is_gone_imports_nothing() {
    let mut world = three();
    world.import("a/two", &["b/three"]).unwrap();
    world.ask(&delete_env("a/two", true)).unwrap();
    world.ask(&delete_env("b/three", true)).unwrap();
    world.create_env("a/two", false).unwrap();
    assert_eq!(imports_of(&world, "a/two").len(), 0);
}
