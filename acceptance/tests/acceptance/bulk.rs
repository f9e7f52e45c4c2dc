//! `kontraktor_variables`: many keys as one object, with the real terraform and the real daemon.

use serde_json::{Value, json};
use testkit::World;

/// A resource of `bulk/dev` with these lines.
fn bulk(name: &str, lines: &str) -> String {
    format!(
        "resource \"kontraktor_variables\" \"{name}\" {{\n  project = \"bulk\"\n  env = \"dev\"\n{lines}\n}}\n"
    )
}

/// What stands in `bulk/dev`: key, type and value.
fn stored(world: &World) -> Vec<(String, String, String)> {
    let run = world.ktr(&["env", "show", "bulk/dev", "--output", "json"]).ok();
    let shown: Value = serde_json::from_str(&run.stdout).expect("ktr prints JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (shown["variables"].as_array().expect("a list").iter())
        .map(|variable| (text(&variable["key"]), text(&variable["type"]), text(&variable["value"])))
        .collect()
}

fn keys(world: &World) -> Vec<String> {
    stored(world).into_iter().map(|(key, _, _)| key).collect()
}

/// How many keys were written so far, and in how many batches.
fn logged(world: &World) -> (usize, usize) {
    let run = world.ktr(&["audit", "--project", "bulk", "--limit", "100000", "--output", "json"]).ok();
    let log: Value = serde_json::from_str(&run.stdout).expect("ktr prints JSON");
    let batches: Vec<_> = (log["entries"].as_array().expect("a list").iter())
        .filter(|entry| !entry["key"].is_null())
        .map(|entry| entry["batch_id"].as_str().unwrap_or_default().to_owned())
        .collect();
    (batches.len(), batches.iter().collect::<std::collections::BTreeSet<_>>().len())
}

fn set(world: &World, pairs: &[&str]) {
    world.ktr(&[&["var", "set", "--create", "bulk/dev"], pairs].concat()).ok();
}

const MIXED: &str = r#"
  variables = { HOST = "db", EMPTY = "" }
  typed = {
    RATE   = { value = "1.50", type = "number", description = "per second" }
    POLICY = { value = "{\"b\": 1.0, \"a\": [1, 2]}", type = "json" }
    ON     = { value = true, type = "bool" }
    NAME   = { value = "plain" }
  }"#;

#[test]
fn keys_of_every_type_are_created_changed_and_deleted() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", MIXED));
    workspace.apply(&[]).ok().says(&["1 added"]);
    assert_eq!(logged(&world), (6, 1), "one atomic write");
    workspace.settled();
    let attributes = workspace.attributes("kontraktor_variables.v");
    assert_eq!(attributes["typed"]["RATE"]["value"], "1.50", "the author's text stays");
    assert_eq!(attributes["typed"]["NAME"]["type"], "string");
    assert_eq!((&attributes["revision"], &attributes["id"]), (&json!(1), &json!("bulk/dev")));
    let rate = ("RATE".to_owned(), "number".to_owned(), "1.5".to_owned());
    assert!(stored(&world).contains(&rate), "{:?}", stored(&world));

    // Other spellings of the same, here and there, are no change.
    world
        .ktr(&["var", "set", "bulk/dev", "RATE=15e-1", "--type", "number", "--description", "per second"])
        .ok();
    workspace.settled();
    workspace.main(&bulk("v", &MIXED.replace("1.50", "1.500"))).settled();
    workspace.destroy().ok().says(&["1 destroyed"]);
    assert_eq!(stored(&world), []);
}

