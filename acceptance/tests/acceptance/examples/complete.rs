//! The complete configurations, from `init` to `destroy`, as their README.md describes.

use std::fs;

use serde_json::json;
use testkit::{Workspace, World, repository};

use crate::brokerage::{SECRET, Scene};

/// A workspace with the files of an example, installed by way of its own `required_providers`.
fn workspace(world: &World, name: &str) -> Workspace {
    let workspace = world.installed_workspace("");
    fs::remove_file(workspace.path().join("versions.tf")).expect("it was written");
    let folder = repository().join("examples").join(name);
    for entry in fs::read_dir(folder).expect("the example is there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a file has a name").display().to_string();
        // A run of the example in its own folder leaves these.
        if path.is_file() && !name.contains("tfstate") && name != ".terraform.lock.hcl" {
            workspace.write(&name, &fs::read_to_string(&path).expect("an example is text"));
        }
    }
    workspace.terraform(&["init", "-no-color"]).ok();
    workspace
}

#[test]
fn an_endpoint_into_the_configuration() {
    let world = World::new();
    let workspace = workspace(&world, "rds-endpoint");
    let plan = workspace.plan(&[]);
    assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
    plan.says(&["4 to add, 0 to change, 0 to destroy", "(known after apply)"]);
    workspace.apply(&[]).ok().says(&["4 added"]);
    workspace.settled();
    let shown = world.ktr(&["env", "show", "shop/prod", "--output", "json"]).ok();
    shown.says(&["DB_PORT", "5432", "rds.example.com"]);

    // Another database: the variables that name it follow in the same apply.
    let larger = ["-var", "instance_class=db.r6g.xlarge"];
    workspace.plan(&larger).says(&["1 to add, 1 to change, 1 to destroy", "DB_HOST", "DB_READER_HOST"]);
    workspace.apply(&larger).ok();
    assert_eq!(workspace.plan(&larger).code, 0);

    workspace.destroy().fails().says(&["deletion_protection"]);
    world.ktr(&["var", "get", "shop/prod", "DB_NAME"]).ok().says(&["shop"]);
    workspace.apply(&["-var", "protected=false"]).ok();
    workspace.destroy().ok();
}

#[test]
fn one_environment_promoted_to_another() {
    let world = World::new();
    let set = |values: &[&str]| {
        world.ktr(&[&["var", "set", "--create", "shop/staging"], values].concat()).ok();
    };
    set(&["APP_URL=https://staging.example.com", "LOG_LEVEL=debug", "CACHE=redis", "OLD=1"]);
    world.ktr(&["var", "set", "shop/staging", "POOL_SIZE=20", "--type", "number"]).ok();

    // Revision 2 is promoted, whatever comes after it.
    world.ktr(&["var", "unset", "shop/staging", "OLD"]).ok();
    set(&["CACHE=memcached"]);
    let workspace = workspace(&world, "promotion");
    let second = ["-var", "revision=2"];
    workspace.apply(&second).ok();
    assert_eq!(workspace.plan(&second).code, 0);
    assert_eq!(
        workspace.output("promoted"),
        json!({ "revision": 2, "differ": ["APP_URL", "LOG_LEVEL"], "added": [] })
    );
    let get = |key: &str| world.ktr(&["var", "get", "shop/prod", key]).ok().stdout.trim().to_owned();
    assert_eq!(get("CACHE"), "redis");
    assert_eq!(get("OLD"), "1");
    assert_eq!(get("POOL_SIZE"), "20");
    assert_eq!(get("APP_URL"), "https://shop.example.com");

    // The newest one: a key changes, a key is removed, and so is the one that was not promoted.
    world.ktr(&["var", "set", "shop/prod", "BY_HAND=1"]).ok();
    let plan = workspace.plan(&[]);
    assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
    plan.says(&["memcached", "OLD", "BY_HAND"]);
    workspace.apply(&[]).ok();
    assert_eq!(get("CACHE"), "memcached");
    world.ktr(&["var", "get", "shop/prod", "OLD"]).fails();
    world.ktr(&["var", "get", "shop/prod", "BY_HAND"]).fails();

    // And back.
    workspace.apply(&second).ok();
    assert_eq!(get("CACHE"), "redis");
    assert_eq!(get("OLD"), "1");
    workspace.destroy().ok();
    world.ktr(&["var", "get", "shop/staging", "CACHE"]).ok().says(&["memcached"]);
}

