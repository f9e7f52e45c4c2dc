//! Projects and environments.

use super::world::World;

#[test]
fn projects_from_creation_to_deletion() {
    let mut world = World::new();
    world
        .show(&["project", "list"])
        .show(&["project", "create", "infra-demo", "--description", "The demo"])
        .show(&["project", "create", "infra-demo"])
        .show(&["project", "list"])
        .show(&["env", "create", "infra-demo/dev"])
        .show(&["project", "delete", "infra-demo"])
        .show(&["env", "delete", "infra-demo/dev"])
        .show(&["project", "delete", "infra-demo"])
        .show(&["project", "delete", "infra-demo"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr project list
    No projects.
    $ ktr project create infra-demo --description "The demo"
    Created project infra-demo.
    $ ktr project create infra-demo
    error: project "infra-demo" already exists
    hint: List projects with `ktr project list`.
    [exit 4]
    $ ktr project list
    PROJECT  ENVIRONMENTS  IMPLICIT  CREATED  DESCRIPTION
    infra-demo  0  no  TIME  The demo
    $ ktr env create infra-demo/dev
    Created environment infra-demo/dev at revision 1.
    $ ktr project delete infra-demo
    error: project "infra-demo" still holds 1 environment with 0 variables: dev
    hint: Delete its contents first, as listed by `ktr env list infra-demo` and `ktr schema list infra-demo`; or add --force.
    [exit 4]
    $ ktr env delete infra-demo/dev
    Deleted environment infra-demo/dev.
    $ ktr project delete infra-demo
    Deleted project infra-demo.
    $ ktr project delete infra-demo
    error: project "infra-demo" does not exist
    hint: List projects with `ktr project list`.
    [exit 3]
    "#);
}

#[test]
fn environments_from_creation_to_deletion() {
    let mut world = World::new();
    world
        .show(&["env", "list"])
        .show(&["env", "create", "infra-demo/dev"])
        .show(&["env", "create", "infra-demo/dev", "--create-project", "--description", "For trying out"])
        .show(&["env", "create", "infra-demo/dev"])
        .show(&["var", "set", "infra-demo/qa", "A=1", "--create"])
        .show(&["env", "list"])
        .show(&["env", "list", "infra-demo"])
        .show(&["env", "list", "other"])
        .show(&["project", "list"])
        .show(&["env", "create", "infra-demo/qa"])
        .show(&["env", "delete", "infra-demo/qa"])
        .show(&["env", "delete", "infra-demo/nope"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env list
    No environments.
    $ ktr env create infra-demo/dev
    error: project "infra-demo" does not exist
    hint: Create the project with `ktr project create infra-demo`, or add --create-project.
    [exit 3]
    $ ktr env create infra-demo/dev --create-project --description "For trying out"
    Created environment infra-demo/dev at revision 1.
    $ ktr env create infra-demo/dev
    error: environment "infra-demo/dev" already exists
    hint: Show it with `ktr env show infra-demo/dev`, or change it with `ktr env update infra-demo/dev`.
    [exit 4]
    $ ktr var set infra-demo/qa A=1 --create
    Set 1 variable in infra-demo/qa, now at revision 1.
    $ ktr env list
    ENVIRONMENT  VARIABLES  REVISION  IMPLICIT  CREATED  DESCRIPTION
    infra-demo/dev  0  1  no  TIME  For trying out
    infra-demo/qa  1  1  yes  TIME
    $ ktr env list infra-demo
    ENVIRONMENT  VARIABLES  REVISION  IMPLICIT  CREATED  DESCRIPTION
    infra-demo/dev  0  1  no  TIME  For trying out
    infra-demo/qa  1  1  yes  TIME
    $ ktr env list other
    error: project "other" does not exist
    hint: List projects with `ktr project list`.
    [exit 3]
    $ ktr project list
    PROJECT  ENVIRONMENTS  IMPLICIT  CREATED  DESCRIPTION
    infra-demo  2  yes  TIME
    $ ktr env create infra-demo/qa
    Created environment infra-demo/qa at revision 2.
    $ ktr env delete infra-demo/qa
    error: environment "infra-demo/qa" still holds 1 variable: A
    hint: Delete its variables with `ktr var unset infra-demo/qa KEY...`, or add --force.
    [exit 4]
    $ ktr env delete infra-demo/nope
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    "#);
}

#[test]
fn an_environment_is_shown_in_every_format() {
    let mut world = World::with_environment();
    world.show(&["env", "show", "infra-demo/dev"]);
    world.ok(&["var", "set", "infra-demo/dev", "PORT=5432", "--type", "number"]);
    world.ok(&[
        "var",
        "set",
        "infra-demo/dev",
        "db.host=db-1",
        "EMPTY=",
        "NOTE=it's\n$5 \"now\"",
        "DB_NAME=shop",
    ]);
    world
        .show(&["env", "show", "infra-demo/dev"])
        .show(&["env", "show", "infra-demo/dev", "--prefix", "DB"])
        .show(&["env", "show", "infra-demo/dev", "--output", "compose"])
        .show(&["env", "show", "infra-demo/dev", "--output", "docker", "--prefix", "D"])
        .show(&["env", "show", "infra-demo/dev", "--output", "docker"])
        .show(&["env", "show", "infra-demo/dev", "--output", "dotenv"])
        .show(&["env", "show", "infra-demo/dev", "--output", "shell"])
        .show(&["env", "show", "infra-demo/nope"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env show infra-demo/dev
    No variables in infra-demo/dev at revision 1.
    $ ktr env show infra-demo/dev
    KEY  TYPE  VALUE  REVISION  WRITTEN  BY
    DB_NAME  string  shop  3  TIME  unix:ME
    EMPTY  string  3  TIME  unix:ME
    NOTE  string  it's\n$5 "now"  3  TIME  unix:ME
    PORT  number  5432  2  TIME  unix:ME
    db.host  string  db-1  3  TIME  unix:ME
    $ ktr env show infra-demo/dev --prefix DB
    KEY  TYPE  VALUE  REVISION  WRITTEN  BY
    DB_NAME  string  shop  3  TIME  unix:ME
    $ ktr env show infra-demo/dev --output compose
    # infra-demo/dev at revision 3
    DB_NAME=shop
    EMPTY=
    NOTE="it's
    \$5 \"now\""
    PORT=5432
    db.host=db-1
    $ ktr env show infra-demo/dev --output docker --prefix D
    # infra-demo/dev at revision 3
    DB_NAME=shop
    $ ktr env show infra-demo/dev --output docker
    error: NOTE cannot be written in the dialect docker: a line break in a value ends it
    hint: Choose another format with --output, or pass the variables to a command with `ktr run`.
    [exit 1]
    $ ktr env show infra-demo/dev --output dotenv
    error: NOTE cannot be written in the dialect dotenv: a value with a single quote is written in double quotes, in which libraries read ", \ and $ in different ways
    hint: Choose another format with --output, or pass the variables to a command with `ktr run`.
    [exit 1]
    $ ktr env show infra-demo/dev --output shell
    error: db.host cannot be written in the dialect shell: a shell's names have only A-Z, a-z, 0-9 and "_"
    hint: Choose another format with --output, or pass the variables to a command with `ktr run`.
    [exit 1]
    $ ktr env show infra-demo/nope
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    "#);
}

#[test]
fn tables_neither_control_the_terminal_nor_grow_without_limit() {
    let world = World::with_environment();
    let long = format!("LONG={}", "x".repeat(65_536));
    world.ok(&["var", "set", "infra-demo/dev", "EVIL=\u{1b}[2J\u{202e}\r\n", &long]);
    let table = world.ok(&["env", "show", "infra-demo/dev"]);
    assert!(table.contains(r"\u{1b}[2J\u{202e}\r\n"), "{table}");
    assert!(!table.contains('\u{1b}') && !table.contains('\u{202e}'));
    assert!(table.lines().all(|line| line.chars().count() < 200));
    // Only the table truncates it.
    assert_eq!(world.ok(&["var", "get", "infra-demo/dev", "LONG", "-n"]).len(), 65_536);
}
