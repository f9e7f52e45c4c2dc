//! Runs the examples of the documentation unchanged: those of single resources, data sources, ephemeral resources and
//! functions here, complete configurations in `complete`.

mod complete;

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use testkit::{Workspace, World, repository};

use crate::brokerage::{SECRET, Scene};

fn example(path: &str) -> String {
    fs::read_to_string(repository().join("examples").join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the names of the examples in a folder.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(repository().join("examples").join(folder)).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry").file_name().display().to_string()).collect()
}

/// Returns the commands of an `import.sh`, as (address, id).
fn imports(path: &str) -> Vec<(String, String)> {
    let script = example(path);
    let commands = script.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    commands
        .map(|line| {
            let command = line.strip_prefix("terraform import ").unwrap_or_else(|| panic!("{path}: {line}"));
            let (address, id) = command.trim().split_once(' ').expect("an address and an id");
            let unquoted = |text: &str| text.trim().trim_matches(['\'', '"']).to_owned();
            (unquoted(address), unquoted(id))
        })
        .collect()
}

/// Applies each resource's example. With each of its import commands, removes it from the state, imports it, and finds
/// nothing to change; then does the same with import blocks, as the page shows them.
#[test]
fn resources() {
    for resource in names("resources") {
        let world = World::new();
        let workspace: Workspace = world.workspace(&example(&format!("resources/{resource}/resource.tf")));
        workspace.apply(&[]).ok();
        workspace.settled();
        let imports = imports(&format!("resources/{resource}/import.sh"));
        assert!(!imports.is_empty(), "{resource} shows its import");
        for (address, id) in &imports {
            workspace.terraform(&["state", "rm", address]).ok();
            let import = workspace.terraform(&["import", "-no-color", address, id]).ok();
            import.says(&["Import successful!"]);
            workspace.settled();
        }
        let mut blocks = String::new();
        for (address, id) in &imports {
            workspace.terraform(&["state", "rm", address]).ok();
            blocks.push_str(&format!("import {{\n  to = {address}\n  id = \"{id}\"\n}}\n"));
        }
        workspace.write("imports.tf", &blocks);
        let expected = format!("{} imported, 0 added, 0 changed, 0 destroyed", imports.len());
        workspace.apply(&[]).ok().says(&[&expected]);
        workspace.destroy().ok();
    }
}

/// A vault with the secrets of `billing`, and an environment with two variables.
fn billing() -> Scene {
    let scene = Scene::new();
    let secret = json!({"data": {"user": "app", "password": SECRET}});
    scene.vault.put("secret/data/billing/db", &secret);
    scene
        .world
        .ktr(&["var", "set", "--create", "billing/prod", "DB_HOST=db.billing.internal", "OTHER=1"])
        .ok();
    scene
}

const REFERENCE: &str = "DB_PASSWORD=vault://team/secret/billing/db#password";

#[test]
fn data_sources() {
    let scene = billing();
    let world = &scene.world;
    world.ktr(&["var", "set", "--create", "billing/staging", "DB_HOST=db.staging.internal", "NEW=1"]).ok();
    let expected: [(&str, &[(&str, Value)]); 6] = [
        (
            "kontraktor_environment",
            &[("db_host", json!("db.billing.internal")), ("db_host_origin", json!("billing/prod"))],
        ),
        ("kontraktor_environment_diff", &[("missing_in_prod", json!(["NEW"])), ("untouched", json!(true))]),
        ("kontraktor_projects", &[("project_names", json!(["billing"]))]),
        ("kontraktor_secret", &[("db_user", json!("app")), ("db_password_version", json!("1"))]),
        ("kontraktor_variable", &[("db_host", json!("db.billing.internal"))]),
        ("kontraktor_variable_history", &[("db_host_at_first", json!("db.billing.internal"))]),
    ];
    for (name, outputs) in &expected {
        if *name == "kontraktor_secret" {
            // Not before: another example looks for changes since the first revision.
            world.ktr(&["secret", "set", "billing/prod", REFERENCE]).ok();
        }
        let workspace = world.workspace(&example(&format!("data-sources/{name}/data-source.tf")));
        workspace.apply(&[]).ok();
        for (output, value) in *outputs {
            assert_eq!(workspace.output(output), *value, "{name}");
        }
    }
    let run: BTreeSet<String> = expected.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(run, names("data-sources"), "every example is run");
}

/// Each is opened, and its value is used and stored nowhere.
#[test]
fn ephemeral_resources() {
    for name in names("ephemeral-resources") {
        let scene = billing();
        if name == "kontraktor_environment" {
            scene.world.ktr(&["secret", "set", "billing/prod", REFERENCE]).ok();
            scene.world.ktr(&["var", "set", "billing/prod", "DB_USER=app"]).ok();
        }
        let main = example(&format!("ephemeral-resources/{name}/ephemeral-resource.tf"));
        let workspace = scene.world.workspace(&main);
        workspace.apply(&[]).ok().says(&["Provisioning with 'local-exec'"]);
        workspace.settled();
        workspace.destroy().ok();
        scene.no_trace();
    }
}

/// Functions are pure: they need no daemon.
#[test]
fn functions() {
    let world = World::without_daemon();
    let expected: [(&str, &str, Value); 3] = [
        (
            "dotenv_decode",
            "variables",
            json!({
                "DB_HOST": "db.billing.internal",
                "DB_PORT": "5432",
                "GREETING": "Hello, # and welcome",
                "MOTD": "two\nlines",
            }),
        ),
        (
            "dotenv_encode",
            "dotenv",
            json!("DB_HOST=db.billing.internal\nGREETING='Hello, # and welcome'\nMOTD='two\nlines'\n"),
        ),
        (
            "reference_parse",
            "parts",
            json!({
                "scheme": "vault",
                "vault": "team",
                "mount": "secret",
                "path": "app/db",
                "name": null,
                "version": "3",
                "stage": null,
                "field": "password",
            }),
        ),
    ];
    for (name, output, value) in &expected {
        let workspace = world.workspace(&example(&format!("functions/{name}/function.tf")));
        workspace.apply(&[]).ok();
        assert_eq!(workspace.output(output), *value, "{name}");
    }
    let run: BTreeSet<String> = expected.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(run, names("functions"), "every example is run");
}

#[test]
fn provider() {
    let world = World::new();
    let workspace = world.installed_workspace("");
    fs::remove_file(workspace.path().join("versions.tf")).expect("it was written");
    workspace
        .main(&format!("{}\ndata \"kontraktor_projects\" \"all\" {{}}\n", example("provider/provider.tf")));
    workspace.terraform(&["init", "-no-color"]).ok();
    workspace.apply(&[]).ok();
}