#[test]
fn a_dotenv_taken_over() {
    let world = World::new();
    world
        .ktr(&[
            "var",
            "set",
            "--create",
            "legacy/dev",
            "DB_HOST=db.legacy.internal",
            "DB_PORT=5433",
            "GREETING=Welcome, # 1 of our customers",
            "MOTD=Two lines:\nthis is the second",
            "EMPTY=",
            "ELSEWHERE=not in the file",
        ])
        .ok();
    let workspace = workspace(&world, "adopt-dotenv");
    let plan = workspace.plan(&[]);
    assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
    // One key differs, and the plan shows both sides.
    plan.says(&["1 to import, 0 to add, 1 to change, 0 to destroy", "\"5433\" -> \"5432\""]);
    workspace.apply(&[]).ok().says(&["1 imported, 0 added, 1 changed, 0 destroyed"]);
    assert_eq!(workspace.output("keys"), json!(["DB_HOST", "DB_PORT", "EMPTY", "GREETING", "MOTD"]));
    world.ktr(&["var", "get", "legacy/dev", "DB_PORT"]).ok().says(&["5432"]);

    // The block has done its work.
    let main = fs::read_to_string(workspace.path().join("main.tf")).expect("it was written");
    let (before, block) = main.split_once("# Imports exactly").expect("the block's comment");
    let (_, after) = block.split_once("}\n").expect("the block's end");
    workspace.main(&format!("{before}{after}")).settled();

    workspace.destroy().ok();
    world.ktr(&["var", "get", "legacy/dev", "ELSEWHERE"]).ok().says(&["not in the file"]);
}

#[test]
fn secrets_that_stay_in_their_vault() {
    let scene = Scene::new();
    let put = |password: &str| {
        scene.vault.put("secret/data/shop/db", &json!({"data": {"password": password}}));
    };
    put(SECRET);
    let workspace = workspace(&scene.world, "secrets");
    let first = ["-var", "prod_version=1"];
    workspace.apply(&first).ok().says(&["3 added"]);
    assert_eq!(workspace.plan(&first).code, 0, "nothing is written again");

    // Rotated, and tried in staging; prod stays as it is.
    put("rotated");
    scene.world.ktr(&["secret", "purge"]).ok();
    let get = |env: &str| scene.world.ktr(&["secret", "get", env, "DB_PASSWORD"]).ok().stdout;
    assert_eq!((get("shop/staging").trim_end(), get("shop/prod").trim_end()), ("rotated", SECRET));
    workspace.apply(&first).ok();
    assert_eq!(workspace.output("tried_in_staging"), json!("2"));

    // Promoted: the reference changes in place, and only then does the database get another password.
    let second = ["-var", "prod_version=2"];
    let plan = workspace.plan(&second);
    assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
    plan.says(&["\"1\" -> \"2\"", "1 to add, 1 to change, 1 to destroy"]);
    workspace.apply(&second).ok();
    assert_eq!(get("shop/prod").trim_end(), "rotated");
    // What the README recommends for looking at it.
    scene.world.ktr(&["env", "diff", "shop/prod@1", "shop/prod"]).says(&["version=1", "version=2"]);

    // A version that is not there is found before anything is written.
    workspace.apply(&["-var", "prod_version=9"]).fails().says(&["Nothing was written"]);
    assert_eq!(get("shop/prod").trim_end(), "rotated");
    assert!(!workspace.state().contains("rotated"));
    workspace.apply(&first).ok();
    assert_eq!(get("shop/prod").trim_end(), SECRET);
    workspace.terraform(&["destroy", "-auto-approve", "-no-color", "-var", "prod_version=1"]).ok();
    scene.no_trace();
}
