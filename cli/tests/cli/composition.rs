//! Imports, origins of variables, points in time, and comparisons.

use super::world::World;

/// `infra-demo/dev` imports `shared/base` and then `infra-demo/default`, which imports `shared/base` too.
fn layers() -> World {
    let world = World::new();
    world.ok(&["env", "create", "shared/base", "--create-project"]);
    world.ok(&["var", "set", "shared/base", "LOG=info", "REGION=eu-west-1", "db.host=db-0"]);
    world.ok(&["env", "create", "infra-demo/default", "--create-project", "--import", "shared/base"]);
    world.ok(&["var", "set", "infra-demo/default", "LOG=debug"]);
    world.ok(&[
        "env",
        "create",
        "infra-demo/dev",
        "--import",
        "shared/base",
        "--import",
        "infra-demo/default",
    ]);
    world.ok(&["var", "set", "infra-demo/dev", "DB=shop"]);
    world
}

// Infisical#7264: nobody could see which import a value came from.
#[test]
fn origins_of_imported_variables_are_visible_in_every_format() {
    let mut world = layers();
    world
        .show(&["env", "show", "infra-demo/dev"])
        .show(&["env", "show", "infra-demo/dev", "--origin"])
        .show(&["env", "show", "infra-demo/dev", "--own-only", "--origin"])
        .show(&["env", "show", "infra-demo/dev", "--origin", "--output", "dotenv"])
        .show(&["env", "list"]);
    insta::assert_snapshot!(world.transcript(), @"
    $ ktr env show infra-demo/dev
    KEY  TYPE  VALUE  REVISION  WRITTEN  BY
    DB  string  shop  2  TIME  unix:ME
    LOG  string  debug  2  TIME  unix:ME
    REGION  string  eu-west-1  2  TIME  unix:ME
    db.host  string  db-0  2  TIME  unix:ME
    $ ktr env show infra-demo/dev --origin
    KEY  TYPE  VALUE  ORIGIN  REVISION  WRITTEN  BY
    DB  string  shop  infra-demo/dev@2  2  TIME  unix:ME
    LOG  string  debug  infra-demo/default@2  2  TIME  unix:ME
    REGION  string  eu-west-1  shared/base@2  2  TIME  unix:ME
    db.host  string  db-0  shared/base@2  2  TIME  unix:ME
    $ ktr env show infra-demo/dev --own-only --origin
    KEY  TYPE  VALUE  ORIGIN  REVISION  WRITTEN  BY
    DB  string  shop  infra-demo/dev@2  2  TIME  unix:ME
    $ ktr env show infra-demo/dev --origin --output dotenv
    # infra-demo/dev at revision 2
    # from infra-demo/dev@2
    DB=shop
    # from infra-demo/default@2
    LOG=debug
    # from shared/base@2
    REGION=eu-west-1
    # from shared/base@2
    db.host=db-0
    $ ktr env list
    ENVIRONMENT  VARIABLES  REVISION  IMPLICIT  CREATED  IMPORTS  DESCRIPTION
    infra-demo/default  1  2  no  TIME  shared/base
    infra-demo/dev  1  2  no  TIME  shared/base, infra-demo/default
    shared/base  3  2  no  TIME
    ");
    let shown = world.json(&["env", "show", "infra-demo/dev", "--output", "json"]);
    assert_eq!(shown["imports"], serde_json::json!(["shared/base", "infra-demo/default"]));
    assert_eq!(
        shown["variables"][1]["origin"],
        serde_json::json!({"project": "infra-demo", "env": "default", "revision": 2})
    );
}

#[test]
fn invalid_imports_are_refused_by_name() {
    let mut world = layers();
    world
        .show(&["env", "create", "infra-demo/qa", "--import", "infra-demo/nope"])
        .show(&["env", "create", "infra-demo/qa", "--import", "shared/base", "--import", "shared/base"])
        .show(&["env", "update", "shared/base", "--import", "infra-demo/dev"])
        .show(&["env", "delete", "shared/base", "--force", "--yes"])
        .show(&["env", "update", "infra-demo/dev", "--import", "shared/base", "--no-imports"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env create infra-demo/qa --import infra-demo/nope
    error: environment "infra-demo/qa" cannot import "infra-demo/nope", which does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    $ ktr env create infra-demo/qa --import shared/base --import shared/base
    error: environment "infra-demo/qa" would import "shared/base" twice
    hint: Name it once; later imports override earlier ones.
    [exit 2]
    $ ktr env update shared/base --import infra-demo/dev
    error: environment "shared/base" would import itself: shared/base -> infra-demo/dev -> shared/base
    hint: Remove one of these imports.
    [exit 2]
    $ ktr env delete shared/base --force --yes
    error: environment "shared/base" is imported by 2 other environments: infra-demo/default, infra-demo/dev
    hint: Remove it from their imports first, in their configuration or with `ktr env update`.
    [exit 4]
    $ ktr env update infra-demo/dev --import shared/base --no-imports
    error: the argument '--import <PROJECT/ENV>' cannot be used with '--no-imports'

    Usage: ktr env update --host <HOST> <--description <DESCRIPTION>|--import <PROJECT/ENV>|--no-imports|--protect> <PROJECT/ENV>

    For more information, try '--help'.
    [exit 2]
    "#);
}

#[test]
fn an_update_changes_only_the_given_settings() {
    let mut world = layers();
    world
        .show(&["env", "update", "infra-demo/dev", "--description", "For trying out"])
        .show(&["env", "update", "infra-demo/dev", "--description", "For trying out"])
        .show(&["env", "update", "infra-demo/dev", "--protect"])
        .show(&["env", "update", "infra-demo/dev", "--no-imports"])
        .show(&["env", "list", "infra-demo"])
        .show(&["env", "update", "infra-demo/nope", "--no-imports"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env update infra-demo/dev --description "For trying out"
    Updated environment infra-demo/dev, now at revision 3.
    $ ktr env update infra-demo/dev --description "For trying out"
    No changes: infra-demo/dev is still at revision 3.
    $ ktr env update infra-demo/dev --protect
    Updated environment infra-demo/dev, now at revision 4.
    $ ktr env update infra-demo/dev --no-imports
    Updated environment infra-demo/dev, now at revision 5.
    $ ktr env list infra-demo
    ENVIRONMENT  VARIABLES  REVISION  IMPLICIT  PROTECTED  CREATED  IMPORTS  DESCRIPTION
    infra-demo/default  1  2  no  TIME  shared/base
    infra-demo/dev  1  5  no  yes  TIME  For trying out
    $ ktr env update infra-demo/nope --no-imports
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    "#);
    assert_eq!(world.run(&["env", "update", "infra-demo/dev"]).code, 2);
}

#[test]
fn an_earlier_point_in_time_has_the_imports_of_that_time() {
    let mut world = layers();
    world.ok(&["var", "set", "infra-demo/default", "LOG=trace"]);
    world.ok(&["var", "set", "infra-demo/dev", "DB=books"]);
    world
        .show(&["env", "show", "infra-demo/dev", "--at", "1", "--origin"])
        .show(&["env", "show", "infra-demo/dev", "--at", "2", "--origin"])
        .show(&["var", "get", "infra-demo/dev", "LOG", "--at", "2"])
        .show(&["var", "get", "infra-demo/dev", "LOG", "--at", "0s"])
        .show(&["var", "get", "infra-demo/dev", "DB", "--at", "1"])
        .show(&["env", "show", "infra-demo/dev", "--at", "9"])
        .show(&["env", "show", "infra-demo/dev", "--at", "1h"])
        .show(&["env", "show", "infra-demo/dev", "--at", "0"])
        .show(&["var", "history", "infra-demo/dev", "--at", "2"])
        .show(&["var", "history", "infra-demo/dev", "--at", "1h"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env show infra-demo/dev --at 1 --origin
    KEY  TYPE  VALUE  ORIGIN  REVISION  WRITTEN  BY
    LOG  string  debug  infra-demo/default@2  2  TIME  unix:ME
    REGION  string  eu-west-1  shared/base@2  2  TIME  unix:ME
    db.host  string  db-0  shared/base@2  2  TIME  unix:ME
    $ ktr env show infra-demo/dev --at 2 --origin
    KEY  TYPE  VALUE  ORIGIN  REVISION  WRITTEN  BY
    DB  string  shop  infra-demo/dev@2  2  TIME  unix:ME
    LOG  string  debug  infra-demo/default@2  2  TIME  unix:ME
    REGION  string  eu-west-1  shared/base@2  2  TIME  unix:ME
    db.host  string  db-0  shared/base@2  2  TIME  unix:ME
    $ ktr var get infra-demo/dev LOG --at 2
    debug
    $ ktr var get infra-demo/dev LOG --at 0s
    trace
    $ ktr var get infra-demo/dev DB --at 1
    error: variable DB does not exist in infra-demo/dev@1
    hint: Show its history with `ktr var history infra-demo/dev DB`.
    [exit 3]
    $ ktr env show infra-demo/dev --at 9
    error: environment "infra-demo/dev" has no revision 9; the newest is 3
    hint: Use a revision from 1 to 3.
    [exit 3]
    $ ktr env show infra-demo/dev --at 1h
    error: environment "infra-demo/dev" did not exist yet at TIME
    hint: Use a later time, or revision 1, its first.
    [exit 3]
    $ ktr env show infra-demo/dev --at 0
    error: invalid value '0' for '--at <REVISION|TIME>': the first revision is 1

    For more information, try '--help'.
    [exit 2]
    $ ktr var history infra-demo/dev --at 2
    REVISION  TIME  BY  VIA  OPERATION  KEY  CHANGE
    2  TIME  unix:ME  ktr  variable_created  DB  (none) → shop
    1  TIME  unix:ME  ktr  environment_created  imports shared/base, infra-demo/default
    $ ktr var history infra-demo/dev --at 1h
    No entries.
    "#);
}

#[test]
fn environments_and_points_in_time_are_compared() {
    let mut world = layers();
    world.ok(&[
        "var",
        "set",
        "infra-demo/dev",
        "DB=",
        "PORT=5432",
        "--type",
        "string",
        "--description",
        "Of it",
    ]);
    world.ok(&["var", "set", "infra-demo/dev", "PORT=5433", "--type", "number"]);
    world.ok(&["var", "unset", "infra-demo/dev", "DB"]);
    world
        .show(&["env", "diff", "infra-demo/dev@2"])
        .show(&["env", "diff", "infra-demo/dev@3", "@4"])
        .show(&["env", "diff", "infra-demo/dev@3", "@4", "--prefix", "DB"])
        .show(&["env", "diff", "infra-demo/dev", "shared/base"])
        .show(&["env", "diff", "infra-demo/dev", "infra-demo/default", "--own-only"])
        .show(&["env", "diff", "infra-demo/dev"])
        .show(&["env", "diff", "infra-demo/dev@99"])
        .show(&["env", "diff", "infra-demo/dev", "infra-demo/nope"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env diff infra-demo/dev@2
    infra-demo/dev@2 → infra-demo/dev at revision 5
       KEY   CHANGE
    -  DB  shop → (none)
    +  PORT  (none) → 5433
    $ ktr env diff infra-demo/dev@3 @4
    infra-demo/dev@3 → infra-demo/dev@4
       KEY   CHANGE
    ~  PORT  5432 → 5433
    ~  PORT  type: string → number
    $ ktr env diff infra-demo/dev@3 @4 --prefix DB
    No differences: infra-demo/dev@3 → infra-demo/dev@4
    $ ktr env diff infra-demo/dev shared/base
    infra-demo/dev at revision 5 → shared/base at revision 2
       KEY   CHANGE
    ~  LOG  debug → info
    -  PORT  5433 → (none)
    $ ktr env diff infra-demo/dev infra-demo/default --own-only
    infra-demo/dev at revision 5 → infra-demo/default at revision 2
       KEY   CHANGE
    +  LOG  (none) → debug
    -  PORT  5433 → (none)
    $ ktr env diff infra-demo/dev
    error: both sides are infra-demo/dev at the same point in time
    hint: Name another environment, or another point in time: `ktr env diff infra-demo/dev@REVISION`.
    [exit 2]
    $ ktr env diff infra-demo/dev@99
    error: environment "infra-demo/dev" has no revision 99; the newest is 5
    hint: Use a revision from 1 to 5.
    [exit 3]
    $ ktr env diff infra-demo/dev infra-demo/nope
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    "#);
}

#[test]
fn a_comparison_reports_by_exit_code_only_on_request() {
    let world = layers();
    let code = |arguments: &[&str]| {
        let run = world.run(&[&["env", "diff"], arguments].concat());
        assert_eq!(run.stderr, "");
        run.code
    };
    assert_eq!(code(&["infra-demo/dev@1"]), 0);
    assert_eq!(code(&["infra-demo/dev@1", "--exit-code"]), 1);
    assert_eq!(code(&["infra-demo/dev@2", "--exit-code"]), 0);
}

#[test]
fn a_comparison_has_its_shape() {
    let world = layers();
    world.ok(&["var", "set", "infra-demo/dev", "PORT=1"]);
    world.ok(&["var", "set", "infra-demo/dev", "PORT=2"]);
    let variable = |at: &str, key: &str| {
        world.json(&["var", "get", "infra-demo/dev", key, "--at", at, "--output", "json"])
    };
    let side = |at: &str| {
        let shown = world.json(&["env", "show", "infra-demo/dev", "--at", at, "--output", "json"]);
        serde_json::json!({
            "project": "infra-demo", "env": "dev", "revision": shown["revision"], "version": shown["version"]
        })
    };
    assert_eq!(
        world.json(&["env", "diff", "infra-demo/dev@1", "@3", "--output", "json"]),
        serde_json::json!({
            "from": side("1"), "to": side("3"), "identical": false,
            "added": [variable("3", "DB"), variable("3", "PORT")], "removed": [], "changed": [],
            "secret_references": {"added": [], "removed": [], "changed": []}, "secret_versions": []
        })
    );
    let changed = world.json(&["env", "diff", "infra-demo/dev@3", "--output", "json"]);
    assert_eq!(
        changed["changed"],
        serde_json::json!([{"key": "PORT", "from": variable("3", "PORT"), "to": variable("4", "PORT")}])
    );
}
