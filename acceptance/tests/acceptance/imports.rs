//! `imports` of an environment: written in order, read in order, and refused when invalid.

use testkit::World;

const ENVIRONMENTS: &str = r#"
resource "kontraktor_project" "shared" {
  name = "shared"
}
resource "kontraktor_environment" "base" {
  project = kontraktor_project.shared.name
  env     = "base"
}
resource "kontraktor_environment" "more" {
  project = kontraktor_project.shared.name
  env     = "more"
}
resource "kontraktor_variable" "base" {
  for_each = { REGION = "eu", LEVEL = "base" }
  project  = kontraktor_environment.base.project
  env      = kontraktor_environment.base.env
  key      = each.key
  value    = each.value
}
resource "kontraktor_variable" "more" {
  project = kontraktor_environment.more.project
  env     = kontraktor_environment.more.env
  key     = "LEVEL"
  value   = "more"
}
"#;

fn dev(imports: &str) -> String {
    format!(
        r#"{ENVIRONMENTS}
resource "kontraktor_environment" "dev" {{
  project = kontraktor_project.shared.name
  env     = "dev"
  {imports}
}}
data "kontraktor_environment" "dev" {{
  project    = kontraktor_environment.dev.project
  env        = kontraktor_environment.dev.env
  depends_on = [kontraktor_environment.dev, kontraktor_variable.base, kontraktor_variable.more]
}}
output "variables" {{
  value = data.kontraktor_environment.dev.variables
}}
"#
    )
}

const BOTH: &str = "imports = [kontraktor_environment.base.id, kontraktor_environment.more.id]";

#[test]
fn imported_variables_are_effective_and_later_imports_win() {
    let world = World::new();
    let workspace = world.workspace(&dev(BOTH));
    workspace.apply(&[]).ok();
    assert_eq!(workspace.output("variables"), serde_json::json!({ "REGION": "eu", "LEVEL": "more" }));
    workspace.settled();

    // The order matters.
    let turned = "imports = [kontraktor_environment.more.id, kontraktor_environment.base.id]";
    workspace.main(&dev(turned)).apply(&[]).ok().says(&["1 changed"]);
    assert_eq!(workspace.output("variables"), serde_json::json!({ "REGION": "eu", "LEVEL": "base" }));

    // An omitted list and an empty one both mean no imports.
    workspace.main(&dev("")).apply(&[]).ok().says(&["1 changed"]);
    assert_eq!(workspace.output("variables"), serde_json::json!({}));
    workspace.main(&dev("imports = []"));
    workspace.apply(&[]).ok();
    workspace.settled();
}

#[test]
fn drift_of_imports_shows_and_is_repaired() {
    let world = World::new();
    let workspace = world.workspace(&dev(BOTH));
    workspace.apply(&[]).ok();
    world.ktr(&["env", "update", "shared/dev", "--import", "shared/more"]).ok();
    workspace.plan(&[]).says(&["~ imports = [", "+ \"shared/base\",", "1 to change"]);
    workspace.apply(&[]).ok();
    workspace.settled();
    // Between plan and apply it stops the apply.
    workspace.main(&dev(&format!("{BOTH}\n  description = \"d\"")));
    workspace.terraform(&["plan", "-no-color", "-out=saved"]).ok();
    world.ktr(&["env", "update", "shared/dev", "--no-imports"]).ok();
    workspace
        .terraform(&["apply", "-no-color", "saved"])
        .fails()
        .says(&["shared/dev was changed by", "changed: imports"]);
}

#[test]
fn cyclic_and_missing_imports_are_refused() {
    let world = World::new();
    let workspace = world.workspace(&dev("imports = [\"shared/none\"]"));
    workspace.apply(&[]).fails().says(&[
        "Failed to create environment shared/dev",
        "shared/none",
        "imports = [\"shared/none\"]",
    ]);
    workspace.main(&dev("imports = [\"shared\"]"));
    workspace.terraform(&["validate", "-no-color"]).fails().says(&["Invalid imports", "PROJECT/ENV"]);
    workspace.main(&dev(BOTH)).apply(&[]).ok();
    // Not by reference, which terraform itself would refuse.
    let back =
        ENVIRONMENTS.replace("env     = \"base\"\n}", "env     = \"base\"\n  imports = [\"shared/dev\"]\n}");
    workspace.main(&dev(BOTH).replace(ENVIRONMENTS, &back));
    workspace
        .apply(&[])
        .fails()
        .says(&["Failed to update environment shared/base", "shared/base -> shared/dev -> shared/base"]);
    workspace.main(&dev(BOTH)).settled();
}

#[test]
fn an_imported_environment_is_not_deleted() {
    let world = World::new();
    let workspace = world.workspace(
        "resource \"kontraktor_environment\" \"base\" {\n  project = \"shared\"\n  env = \"base\"\n}\n",
    );
    workspace.apply(&[]).ok();
    world.ktr(&["env", "create", "shared/dev", "--import", "shared/base"]).ok();
    workspace.destroy().fails().says(&["Failed to delete environment shared/base", "shared/dev"]);
    world.ktr(&["env", "update", "shared/dev", "--no-imports"]).ok();
    workspace.destroy().ok();
}

#[test]
fn an_environment_with_imports_is_imported_into_state() {
    let world = World::new();
    world.ktr(&["project", "create", "shared"]).ok();
    world.ktr(&["env", "create", "shared/base"]).ok();
    world.ktr(&["env", "create", "shared/dev", "--import", "shared/base", "--protect"]).ok();
    let workspace = world.workspace(
        r#"resource "kontraktor_environment" "dev" {
  project             = "shared"
  env                 = "dev"
  imports             = ["shared/base"]
  deletion_protection = true
}
import {
  to = kontraktor_environment.dev
  id = "shared/dev"
}
"#,
    );
    workspace.apply(&[]).ok().says(&["1 imported, 0 added, 0 changed, 0 destroyed"]);
    workspace.settled();
}