/// terraform-provider-consul PR#456.
#[test]
fn unchanged_keys_are_not_rewritten_and_a_plan_shows_each_that_changes() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", MIXED));
    workspace.apply(&[]).ok();
    workspace.main(&bulk(
        "v",
        &MIXED.replace("\"db\"", "\"db2\", NEW = \"n\"").replace("1.50", "2").replace(", EMPTY = \"\"", ""),
    ));
    let plan = workspace.plan(&[]);
    plan.says(&[
        r#"~ "HOST" = "db" -> "db2""#,
        r#"+ "NEW" = "n""#,
        r#"- "EMPTY" = "" -> null"#,
        r#"~ value = "1.50" -> "2""#,
        "(3 unchanged elements hidden)",
        "0 to add, 1 to change, 0 to destroy",
    ]);
    workspace.apply(&[]).ok();
    assert_eq!(logged(&world), (6 + 4, 2), "only what changed travelled");
    workspace.settled();
    // What says how, not what, writes nothing.
    let lines =
        MIXED.replace("\"db\"", "\"db2\", NEW = \"n\"").replace("1.50", "2").replace(", EMPTY = \"\"", "");
    workspace
        .main(&bulk("v", &format!("{lines}\n  on_conflict = \"overwrite\"\n  ownership = \"exclusive\"")));
    workspace.apply(&[]).ok().says(&["1 changed"]);
    workspace.settled();
    assert_eq!(logged(&world), (10, 2));
}

/// terraform-provider-consul#17, #230, #129.
#[test]
fn two_owners_do_not_fight() {
    let world = World::new();
    let both = bulk("a", "variables = { A_1 = \"a\" }") + &bulk("b", "variables = { B_1 = \"b\" }");
    let workspace = world.workspace(&both);
    workspace.apply(&[]).ok();
    set(&world, &["FOREIGN=theirs"]);
    workspace.settled();
    workspace.main(&bulk("a", "variables = { A_1 = \"a\" }"));
    workspace.apply(&[]).ok().says(&["1 destroyed"]);
    assert_eq!(keys(&world), ["A_1", "FOREIGN"]);

    // Two of one key are found by the plan of the second, in this workspace and in another.
    for main in [
        bulk("a", "variables = { A_1 = \"a\" }") + &bulk("b", "variables = { A_1 = \"b\" }"),
        bulk("a", "variables = { A_1 = \"a\", FOREIGN = \"ours\" }"),
    ] {
        let other = world.workspace(&main);
        other.plan(&[]).fails().says(&["that this resource is to create", "import {"]);
    }
    for second in
        ["variables = { A_1 = \"b\" , OTHER = \"b\" }", "variables = {}\n  ownership = \"exclusive\""]
    {
        workspace.main(&(bulk("a", "variables = { A_1 = \"a\" }") + &bulk("b", second)));
        workspace.plan(&[]).fails().says(&["bulk/dev", "that this resource"]);
    }
    workspace.main(&bulk("a", "variables = { A_1 = \"a\", FOREIGN = \"ours\" }"));
    workspace.plan(&[]).fails().says(&[
        "bulk/dev already holds 1 key",
        "FOREIGN",
        "on_conflict = \"overwrite\"",
    ]);
    workspace
        .main(&bulk("a", "variables = { A_1 = \"a\", FOREIGN = \"ours\" }\n  on_conflict = \"overwrite\""));
    workspace.apply(&[]).ok();
    workspace.settled();
}

