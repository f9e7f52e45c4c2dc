//! The examples that the documentation shows are run as they stand.

use std::fs;

use acceptance::{Workspace, World, repository};

fn example(path: &str) -> String {
    fs::read_to_string(repository().join("examples").join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The import ids that an `import.sh` shows, as (address, id).
fn imports(path: &str) -> Vec<(String, String)> {
    let script = example(path);
    let commands = script.lines().filter_map(|line| line.strip_prefix("terraform import "));
    commands
        .map(|rest| {
            let (address, id) = rest.trim().split_once(' ').expect("an address and an id");
            (address.to_owned(), id.to_owned())
        })
        .collect()
}

/// Applies a resource's example, forgets it, imports it by its command, and finds nothing to change.
fn applies_and_imports(resource: &str) {
    let world = World::new();
    let workspace: Workspace = world.workspace(&example(&format!("resources/{resource}/resource.tf")));
    workspace.apply(&[]).ok();
    workspace.settled();
    let imports = imports(&format!("resources/{resource}/import.sh"));
    assert!(!imports.is_empty(), "{resource} shows its import");
    for (address, id) in imports {
        workspace.terraform(&["state", "rm", &address]).ok();
        workspace.terraform(&["import", "-no-color", &address, &id]).ok().says(&["Import successful!"]);
    }
    workspace.settled();
    workspace.destroy().ok();
}

#[test]
fn project() {
    applies_and_imports("kontraktor_project");
}

#[test]
fn environment() {
    applies_and_imports("kontraktor_environment");
}

#[test]
fn variable() {
    applies_and_imports("kontraktor_variable");
}

#[test]
fn data_sources() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "billing/prod", "DB_HOST=db.billing.internal", "OTHER=1"]).ok();
    for (name, output, expected) in [
        ("kontraktor_environment", "db_host", serde_json::json!("db.billing.internal")),
        ("kontraktor_variable", "db_host", serde_json::json!("db.billing.internal")),
        ("kontraktor_projects", "project_names", serde_json::json!(["billing"])),
    ] {
        let workspace = world.workspace(&example(&format!("data-sources/{name}/data-source.tf")));
        workspace.apply(&[]).ok();
        assert_eq!(workspace.output(output), expected, "{name}");
    }
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
