//! Wrong input: an error that names the attribute, the rule and the limit, exits non-zero, and writes nothing.

use testkit::World;

fn variable(arguments: &str) -> String {
    let mut block = "resource \"kontraktor_variable\" \"v\" {\n".to_owned();
    for (name, value) in [("project", "wrong"), ("env", "dev"), ("key", "KEY"), ("value", "x")] {
        if !arguments.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))) {
            block.push_str(&format!("  {name} = \"{value}\"\n"));
        }
    }
    block + arguments + "\n}\n"
}

/// Each fails while planning, without a daemon, and reports these parts.
#[test]
fn known_values_are_refused_at_plan() {
    let world = World::without_daemon();
    let long_key = format!("key = \"{}\"", "K".repeat(256));
    let large =
        "value = \"${join(\"\", [for i in range(1024) : join(\"\", [for j in range(64) : \"x\"])])}x\"";
    let cases: &[(&str, &[&str])] = &[
        ("type = \"number\"\nvalue = \"ten\"", &["value = \"ten\"", "number"]),
        ("type = \"bool\"\nvalue = \"yes\"", &["value = \"yes\"", "true", "false"]),
        (
            "type = \"json\"\nvalue = \"{\\\"a\\\":1,\\\"a\\\":2}\"",
            &["with kontraktor_variable.v", "the same key twice in one JSON object", "line 1 column 12"],
        ),
        ("type = \"json\"\nvalue = \"{\"", &["with kontraktor_variable.v", "JSON"]),
        ("type = \"text\"", &["type = \"text\"", "string", "number", "bool", "json"]),
        ("project = \"Wrong\"", &["project = \"Wrong\"", "1 to 63 characters of a-z, 0-9"]),
        ("env = \"-dev\"", &["env = \"-dev\""]),
        ("key = \"1KEY\"", &["key = \"1KEY\""]),
        ("key = \"A/B\"", &["key = \"A/B\""]),
        (&long_key, &["255"]),
        (large, &["65537 bytes", "the limit is 65536 bytes"]),
        ("value = \"a\\u0000b\"", &["NUL"]),
        ("value = null", &["with kontraktor_variable.v", "value is required"]),
    ];
    for (arguments, expected) in cases {
        let workspace = world.workspace(&variable(arguments));
        workspace.plan(&[]).fails().says(&["Error:"]).says(expected);
    }
}

#[test]
fn unknown_values_are_refused_at_apply_and_nothing_is_written() {
    let world = World::new();
    let source = "resource \"terraform_data\" \"t\" {\n  input = \"ten\"\n}\n";
    let workspace = world
        .workspace(&format!("{source}{}", variable("type = \"number\"\nvalue = terraform_data.t.output")));
    assert_eq!(workspace.plan(&[]).code, 2, "nothing is known yet");
    workspace.apply(&[]).fails().says(&["number", "ten"]);
    world.ktr(&["var", "get", "wrong/dev", "KEY"]).fails();
}

#[test]
fn a_value_that_turns_out_to_be_null_is_not_written_as_an_empty_one() {
    let world = World::new();
    let source = "resource \"terraform_data\" \"t\" {\n  input = null\n}\n";
    let workspace = world.workspace(&format!("{source}{}", variable("value = terraform_data.t.output")));
    workspace.apply(&[]).fails().says(&["value is required"]);
    world.ktr(&["var", "get", "wrong/dev", "KEY"]).fails();
}

#[test]
fn create_missing_off_names_what_is_missing() {
    let world = World::new();
    let workspace = world
        .workspace(&format!("provider \"kontraktor\" {{\n  create_missing = false\n}}\n{}", variable("")));
    workspace.apply(&[]).fails().says(&["wrong", "does not exist"]);
    world.ktr(&["project", "create", "wrong"]).ok();
    world.ktr(&["env", "create", "wrong/dev"]).ok();
    workspace.apply(&[]).ok();
}

#[test]
fn the_provider_block_is_checked() {
    let world = World::without_daemon();
    for (block, expected) in [
        ("timeout = \"soon\"", ["timeout = \"soon\"", "60s"]),
        ("timeout = \"0s\"", ["timeout = \"0s\"", "60s"]),
        ("host = \"ftp://example.com\"", ["host = \"ftp://example.com\"", "unix://"]),
        ("host = \"unix://relative\"", ["host = \"unix://relative\"", "unix:///"]),
        ("host = \"http://kontraktor.example.com\"", ["https", "unencrypted"]),
    ] {
        let workspace = world.workspace(&format!(
            "provider \"kontraktor\" {{\n  {block}\n}}\ndata \"kontraktor_projects\" \"all\" {{}}\n"
        ));
        workspace.plan(&[]).fails().says(&["Error:"]).says(&expected);
    }
}

#[test]
fn data_sources_name_what_they_did_not_find() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "there/dev", "KEY=x"]).ok();
    for (kind, arguments, expected) in [
        ("environment", "project = \"nowhere\"\n  env = \"dev\"", "nowhere"),
        ("environment", "project = \"there\"\n  env = \"prod\"", "The project there has no environment prod"),
        (
            "variable",
            "project = \"there\"\n  env = \"dev\"\n  key = \"OTHER\"",
            "The environment there/dev exists but has no key OTHER",
        ),
    ] {
        let workspace = world.workspace(&format!("data \"kontraktor_{kind}\" \"d\" {{\n  {arguments}\n}}\n"));
        workspace.plan(&[]).fails().says(&[expected, "not found"]);
    }
}

#[test]
fn a_reference_to_a_vault_that_the_daemon_does_not_have_is_written_with_a_warning() {
    let world = World::new();
    let workspace = world.workspace(
        r#"resource "kontraktor_secret_reference" "r" {
  project   = "shop"
  env       = "dev"
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/app/db#password"
}
"#,
    );
    workspace.terraform(&["apply", "-auto-approve", "-no-color"]).ok().says(&[
        "Warning: Unknown vault",
        "no vault \"team\" of kind \"vault\" is configured",
        "[[vault]]",
    ]);
    let plan = workspace.terraform(&["plan", "-no-color"]).ok();
    assert!(!plan.text().contains("Unknown vault"), "{}", plan.text());
}
