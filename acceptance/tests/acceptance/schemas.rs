//! JSON Schemas of a project's keys: enforced by the daemon for every writer.

use testkit::World;

const PORTS: &str = r#"
resource "kontraktor_variable_schema" "ports" {
  project     = "billing"
  name        = "ports"
  key_pattern = "(.*_)?PORT"
  schema      = jsonencode({ type = "integer", minimum = 1, maximum = 65535 })
}
"#;

fn variable(key: &str, value: &str) -> String {
    format!(
        "resource \"kontraktor_variable\" \"v\" {{\n  project = \"billing\"\n  env = \"prod\"\n  key = \"{key}\"\n  \
         value = \"{value}\"\n  type = \"number\"\n  depends_on = [kontraktor_variable_schema.ports]\n}}\n"
    )
}

#[test]
fn a_value_that_breaks_a_schema_fails_at_apply_with_both_paths() {
    let world = World::new();
    let workspace = world.workspace(&format!("{PORTS}{}", variable("DB_PORT", "70000")));
    workspace.apply(&[]).fails().says(&["billing/prod/DB_PORT", "ports", "/maximum", "value = \"70000\""]);
    // A key that matches only in part is not validated.
    workspace.main(&format!("{PORTS}{}", variable("DB_PORTS", "70000"))).apply(&[]).ok();
    workspace.main(&format!("{PORTS}{}", variable("DB_PORT", "5432"))).apply(&[]).ok();
    workspace.settled();
    world
        .ktr(&["var", "set", "billing/prod", "DB_PORT=0", "--type", "number"])
        .fails()
        .says(&["ports", "/minimum"]);
    // Without the schema, every value is accepted.
    let free =
        |value| variable("DB_PORT", value).replace("depends_on = [kontraktor_variable_schema.ports]", "");
    workspace.main(&free("5432")).apply(&[]).ok().says(&["0 added, 0 changed, 1 destroyed"]);
    workspace.main(&free("70000")).apply(&[]).ok().says(&["0 added, 1 changed, 0 destroyed"]);
}

#[test]
fn the_path_inside_a_json_value_is_named() {
    let world = World::new();
    let workspace = world.workspace(
        r#"resource "kontraktor_variable_schema" "policy" {
          project     = "billing"
          name        = "policy"
          key_pattern = "POLICY"
          schema = jsonencode({
            type       = "object"
            properties = { retries = { type = "array", items = { type = "integer" } } }
          })
        }
        resource "kontraktor_variable" "policy" {
          project = kontraktor_variable_schema.policy.project
          env     = "prod"
          key     = "POLICY"
          type    = "json"
          value   = jsonencode({ retries = [1, "hunter2"] })
        }"#,
    );
    let refused = workspace.apply(&[]).fails();
    refused.says(&["/properties/retries/items/type", "/retries/1"]);
}

#[test]
fn a_schema_that_existing_values_violate_is_refused_and_names_them() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "billing/prod", "DB_PORT=70000", "--type", "number"]).ok();
    world.ktr(&["var", "set", "--create", "billing/dev", "PORT=x"]).ok();
    let workspace = world.workspace(PORTS);
    workspace.apply(&[]).fails().says(&[
        "Failed to create variable schema billing/ports",
        "prod/DB_PORT",
        "dev/PORT",
    ]);
    world.ktr(&["var", "unset", "billing/prod", "DB_PORT"]).ok();
    world.ktr(&["var", "set", "billing/dev", "PORT=80", "--type", "number"]).ok();
    workspace.apply(&[]).ok();
    // A tighter schema that existing values violate is refused, and the old one remains.
    workspace.main(&PORTS.replace("minimum = 1", "minimum = 1000"));
    workspace.apply(&[]).fails().says(&["Failed to update variable schema billing/ports", "dev/PORT"]);
    workspace.main(PORTS).settled();
}

#[test]
fn another_spelling_is_no_change_and_a_change_elsewhere_is_shown() {
    let world = World::new();
    let workspace = world.workspace(PORTS);
    workspace.apply(&[]).ok();
    workspace.settled();
    let spelled = PORTS.replace(
        "jsonencode({ type = \"integer\", minimum = 1, maximum = 65535 })",
        "<<-EOT\n    {\n      \"type\": \"integer\", \"minimum\": 1.0, \"maximum\": 65535\n    }\n  EOT",
    );
    assert_ne!(spelled, PORTS);
    workspace.main(&spelled).settled();
    workspace.main(&PORTS.replace("(.*_)?PORT", "PORT"));
    let plan = workspace.plan(&[]);
    plan.says(&["0 to add, 1 to change, 0 to destroy", "key_pattern"]);
    workspace.main(&PORTS.replace("\"ports\"\n  key", "\"other\"\n  key"));
    workspace.plan(&[]).says(&["forces replacement"]);
}

#[test]
fn changed_between_plan_and_apply_stops_the_apply() {
    let world = World::new();
    let mine = world.workspace(PORTS);
    mine.apply(&[]).ok();
    let other = PORTS.replace("\"ports\" {", "\"theirs\" {").replace("(.*_)?PORT", "PORT");
    let theirs = world.workspace(&other);
    theirs.terraform(&["import", "-no-color", "kontraktor_variable_schema.theirs", "billing/ports"]).ok();
    mine.main(&PORTS.replace("65535", "65000"));
    mine.terraform(&["plan", "-no-color", "-out=saved"]).ok();
    theirs.apply(&[]).ok().says(&["1 changed"]);
    let refused = mine.terraform(&["apply", "-no-color", "saved"]).fails();
    refused.says(&["billing/ports was changed by unix:", "through terraform", "changed: key_pattern"]);
    mine.main(
        &PORTS.replace("65535", "65000").replace("project ", "on_conflict = \"overwrite\"\n  project "),
    );
    mine.apply(&[]).ok().says(&["1 changed"]);
    mine.settled();
}

#[test]
fn an_existing_schema_is_imported() {
    let world = World::new();
    world.workspace(PORTS).apply(&[]).ok();
    let workspace = world.workspace(PORTS);
    workspace.apply(&[]).fails().says(&[
        "Resource already exists",
        "billing/ports",
        "id = \"billing/ports\"",
    ]);
    workspace
        .terraform(&["import", "-no-color", "kontraktor_variable_schema.ports", "billing/ports"])
        .ok()
        .says(&["Import successful!"]);
    workspace.settled();
}

#[test]
fn an_invalid_schema_fails_at_plan_without_the_daemon() {
    let world = World::without_daemon();
    for (from, to, expected) in [
        (
            "jsonencode({ type = \"integer\", minimum = 1, maximum = 65535 })",
            "\"{\"",
            "schema is not valid JSON",
        ),
        (
            "jsonencode({ type = \"integer\", minimum = 1, maximum = 65535 })",
            "\"[]\"",
            "schema must be a JSON object or a bool",
        ),
        ("(.*_)?PORT", "(PORT", "unclosed group"),
    ] {
        let workspace = world.workspace(&PORTS.replace(from, to));
        workspace.terraform(&["validate", "-no-color"]).fails().says(&[expected]);
    }
}
