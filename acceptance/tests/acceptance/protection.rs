//! Deletion protection, and deletions that include the content only with `force_destroy`.

use testkit::World;

fn all(protection: &str) -> String {
    format!(
        r#"
resource "kontraktor_project" "p" {{
  name = "guarded"
  {protection}
}}
resource "kontraktor_environment" "e" {{
  project = kontraktor_project.p.name
  env     = "prod"
  {protection}
}}
resource "kontraktor_variable" "v" {{
  project = kontraktor_environment.e.project
  env     = kontraktor_environment.e.env
  key     = "KEY"
  value   = "precious"
  {protection}
}}
"#
    )
}

const ON: &str = "deletion_protection = true";
const OFF: &str = "deletion_protection = false";

#[test]
fn protected_objects_are_not_destroyed_by_a_plan() {
    let world = World::new();
    // Without references, so that terraform asks for each of them.
    let apart = |key: &str| {
        format!(
            r#"
resource "kontraktor_project" "p" {{
  name                = "alone"
  deletion_protection = true
}}
resource "kontraktor_environment" "e" {{
  project             = "guarded"
  env                 = "test"
  deletion_protection = true
}}
resource "kontraktor_variable" "v" {{
  project             = "guarded"
  env                 = "prod"
  key                 = "{key}"
  value               = "precious"
  deletion_protection = true
}}
"#
        )
    };
    let workspace = world.workspace(&apart("KEY"));
    workspace.apply(&[]).ok();
    workspace.settled();
    workspace.terraform(&["plan", "-destroy", "-no-color"]).fails().says(&[
        "Deletion protection is on",
        "This plan would delete the variable guarded/prod/KEY.",
        "ktr var unprotect guarded/prod KEY",
        "This plan would delete the environment guarded/test.",
        "ktr env unprotect guarded/test",
        "This plan would delete the project alone.",
        "ktr project unprotect alone",
        "set deletion_protection = false and apply that alone",
        "two applies",
    ]);
    workspace.main(&apart("OTHER"));
    workspace
        .plan(&[])
        .fails()
        .says(&["This change would replace the variable guarded/prod/KEY: delete it, and create a new one."]);
    workspace.main(&apart("KEY"));
    workspace.settled();
}

/// A forced replacement reaches the provider as the plan of a create without a prior state.
#[test]
fn a_forced_replacement_of_a_protected_object_fails_during_the_plan() {
    let world = World::new();
    let config = |protection: &str| {
        format!(
            r#"{}
resource "kontraktor_secret_reference" "r" {{
  project   = "guarded"
  env       = "prod"
  key       = "SECRET"
  reference = "vault://team/secret/app#password"
  {protection}
  depends_on = [kontraktor_variable.v]
}}
resource "kontraktor_variables" "b" {{
  project   = "guarded"
  env       = "bulk"
  variables = {{ A = "1", B = "2" }}
  {protection}
  depends_on = [kontraktor_variable.v]
}}
"#,
            all(protection)
        )
    };
    let workspace = world.workspace(&config(ON));
    workspace.apply(&[]).ok();
    let addresses = [
        ("kontraktor_project.p", "the project guarded"),
        ("kontraktor_environment.e", "the environment guarded/prod"),
        ("kontraktor_variable.v", "the variable guarded/prod/KEY"),
        ("kontraktor_secret_reference.r", "the secret reference guarded/prod/SECRET"),
        ("kontraktor_variables.b", "2 keys of guarded/bulk: A, B"),
    ];
    for refresh in ["-refresh=true", "-refresh=false"] {
        for (address, name) in addresses {
            let replace = format!("-replace={address}");
            let plan = workspace.plan(&[&replace, refresh]).fails();
            plan.says(&["Deletion protection is on", name, "deletion_protection = false"]);
        }
    }
    for (address, name) in addresses {
        workspace.terraform(&["taint", "-no-color", address]).ok();
        for refresh in ["-refresh=true", "-refresh=false"] {
            let plan = workspace.plan(&[refresh]).fails();
            plan.says(&["Deletion protection is on", name, "terraform untaint ADDRESS"]);
        }
        workspace.terraform(&["untaint", "-no-color", address]).ok();
    }
    workspace.settled();

    // What is not protected is replaced, and so is what another client unprotected.
    workspace.main(&config(OFF)).apply(&[]).ok();
    workspace.main(&config(""));
    workspace.apply(&["-replace=kontraktor_variable.v", "-replace=kontraktor_secret_reference.r"]).ok();
    world.ktr(&["var", "protect", "guarded/prod", "KEY"]).ok();
    workspace.apply(&["-refresh-only"]).ok();
    world.ktr(&["var", "unprotect", "guarded/prod", "KEY"]).ok();
    workspace.apply(&["-replace=kontraktor_variable.v"]).ok();
    workspace.settled();
}

