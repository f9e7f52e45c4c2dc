//! The pages in `docs/`, checked by tfplugindocs, HashiCorp's own tool, against the schemas of the provider that was built.

use std::process::Command;

use testkit::{Run, World, repository};

/// The provider's address, and the only address under which tfplugindocs looks for a provider by its name.
const ADDRESS: &str = "\"registry.terraform.io/kontraktor/kontraktor\"";
const EXPECTED_ADDRESS: &str = "\"registry.terraform.io/hashicorp/kontraktor\"";

#[test]
fn tfplugindocs_accepts_every_page() {
    let tool = Run::of(&mut Command::new(repository().join("acceptance/registry-pages/build.sh"))).ok();
    let world = World::without_daemon();
    let workspace = world.installed_workspace("");
    let schemas = workspace.terraform(&["providers", "schema", "-json", "-no-color"]).ok();
    workspace.write("schemas.json", &schemas.stdout.replace(ADDRESS, EXPECTED_ADDRESS));
    let mut validate = Command::new(tool.stdout.trim());
    validate
        .args(["validate", "--provider-name", "kontraktor", "--provider-dir"])
        .arg(repository())
        .arg("--providers-schema")
        .arg(workspace.path().join("schemas.json"));
    Run::of(&mut validate).ok();
}
