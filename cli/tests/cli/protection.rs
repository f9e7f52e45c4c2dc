//! Protection from deletion, and deletion with contents.

use super::world::World;

#[test]
fn protected_variables_are_unprotected_before_they_are_deleted() {
    let mut world = World::with_environment();
    world.ok(&[
        "var",
        "set",
        "infra-demo/dev",
        "A=1",
        "--type",
        "number",
        "--description",
        "The first",
        "--protect",
    ]);
    world.ok(&["var", "set", "infra-demo/dev", "A=2"]);
    world.ok(&["var", "set", "infra-demo/dev", "B=1"]);
    world
        .show(&["env", "show", "infra-demo/dev"])
        .show(&["var", "unset", "infra-demo/dev", "A", "B"])
        .show(&["var", "protect", "infra-demo/dev", "A", "B"])
        .show(&["var", "protect", "infra-demo/dev", "A"])
        .show(&["var", "protect", "infra-demo/dev", "A", "NOPE"])
        .show(&["var", "protect", "infra-demo/nope", "A"])
        .show(&["var", "history", "infra-demo/dev", "B"])
        .show(&["var", "unprotect", "infra-demo/dev", "A", "B"])
        .show(&["var", "unset", "infra-demo/dev", "A", "B"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env show infra-demo/dev
    KEY  TYPE  VALUE  REVISION  WRITTEN  BY  PROTECTED
    A  number  2  3  TIME  unix:ME  yes
    B  string  1  4  TIME  unix:ME
    $ ktr var unset infra-demo/dev A B
    error: key "A" of environment "infra-demo/dev" is protected from deletion
    hint: Apply deletion_protection = false first, or run `ktr var unprotect infra-demo/dev A`; then delete it.
    [exit 4]
    $ ktr var protect infra-demo/dev A B
    Protected 1 variable in infra-demo/dev, now at revision 5; 1 variable already protected.
    $ ktr var protect infra-demo/dev A
    No changes: infra-demo/dev is still at revision 5; 1 variable already protected.
    $ ktr var protect infra-demo/dev A NOPE
    error: infra-demo/dev has no own variable NOPE
    hint: List its own variables with `ktr env show infra-demo/dev --own-only`.
    [exit 3]
    $ ktr var protect infra-demo/nope A
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    $ ktr var history infra-demo/dev B
    REVISION  TIME  BY  VIA  OPERATION  KEY  CHANGE
    5  TIME  unix:ME  ktr  variable_updated  B  1 → 1 (protected)
    4  TIME  unix:ME  ktr  variable_created  B  (none) → 1
    $ ktr var unprotect infra-demo/dev A B
    Unprotected 2 variables in infra-demo/dev, now at revision 6.
    $ ktr var unset infra-demo/dev A B
    Deleted 2 variables from infra-demo/dev, now at revision 7.
    "#);
}

#[test]
fn protecting_changes_nothing_else_of_a_variable() {
    let world = World::with_environment();
    world.ok(&[
        "var",
        "set",
        "infra-demo/dev",
        "A={\"x\":1}",
        "--type",
        "json",
        "--description",
        "An object",
    ]);
    let read = || world.json(&["var", "get", "infra-demo/dev", "A", "--output", "json"]);
    let before = read();
    world.ok(&["var", "protect", "infra-demo/dev", "A"]);
    let after = read();
    assert_eq!(
        (&before["deletion_protection"], &after["deletion_protection"]),
        (&false.into(), &true.into())
    );
    for field in ["type", "value", "description"] {
        assert_eq!(before[field], after[field], "{field}");
    }
}

#[test]
fn protecting_does_not_undo_concurrent_writes() {
    let world = World::with_environment();
    world.ok(&["var", "set", "infra-demo/dev", "A=0"]);
    std::thread::scope(|scope| {
        let commands = [["set", "A=1"], ["protect", "A"], ["set", "A=2"], ["protect", "A"]];
        let runs = commands.map(|[command, what]| {
            let world = &world;
            scope.spawn(move || world.run(&["var", command, "infra-demo/dev", what]))
        });
        for run in runs {
            let run = run.join().expect("no panic");
            assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        }
    });
    let now = world.json(&["var", "get", "infra-demo/dev", "A", "--output", "json"]);
    assert_eq!(now["deletion_protection"], true);
    let log = world.json(&["var", "history", "infra-demo/dev", "A", "--output", "json"]);
    let mut values: Vec<_> =
        log["entries"].as_array().expect("a list").iter().map(|entry| entry["new_value"].clone()).collect();
    assert_eq!(values[0], now["value"]);
    // Each value was written once: no protection wrote an older one back.
    values.dedup();
    assert_eq!(values.len(), 3);
}

#[test]
fn imported_variables_are_protected_where_they_come_from() {
    let mut world = World::with_environment();
    world.ok(&["var", "set", "infra-demo/dev", "A=1"]);
    world.ok(&["env", "create", "infra-demo/qa", "--import", "infra-demo/dev"]);
    world.show(&["var", "protect", "infra-demo/qa", "A"]);
    insta::assert_snapshot!(world.transcript(), @"
    $ ktr var protect infra-demo/qa A
    error: infra-demo/qa has no own variable A
    hint: List its own variables with `ktr env show infra-demo/qa --own-only`.
    [exit 3]
    ");
}

#[test]
fn protected_environments_and_projects_are_not_deleted() {
    let mut world = World::new();
    world
        .show(&["project", "create", "infra-demo", "--protect"])
        .show(&["env", "create", "infra-demo/dev", "--protect"])
        .show(&["project", "list"])
        .show(&["env", "list"])
        .show(&["env", "delete", "infra-demo/dev"])
        .show(&["env", "unprotect", "infra-demo/dev"])
        .show(&["env", "unprotect", "infra-demo/dev"])
        .show(&["env", "protect", "infra-demo/nope"])
        .show(&["env", "delete", "infra-demo/dev"])
        .show(&["project", "delete", "infra-demo"])
        .show(&["project", "unprotect", "infra-demo"])
        .show(&["project", "protect", "infra-demo"])
        .show(&["project", "protect", "infra-demo"])
        .show(&["project", "unprotect", "nope"])
        .show(&["project", "unprotect", "infra-demo"])
        .show(&["project", "delete", "infra-demo"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr project create infra-demo --protect
    Created project infra-demo.
    $ ktr env create infra-demo/dev --protect
    Created environment infra-demo/dev at revision 1.
    $ ktr project list
    PROJECT  ENVIRONMENTS  IMPLICIT  PROTECTED  CREATED  DESCRIPTION
    infra-demo  1  no  yes  TIME
    $ ktr env list
    ENVIRONMENT  VARIABLES  REVISION  IMPLICIT  PROTECTED  CREATED  DESCRIPTION
    infra-demo/dev  0  1  no  yes  TIME
    $ ktr env delete infra-demo/dev
    error: environment "infra-demo/dev" is protected from deletion
    hint: Apply deletion_protection = false first, or run `ktr env unprotect infra-demo/dev`; then delete it.
    [exit 4]
    $ ktr env unprotect infra-demo/dev
    Unprotected environment infra-demo/dev, now at revision 2.
    $ ktr env unprotect infra-demo/dev
    Environment infra-demo/dev is not protected.
    $ ktr env protect infra-demo/nope
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    $ ktr env delete infra-demo/dev
    Deleted environment infra-demo/dev.
    $ ktr project delete infra-demo
    error: project "infra-demo" is protected from deletion
    hint: Apply deletion_protection = false first, or run `ktr project unprotect infra-demo`; then delete it.
    [exit 4]
    $ ktr project unprotect infra-demo
    Unprotected project infra-demo.
    $ ktr project protect infra-demo
    Protected project infra-demo.
    $ ktr project protect infra-demo
    Project infra-demo is already protected.
    $ ktr project unprotect nope
    error: project "nope" does not exist
    hint: List projects with `ktr project list`.
    [exit 3]
    $ ktr project unprotect infra-demo
    Unprotected project infra-demo.
    $ ktr project delete infra-demo
    Deleted project infra-demo.
    "#);
}

#[test]
fn force_deletes_contents_but_nothing_that_is_protected() {
    let mut world = World::with_environment();
    world.ok(&["var", "set", "infra-demo/dev", "A=1", "B=2", "--protect"]);
    world.ok(&["var", "set", "infra-demo/dev", "C=3"]);
    world
        .show(&["env", "delete", "infra-demo/dev"])
        .show(&["env", "delete", "infra-demo/dev", "--yes"])
        .show(&["env", "delete", "infra-demo/dev", "--force"])
        .show(&["env", "delete", "infra-demo/dev", "--force", "--yes"])
        .show(&["project", "delete", "infra-demo", "--force", "--yes"])
        .show(&["var", "unprotect", "infra-demo/dev", "A", "B"])
        .show(&["env", "delete", "infra-demo/dev", "--force", "--yes"])
        .show(&["env", "delete", "infra-demo/dev", "--force", "--yes"]);
    world.ok(&["var", "set", "infra-demo/qa", "A=1", "--create"]);
    world
        .show(&["project", "delete", "infra-demo"])
        .show(&["project", "delete", "infra-demo", "--force", "--yes"])
        .show(&["project", "list"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env delete infra-demo/dev
    error: environment "infra-demo/dev" still holds 3 variables: A, B, C
    hint: Delete its variables with `ktr var unset infra-demo/dev KEY...`, or add --force.
    [exit 4]
    $ ktr env delete infra-demo/dev --yes
    error: the following required arguments were not provided:
      --force

    Usage: ktr env delete --force --yes --host <HOST> <PROJECT/ENV>

    For more information, try '--help'.
    [exit 2]
    $ ktr env delete infra-demo/dev --force
    error: confirmation required, but there is no terminal to ask on
    hint: Add --yes to delete without confirmation.
    [exit 2]
    $ ktr env delete infra-demo/dev --force --yes
    error: environment "infra-demo/dev" still holds 2 variables protected from deletion: A, B
    hint: Apply deletion_protection = false for each of them first, or run `ktr var unprotect infra-demo/dev KEY...`; then delete the environment.
    [exit 4]
    $ ktr project delete infra-demo --force --yes
    error: project "infra-demo" still holds 2 variables protected from deletion: dev/A, dev/B
    hint: Apply deletion_protection = false for each of them first, or run `ktr env unprotect infra-demo/ENV` and `ktr var unprotect infra-demo/ENV KEY...`; then delete the project.
    [exit 4]
    $ ktr var unprotect infra-demo/dev A B
    Unprotected 2 variables in infra-demo/dev, now at revision 4.
    $ ktr env delete infra-demo/dev --force --yes
    Deleted environment infra-demo/dev with 3 variables.
    $ ktr env delete infra-demo/dev --force --yes
    error: environment "infra-demo/dev" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    $ ktr project delete infra-demo
    error: project "infra-demo" still holds 1 environment with 1 variable: qa
    hint: Delete its contents first, as listed by `ktr env list infra-demo` and `ktr schema list infra-demo`; or add --force.
    [exit 4]
    $ ktr project delete infra-demo --force --yes
    Deleted project infra-demo with 1 environment.
    $ ktr project list
    No projects.
    "#);
}

#[test]
fn deleting_contents_asks_for_confirmation() {
    let mut world = World::with_environment();
    world.ok(&["var", "set", "infra-demo/dev", "A=1", "B=2"]);
    world
        .answer(&["env", "delete", "infra-demo/dev", "--force"], "\n")
        .answer(&["env", "delete", "infra-demo/dev", "--force"], "\u{4}")
        .show(&["env", "list"])
        .answer(&["env", "delete", "infra-demo/dev", "--force"], "yes\n")
        .answer(&["project", "delete", "infra-demo", "--force"], "n\n")
        .answer(&["project", "delete", "infra-demo", "--force"], "y\n")
        .show(&["project", "list"]);
    insta::assert_snapshot!(world.transcript(), @"
    $ ktr env delete infra-demo/dev --force
    Delete environment infra-demo/dev with 2 variables? [y/N]
    error: not confirmed; nothing was changed
    [exit 1]
    $ ktr env delete infra-demo/dev --force
    Delete environment infra-demo/dev with 2 variables? [y/N]
    error: not confirmed; nothing was changed
    [exit 1]
    $ ktr env list
    ENVIRONMENT  VARIABLES  REVISION  IMPLICIT  CREATED  DESCRIPTION
    infra-demo/dev  2  2  no  TIME
    $ ktr env delete infra-demo/dev --force
    Deleted environment infra-demo/dev with 2 variables.
    Delete environment infra-demo/dev with 2 variables? [y/N] yes
    $ ktr project delete infra-demo --force
    Delete project infra-demo with 0 environments, and all its variables? [y/N] n
    error: not confirmed; nothing was changed
    [exit 1]
    $ ktr project delete infra-demo --force
    Deleted project infra-demo with 0 environments.
    Delete project infra-demo with 0 environments, and all its variables? [y/N] y
    $ ktr project list
    No projects.
    ");
}
