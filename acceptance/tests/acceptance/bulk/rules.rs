//! Validation, schemas and deletion protection.

use testkit::World;

use super::{bulk, keys};

#[test]
fn invalid_configuration_is_found_without_a_daemon() {
    let world = World::without_daemon();
    for (lines, expected) in [
        ("variables = { \"9\" = \"x\" }", "Invalid key in variables"),
        ("variables = { A = null }", "Missing variables[\"A\"]"),
        ("variables = { A = \"1\" }\n  typed = { A = { value = \"1\" } }", "Duplicate key"),
        ("typed = { A = { value = \"ten\", type = \"number\" } }", "Invalid typed[\"A\"].value"),
        ("typed = { A = { value = \"x\", type = \"text\" } }", "Invalid typed[\"A\"].type"),
        ("typed = { A = { type = \"number\" } }", "attribute \"value\" is required"),
        ("ownership = \"mine\"", "ownership must be \"additive\" or \"exclusive\""),
    ] {
        let workspace = world.workspace(&bulk("v", lines));
        workspace.terraform(&["validate", "-no-color"]).fails().says(&[expected]);
    }
}

#[test]
fn every_key_is_validated_by_schemas_and_the_invalid_one_is_named() {
    let world = World::new();
    let schema = r#"resource "kontraktor_project" "p" {
      name = "bulk"
    }
    resource "kontraktor_variable_schema" "ports" {
      project     = kontraktor_project.p.name
      name        = "ports"
      key_pattern = ".*_PORT"
      schema      = jsonencode({ type = "number", maximum = 65535 })
    }
    "#;
    let workspace = world.workspace(schema);
    workspace.apply(&[]).ok();
    let ports = |port: &str| {
        let lines = format!(
            "variables = {{ HOST = \"db\" }}\n  typed = {{ DB_PORT = {{ value = \"{port}\", type = \"number\" }} }}"
        );
        format!("{schema}{}", bulk("v", &lines))
    };
    workspace.main(&ports("70000"));
    workspace.apply(&[]).fails().says(&["Failed to write variable bulk/dev/DB_PORT", "ports", "/maximum"]);
    world.ktr(&["env", "show", "bulk/dev"]).fails();
    workspace.main(&ports("5432"));
    workspace.apply(&[]).ok();
    workspace.settled();
}

#[test]
fn protected_keys_take_two_applies_to_delete() {
    let world = World::new();
    let config = |keys: &str, on: &str| bulk("v", &format!("variables = {{ {keys} }}\n  {on}"));
    let both = "A = \"1\", B = \"2\"";
    let workspace = world.workspace(&config(both, "deletion_protection = true"));
    workspace.apply(&[]).ok();
    workspace.settled();
    for run in [
        workspace.terraform(&["plan", "-destroy", "-no-color"]),
        workspace.main(&config("A = \"1\"", "deletion_protection = true")).plan(&[]),
        workspace.main(&config("A = \"1\"", "deletion_protection = false")).plan(&[]),
        workspace.main(&config("A = \"1\"", "")).plan(&[]),
    ] {
        run.fails().says(&["Deletion protection is on", "ktr var unprotect bulk/dev"]);
    }
    // The block is removed, and the plan knows nothing of the protection: the daemon does.
    workspace.terraform(&["state", "rm", "kontraktor_variables.v"]).ok();
    world.ktr(&["var", "unset", "bulk/dev", "A"]).fails();

    workspace.main(&format!(
        "{}import {{\n  to = kontraktor_variables.v\n  id = \"bulk/dev\"\n}}\n",
        config(both, "deletion_protection = false")
    ));
    workspace.apply(&[]).ok();
    workspace.main(&config("A = \"1\"", "deletion_protection = false"));
    workspace.apply(&[]).ok();
    workspace.destroy().ok();
    assert_eq!(keys(&world), Vec::<String>::new());
}
