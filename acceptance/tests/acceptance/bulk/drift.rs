//! What others change between two runs, or between plan and apply.

use testkit::World;

use super::{bulk, keys, set, stored};

#[test]
fn an_apply_does_what_was_planned_or_writes_nothing() {
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
        "planned from: revision ",
        "current: revision ",
        "Nothing was written",
    ]);
    assert_eq!(stored(&world)[1].2, "1", "B");
    // Destroy.
    let plan = workspace.terraform(&["plan", "-destroy", "-no-color", "-out=saved"]).ok();
    plan.says(&["1 to destroy"]);
    set(&world, &["A=again"]);
    workspace
        .terraform(&["apply", "-no-color", "saved"])
        .fails()
        .says(&["was changed by", "planned from: revision "]);
    assert_eq!(keys(&world), ["A", "B", "C"]);
    // Keys that others deleted do not stop a destroy.
    let plan = workspace.terraform(&["plan", "-destroy", "-no-color", "-out=saved"]).ok();
    plan.says(&["1 to destroy"]);
    world.ktr(&["var", "unset", "bulk/dev", "A"]).ok();
    workspace.terraform(&["apply", "-no-color", "saved"]).ok();
    assert_eq!(keys(&world), Vec::<String>::new());
}

#[test]
fn overwrite_replaces_the_values_of_others() {
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

/// terraform-provider-doppler#136.
#[test]
fn keys_that_were_deleted_elsewhere_are_recreated() {
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
fn a_type_or_description_that_someone_else_set_is_drift() {
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
