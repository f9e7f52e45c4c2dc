//! Several owners of one environment: additive and exclusive ownership.

use testkit::World;

use super::{bulk, keys, set};

/// terraform-provider-consul#17, #230, #129.
#[test]
fn two_owners_do_not_overwrite_each_other() {
    let world = World::new();
    let both = bulk("a", "variables = { A_1 = \"a\" }") + &bulk("b", "variables = { B_1 = \"b\" }");
    let workspace = world.workspace(&both);
    workspace.apply(&[]).ok();
    set(&world, &["FOREIGN=theirs"]);
    workspace.settled();
    workspace.main(&bulk("a", "variables = { A_1 = \"a\" }"));
    workspace.apply(&[]).ok().says(&["1 destroyed"]);
    assert_eq!(keys(&world), ["A_1", "FOREIGN"]);

    // A second owner of a key is found by its plan, in this workspace and in another.
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
fn exclusive_ownership_shows_and_removes_what_others_write() {
    let world = World::new();
    let config = bulk("v", "variables = { A = \"1\" }\n  ownership = \"exclusive\"");
    let workspace = world.workspace(&config);
    workspace.apply(&[]).ok();
    set(&world, &["PLAIN=theirs"]);
    world.ktr(&["var", "set", "bulk/dev", "NUMBER=7", "--type", "number"]).ok();
    let plan = workspace.plan(&["-out=saved"]);
    assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
    plan.says(&[r#"- "PLAIN" = "theirs" -> null"#, r#"- "NUMBER" = {"#, "1 to change"]);
    // The apply does only what the plan showed.
    set(&world, &["PLAIN=changed"]);
    workspace.terraform(&["apply", "-no-color", "saved"]).fails().says(&[
        "bulk/dev/PLAIN was changed by",
        "through ktr",
        "planned from: revision ",
        "current: revision ",
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
    // What an import read is part of the plan, too.
    set(&world, &["FOREIGN=changed"]);
    let refused = workspace.terraform(&["apply", "-no-color", "saved"]).fails();
    refused.says(&["bulk/dev/FOREIGN was changed by", "current: revision "]);
    assert_eq!(keys(&world), ["A", "FOREIGN"]);
    // The import itself has succeeded.
    workspace.apply(&[]).ok().says(&["0 added, 1 changed, 0 destroyed"]);
    assert_eq!(keys(&world), ["A"]);

    // The same applies when an existing resource becomes exclusive.
    let workspace = world.workspace(&bulk("v", "variables = { B = \"1\" }"));
    workspace.apply(&[]).ok();
    workspace.main(&bulk("v", "variables = { B = \"1\" }\n  ownership = \"exclusive\""));
    workspace.plan(&[]).fails().says(&["holds 1 key that this resource does not own", "terraform state rm"]);
}

#[test]
fn a_key_that_someone_else_created_stops_a_destroy_that_refreshes() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", "variables = { A = \"1\", B = \"2\" }"));
    workspace.apply(&[]).ok();
    // The state loses the key, and someone sets it again.
    world.ktr(&["var", "unset", "bulk/dev", "A"]).ok();
    workspace.apply(&["-refresh-only"]).ok();
    set(&world, &["A=theirs"]);
    let exclusive = bulk("v", "variables = { B = \"2\" }\n  ownership = \"exclusive\"");
    for config in [bulk("v", "variables = { A = \"1\", B = \"2\" }"), exclusive] {
        workspace.main(&config).destroy().fails().says(&["A", "`terraform destroy -refresh=false`"]);
    }
    workspace.terraform(&["destroy", "-auto-approve", "-no-color", "-refresh=false"]).ok();
    assert_eq!(keys(&world), ["A"], "keys outside of the state remain");
    assert!(!workspace.state().contains("kontraktor_variables"), "it is no longer in the state");
}