#[test]
fn exclusive_ownership_shows_what_others_write_and_removes_it() {
    let world = World::new();
    let config = bulk("v", "variables = { A = \"1\" }\n  ownership = \"exclusive\"");
    let workspace = world.workspace(&config);
    workspace.apply(&[]).ok();
    set(&world, &["PLAIN=theirs"]);
    world.ktr(&["var", "set", "bulk/dev", "NUMBER=7", "--type", "number"]).ok();
    let plan = workspace.plan(&["-out=saved"]);
    assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
    plan.says(&[r#"- "PLAIN" = "theirs" -> null"#, r#"- "NUMBER" = {"#, "1 to change"]);
    // As shown, and not otherwise.
    set(&world, &["PLAIN=changed"]);
    workspace.terraform(&["apply", "-no-color", "saved"]).fails().says(&[
        "bulk/dev/PLAIN was changed by",
        "through ktr",
        "planned from: string \"theirs\"",
        "planned to: deleted",
        "current: string \"changed\"",
    ]);
    assert_eq!(keys(&world), ["A", "NUMBER", "PLAIN"], "nothing was written");
    workspace.apply(&[]).ok();
    assert_eq!(keys(&world), ["A"]);
    workspace.settled();
}

#[test]
fn exclusive_ownership_over_foreign_keys_begins_with_their_import() {
    let world = World::new();
    set(&world, &["A=1", "FOREIGN=theirs"]);
    let config = bulk("v", "variables = { A = \"1\" }\n  ownership = \"exclusive\"");
    let workspace = world.workspace(&config);
    workspace.plan(&[]).fails().says(&[
        "Environment holds other variables",
        "holds 2 keys that this resource does not own",
        "A, FOREIGN",
        "to = kontraktor_variables.NAME",
        "id = \"bulk/dev:*\"",
    ]);
    let import = "import {\n  to = kontraktor_variables.v\n  id = \"bulk/dev:*\"\n}\n";
    workspace.main(&format!("{config}{import}"));
    let plan = workspace.plan(&["-out=saved"]);
    plan.says(&["1 to import", r#"- "FOREIGN" = "theirs" -> null"#]);
    // What an import read is a promise, too.
    set(&world, &["FOREIGN=changed"]);
    let refused = workspace.terraform(&["apply", "-no-color", "saved"]).fails();
    refused.says(&["bulk/dev/FOREIGN was changed by", "current: string \"changed\""]);
    assert_eq!(keys(&world), ["A", "FOREIGN"]);
    // The import itself is done.
    workspace.apply(&[]).ok().says(&["0 added, 1 changed, 0 destroyed"]);
    assert_eq!(keys(&world), ["A"]);

    // Going over to it later is no different.
    let workspace = world.workspace(&bulk("v", "variables = { B = \"1\" }"));
    workspace.apply(&[]).ok();
    workspace.main(&bulk("v", "variables = { B = \"1\" }\n  ownership = \"exclusive\""));
    workspace.plan(&[]).fails().says(&["holds 1 key that this resource does not own", "terraform state rm"]);
}

/// terraform-provider-doppler#37, terraform-provider-infisical#173.
#[test]
fn an_import_takes_all_keys_or_those_it_names_and_needs_no_change() {
    let world = World::new();
    set(&world, &["A=1", "B="]);
    world.ktr(&["var", "set", "bulk/dev", "N=1.5", "--type", "number"]).ok();
    let number = "typed = { N = { value = \"1.5\", type = \"number\" } }";
    for (id, lines) in [
        ("bulk/dev", format!("variables = {{ A = \"1\", B = \"\" }}\n  {number}")),
        (
            "bulk/dev:*",
            format!("variables = {{ A = \"1\", B = \"\" }}\n  {number}\n  ownership = \"exclusive\""),
        ),
        ("bulk/dev:A,N", format!("variables = {{ A = \"1\" }}\n  {number}")),
        ("bulk/dev:B", "variables = { B = \"\" }".to_owned()),
    ] {
        let config = bulk("v", &lines);
        let workspace = world
            .workspace(&format!("{config}import {{\n  to = kontraktor_variables.v\n  id = \"{id}\"\n}}\n"));
        workspace.apply(&[]).ok().says(&["1 imported, 0 added, 0 changed, 0 destroyed"]);
        workspace.main(&config).settled();
        let workspace = world.workspace(&config);
        workspace.terraform(&["import", "-no-color", "kontraktor_variables.v", id]).ok();
        workspace.settled();
    }
    assert_eq!(logged(&world).0, 3, "an import writes nothing");

    let workspace = world.workspace(&bulk("v", "variables = { A = \"1\" }"));
    let import =
        |id: &str| workspace.terraform(&["import", "-no-color", "kontraktor_variables.v", id]).fails();
    import("bulk/dev:A,X,Y").says(&["no plain variable for 2 keys of the import ID", "X, Y"]);
    import("bulk/missing").says(&["Cannot import non-existent remote object"]);
    import("bulk").says(&["PROJECT/ENV:KEY1,KEY2"]);
    // An import writes its own configuration, too.
    let workspace = world.workspace("import {\n  to = kontraktor_variables.v\n  id = \"bulk/dev\"\n}\n");
    workspace.terraform(&["plan", "-no-color", "-generate-config-out=generated.tf"]).ok();
    workspace.apply(&[]).ok().says(&["1 imported, 0 added, 0 changed"]);
    workspace.settled();
}

#[test]
fn a_plan_is_kept_or_nothing_is_written() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", "variables = { A = \"1\", B = \"1\", C = \"1\" }"));
    let saved = |workspace: &testkit::Workspace| {
        let plan = workspace.plan(&["-out=saved"]);
        assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
    };
    // Create.
    saved(&workspace);
    set(&world, &["B=theirs"]);
    workspace
        .terraform(&["apply", "-no-color", "saved"])
        .fails()
        .says(&["bulk/dev already holds 1 key", "B"]);
    assert_eq!(keys(&world), ["B"], "nothing was written");
    world.ktr(&["var", "unset", "bulk/dev", "B"]).ok();
    workspace.apply(&[]).ok();
    // Change and delete.
    workspace.main(&bulk("v", "variables = { A = \"2\", B = \"2\" }"));
    saved(&workspace);
    set(&world, &["A=theirs", "C=theirs"]);
    workspace.terraform(&["apply", "-no-color", "saved"]).fails().says(&[
        "bulk/dev/A was changed by",
        "bulk/dev/C was changed by",
        "planned from: string \"1\"",
        "planned to: string \"2\"",
        "current: string \"theirs\"",
        "Nothing was written",
    ]);
    assert_eq!(stored(&world)[1].2, "1", "B");
    // Destroy.
    let plan = workspace.terraform(&["plan", "-destroy", "-no-color", "-out=saved"]).ok();
    plan.says(&["1 to destroy"]);
    set(&world, &["A=again"]);
    workspace.terraform(&["apply", "-no-color", "saved"]).fails().says(&["planned to: deleted"]);
    assert_eq!(keys(&world), ["A", "B", "C"]);
    // What others deleted hinders nobody.
    let plan = workspace.terraform(&["plan", "-destroy", "-no-color", "-out=saved"]).ok();
    plan.says(&["1 to destroy"]);
    world.ktr(&["var", "unset", "bulk/dev", "A"]).ok();
    workspace.terraform(&["apply", "-no-color", "saved"]).ok();
    assert_eq!(keys(&world), Vec::<String>::new());
}

#[test]
fn overwrite_writes_over_what_others_wrote() {
    let world = World::new();
    set(&world, &["A=theirs"]);
    let config =
        |value: &str| bulk("v", &format!("variables = {{ A = \"{value}\" }}\n  on_conflict = \"overwrite\""));
    let workspace = world.workspace(&config("1"));
    workspace.apply(&[]).ok();
    workspace.settled();
    workspace.main(&config("2"));
    workspace.plan(&["-out=saved"]);
    set(&world, &["A=theirs"]);
    workspace.terraform(&["apply", "-no-color", "saved"]).ok();
    assert_eq!(stored(&world)[0].2, "2");
    workspace.settled();
}

#[test]
fn a_tainted_or_replaced_object_does_not_stumble_over_itself() {
    let world = World::new();
    for ownership in ["additive", "exclusive"] {
        let workspace = world.workspace(&bulk(
            "v",
            &format!("variables = {{ A = \"1\", B = \"2\" }}\n  ownership = \"{ownership}\""),
        ));
        workspace.apply(&[]).ok();
        workspace.apply(&["-replace=kontraktor_variables.v"]).ok().says(&["1 added, 0 changed, 1 destroyed"]);
        workspace.terraform(&["taint", "-no-color", "kontraktor_variables.v"]).ok();
        workspace.apply(&[]).ok().says(&["1 added, 0 changed, 1 destroyed"]);
        workspace.settled();
        workspace.destroy().ok();
    }
}

#[test]
fn a_moved_block_and_a_new_place() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", "variables = { A = \"1\" }"));
    workspace.apply(&[]).ok();
    let moved = bulk("w", "variables = { A = \"1\" }")
        + "moved {\n  from = kontraktor_variables.v\n  to = kontraktor_variables.w\n}\n";
    workspace.main(&moved);
    workspace.apply(&[]).ok().says(&["0 added, 0 changed, 0 destroyed"]);
    workspace.main(&bulk("w", "variables = { A = \"1\" }").replace("\"dev\"", "\"prod\""));
    workspace.plan(&["-out=saved"]).says(&["forces replacement"]);
    set(&world, &["A=theirs"]);
    workspace.terraform(&["apply", "-no-color", "saved"]).fails().says(&["bulk/dev/A was changed by"]);
    workspace.apply(&[]).ok().says(&["1 added, 0 changed, 1 destroyed"]);
    assert_eq!(keys(&world), Vec::<String>::new());
    world.ktr(&["var", "get", "bulk/prod", "A"]).ok().says(&["1"]);
}

