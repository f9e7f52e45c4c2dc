//! `mock_provider` in `terraform test`: modules are tested with no daemon at all.

use std::fs;

use testkit::{World, repository};

use crate::suites::suite;

#[test]
fn a_module_is_tested_without_a_daemon() {
    let world = World::without_daemon();
    suite(&world, "mocks").terraform(&["test", "-no-color"]).ok().says(&[" passed, 0 failed."]);
    assert!(!world.data().exists(), "no daemon was started");
}

/// A mock answers for the daemon, not for the rules that need none.
#[test]
fn a_mocked_provider_still_checks_arguments() {
    let world = World::without_daemon();
    let workspace = world.workspace(
        r#"resource "kontraktor_variable" "v" {
          project = "shop"
          env     = "dev"
          key     = "1ST"
          value   = "one"
        }"#,
    );
    workspace.write("mocks.tftest.hcl", "mock_provider \"kontraktor\" {}\n\nrun \"apply\" {}\n");
    workspace.terraform(&["test", "-no-color"]).fails().says(&["Invalid key", "0 passed, 1 failed"]);
}

/// What is offered and not in the suite would be mocked for the first time by a user.
#[test]
fn every_resource_and_data_source_is_mocked() {
    let world = World::without_daemon();
    let run = world.installed_workspace("").terraform(&["providers", "schema", "-json", "-no-color"]).ok();
    let schemas: serde_json::Value = serde_json::from_str(&run.stdout).expect("terraform prints JSON");
    let ours = &schemas["provider_schemas"]["registry.terraform.io/kontraktor/kontraktor"];
    let main = fs::read_to_string(repository().join("acceptance/suites/mocks/main.tf")).expect("the suite");
    // Terraform mocks no ephemeral resources: a module with one cannot even be validated with a mocked provider.
    for (kind, block) in [("resource_schemas", "resource"), ("data_source_schemas", "data")] {
        for name in ours[kind].as_object().expect("there are some").keys() {
            assert!(main.contains(&format!("{block} \"{name}\"")), "the suite mocks no {block} {name}");
        }
    }
}