/// See terraform#17599: elsewhere a protection is lost with the block that sets it.
#[test]
fn deletion_protection_is_not_lost_when_the_block_is_removed() {
    let world = World::new();
    let workspace = world.workspace(&all(ON));
    workspace.apply(&[]).ok();
    workspace.main("");
    workspace.apply(&[]).fails().says(&["Deletion protection is on", "the variable guarded/prod/KEY"]);
    // Only the line is removed: the protection remains.
    workspace.main(&all("")).settled();
    workspace.destroy().fails();
    // Terraform forgets everything; the daemon does not.
    for address in ["kontraktor_variable.v", "kontraktor_environment.e", "kontraktor_project.p"] {
        workspace.terraform(&["state", "rm", address]).ok();
    }
    world.ktr(&["var", "unset", "guarded/prod", "KEY"]).fails().says(&["protected from deletion"]);
    world
        .ktr(&["env", "delete", "guarded/prod", "--force", "--yes"])
        .fails()
        .says(&["protected from deletion"]);
    world
        .ktr(&["project", "delete", "guarded", "--force", "--yes"])
        .fails()
        .says(&["protected from deletion"]);
    world.ktr(&["var", "get", "guarded/prod", "KEY"]).ok().says(&["precious"]);
}

#[test]
fn the_daemon_refuses_what_a_stale_state_would_delete() {
    let world = World::new();
    let workspace = world.workspace(&all(""));
    workspace.apply(&[]).ok();
    world.ktr(&["var", "protect", "guarded/prod", "KEY"]).ok();
    world.ktr(&["env", "protect", "guarded/prod"]).ok();
    world.ktr(&["project", "protect", "guarded"]).ok();
    // The state shows no protection, so the plan passes.
    let destroy = workspace.terraform(&["destroy", "-auto-approve", "-no-color", "-refresh=false"]).fails();
    destroy.says(&["guarded/prod/KEY", "protected from deletion", "ktr var unprotect guarded/prod KEY"]);
    workspace.terraform(&["state", "rm", "kontraktor_variable.v"]).ok();
    let destroy = workspace.terraform(&["destroy", "-auto-approve", "-no-color", "-refresh=false"]).fails();
    destroy.says(&["protected from deletion", "ktr env unprotect guarded/prod"]);
    world.ktr(&["var", "get", "guarded/prod", "KEY"]).ok().says(&["precious"]);
    // After a refresh, the plan already fails.
    workspace.destroy().fails().says(&["Deletion protection is on", "the environment guarded/prod"]);
}

#[test]
fn unprotecting_and_deleting_are_two_applies() {
    let world = World::new();
    let workspace = world.workspace(&all(ON));
    workspace.apply(&[]).ok();
    workspace.main(&all(OFF));
    workspace.destroy().fails();
    workspace.apply(&[]).ok().says(&["3 changed"]);
    workspace.destroy().ok().says(&["3 destroyed"]);

    // By `ktr` too.
    workspace.main(&all(ON)).apply(&[]).ok();
    world.ktr(&["var", "unprotect", "guarded/prod", "KEY"]).ok();
    world.ktr(&["env", "unprotect", "guarded/prod"]).ok();
    world.ktr(&["project", "unprotect", "guarded"]).ok();
    workspace.plan(&[]).says(&["deletion_protection = false -> true", "3 to change"]);
    workspace.destroy().ok().says(&["3 destroyed"]);
}

fn holder(force: &str) -> String {
    format!(
        r#"resource "kontraktor_environment" "e" {{
  project = "guarded"
  env     = "prod"
  {force}
}}
resource "kontraktor_project" "p" {{
  name = "full"
  {force}
}}
"#
    )
}

#[test]
fn content_is_destroyed_only_after_force_destroy_was_applied() {
    let world = World::new();
    let workspace = world.workspace(&holder(""));
    workspace.apply(&[]).ok();
    let keys: Vec<String> = (10..35).map(|n| format!("KEY_{n}=x")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    world.ktr(&[&["var", "set", "guarded/prod"], &keys[..]].concat()).ok();
    world.ktr(&["var", "set", "full/dev", "KEY=x", "--create"]).ok();
    let refused = workspace.destroy().fails();
    assert!(!refused.text().contains("KEY_30"), "20 names at most: {}", refused.text());
    refused.says(&[
        "KEY_10",
        "KEY_29",
        "force_destroy = true",
        "full",
        "Failed to delete environment guarded/prod",
    ]);

    // The applied value counts, not the one in the configuration.
    workspace.main(&holder("force_destroy = true"));
    workspace.destroy().fails().says(&["force_destroy = true"]);
    workspace.apply(&[]).ok();
    world.ktr(&["var", "protect", "guarded/prod", "KEY_12"]).ok();
    world.ktr(&["env", "protect", "full/dev"]).ok();
    workspace
        .destroy()
        .fails()
        .says(&["variable protected from deletion: KEY_12", "environment protected from deletion: dev"]);
    world.ktr(&["var", "get", "guarded/prod", "KEY_11"]).ok();
    world.ktr(&["var", "unprotect", "guarded/prod", "KEY_12"]).ok();
    world.ktr(&["env", "unprotect", "full/dev"]).ok();
    workspace.destroy().ok();
    world.ktr(&["var", "get", "guarded/prod", "KEY_11"]).fails();
    world.ktr(&["var", "get", "full/dev", "KEY"]).fails();
}