/// terraform-provider-doppler#136.
#[test]
fn what_was_deleted_elsewhere_is_recreated() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", "variables = { A = \"1\", B = \"2\" }"));
    workspace.apply(&[]).ok();
    world.ktr(&["var", "unset", "bulk/dev", "A"]).ok();
    workspace.plan(&[]).says(&[r#"+ "A" = "1""#, "1 to change"]);
    workspace.apply(&[]).ok();
    world.ktr(&["var", "unset", "bulk/dev", "A", "B"]).ok();
    world.ktr(&["env", "delete", "bulk/dev"]).ok();
    workspace.plan(&[]).says(&["1 to add"]);
    workspace.apply(&[]).ok();
    workspace.settled();
}

/// terraform-provider-vault#2534.
#[test]
fn a_type_or_description_that_someone_else_gave_is_drift() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", "variables = { A = \"1\", B = \"2\" }"));
    workspace.apply(&[]).ok();
    world.ktr(&["var", "set", "bulk/dev", "A=1", "--type", "number"]).ok();
    world.ktr(&["var", "set", "bulk/dev", "B=2", "--description", "theirs"]).ok();
    let plan = workspace.plan(&[]);
    plan.says(&[r#"+ "A" = "1""#, r#"+ "B" = "2""#, r#"- "A" = {"#, r#"- description = "theirs" -> null"#]);
    workspace.apply(&[]).ok();
    workspace.settled();
    assert!(stored(&world).iter().all(|(_, value_type, _)| value_type == "string"));
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
    // The block is gone, and with it what the plan knew: the daemon still does.
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

#[test]
fn five_thousand_keys() {
    let world = World::new();
    let config = |values: &str| {
        // One range gives 1,024 at most.
        let numbers = "flatten([for a in range(5) : [for b in range(1000) : a * 1000 + b]])";
        bulk("v", &format!("variables = {{ for n in {numbers} : \"KEY_${{n}}\" => \"{values}\" }}"))
    };
    let workspace = world.workspace(&config("one ${n}"));
    workspace.apply(&[]).ok().says(&["1 added"]);
    assert_eq!(logged(&world), (5000, 1));
    workspace.settled();
    workspace.main(&config("${n < 10 ? \"two\" : \"one\"} ${n}"));
    workspace.plan(&[]).says(&[r#""one 7" -> "two 7""#, "(4990 unchanged elements hidden)"]);
    workspace.apply(&[]).ok();
    assert_eq!(logged(&world), (5010, 2));
    workspace.destroy().ok();
    assert_eq!(logged(&world), (10_010, 3));
}

#[test]
fn what_breaks_a_rule_is_found_without_a_daemon() {
    let world = World::without_daemon();
    for (lines, said) in [
        ("variables = { \"9\" = \"x\" }", "Invalid key in variables"),
        ("variables = { A = null }", "Missing variables[\"A\"]"),
        ("variables = { A = \"1\" }\n  typed = { A = { value = \"1\" } }", "Duplicate key"),
        ("typed = { A = { value = \"ten\", type = \"number\" } }", "Invalid typed[\"A\"].value"),
        ("typed = { A = { value = \"x\", type = \"text\" } }", "Invalid typed[\"A\"].type"),
        ("typed = { A = { type = \"number\" } }", "attribute \"value\" is required"),
        ("ownership = \"mine\"", "ownership must be \"additive\" or \"exclusive\""),
    ] {
        let workspace = world.workspace(&bulk("v", lines));
        workspace.terraform(&["validate", "-no-color"]).fails().says(&[said]);
    }
}

/// terraform#30937: values that only an apply tells.
#[test]
fn values_may_be_known_after_apply_only() {
    let world = World::new();
    let main = r#"resource "terraform_data" "db" {
      input = "db.internal"
    }
    "#
    .to_owned()
        + &bulk(
            "v",
            "variables = { HOST = terraform_data.db.output, PORT = \"1\" }\n  typed = { N = { value = terraform_data.db.output } }",
        )
        + &bulk(
            "w",
            "variables = { (terraform_data.db.output) = \"key\" }\n  typed = { for key in [terraform_data.db.output] : upper(key) => { value = key } }",
        );
    let workspace = world.workspace(&main);
    workspace.apply(&[]).ok();
    assert_eq!(keys(&world), ["DB.INTERNAL", "HOST", "N", "PORT", "db.internal"]);
    workspace.settled();
}

#[test]
fn a_schema_is_kept_by_every_key_and_the_offending_one_is_named() {
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
fn variables_that_move_into_a_bulk_resource_and_back_are_not_lost() {
    const SINGLES: &str = r#"
      resource "kontraktor_variable" "v" {
        count       = 12
        project     = "bulk"
        env         = "dev"
        key         = "K${count.index}"
        value       = "1"
        on_conflict = "overwrite"
      }"#;
    let lines =
        "variables = { for number in range(12) : \"K${number}\" => \"1\" }\n  on_conflict = \"overwrite\"";
    let world = World::new();
    let workspace = world.workspace(SINGLES);
    workspace.apply(&[]).ok();
    // Nothing orders the creation of the new and the end of the old.
    for config in [bulk("all", lines), bulk("renamed", lines), SINGLES.to_owned()] {
        workspace.main(&config).apply(&[]).ok();
        assert_eq!(keys(&world).len(), 12, "{config}");
        workspace.settled();
    }
}

#[test]
fn a_key_that_someone_else_made_stops_a_destroy_only_until_its_message_is_read() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", "variables = { A = \"1\", B = \"2\" }"));
    workspace.apply(&[]).ok();
    // The state loses the key, and somebody sets it again.
    world.ktr(&["var", "unset", "bulk/dev", "A"]).ok();
    workspace.apply(&["-refresh-only"]).ok();
    set(&world, &["A=theirs"]);
    let exclusive = bulk("v", "variables = { B = \"2\" }\n  ownership = \"exclusive\"");
    for config in [bulk("v", "variables = { A = \"1\", B = \"2\" }"), exclusive] {
        workspace.main(&config).destroy().fails().says(&["A", "`terraform destroy -refresh=false`"]);
    }
    workspace.terraform(&["destroy", "-auto-approve", "-no-color", "-refresh=false"]).ok();
    assert_eq!(keys(&world), ["A"], "what the state did not hold stays");
    assert!(!workspace.state().contains("kontraktor_variables"), "nothing is left of it");
}
