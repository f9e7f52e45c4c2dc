//! The quickstart, as the README and `make demo` run it.

use std::fs;

use testkit::{World, repository};

#[test]
fn the_quickstart_from_apply_to_destroy() {
    let main = fs::read_to_string(repository().join("examples/quickstart/main.tf")).expect("the example");
    let world = World::new();
    let workspace = world.installed_workspace("");
    // It brings its own required_providers, with the short source address of the README.
    fs::remove_file(workspace.path().join("versions.tf")).expect("it was written");
    workspace.main(&main);
    workspace.terraform(&["init", "-no-color"]).ok();
    assert!(workspace.path().join(".terraform.lock.hcl").exists(), "init writes the lock file");

    workspace.apply(&[]).ok().says(&["Apply complete! Resources: 8 added, 0 changed, 0 destroyed."]);
    workspace.settled();
    assert_eq!(workspace.output("dev_variables")["APP_URL"], "https://dev.demo.example.com");
    assert_eq!(workspace.output("dev_variables")["FEATURES"], r#"{"limits":{"per_page":50},"search":true}"#);
    world.ktr(&["env", "show", "infra-demo/prod"]).ok().says(&["DB_HOST", "db.prod.internal"]);

    let change = ["-var", "app_url=https://www.demo.example.com"];
    workspace.apply(&change).ok().says(&["0 added, 1 changed, 0 destroyed."]);
    assert_eq!(workspace.output("dev_variables")["APP_URL"], "https://www.demo.example.com");
    let history = world.ktr(&["var", "history", "infra-demo/dev", "APP_URL"]).ok();
    history.says(&["https://dev.demo.example.com → https://www.demo.example.com", "unix:", "terraform"]);

    workspace
        .terraform(&[&["destroy", "-auto-approve", "-no-color"], &change[..]].concat())
        .ok()
        .says(&["8 destroyed."]);
    let list = world.ktr(&["project", "list", "--output", "json"]).ok();
    assert!(!list.stdout.contains("infra-demo"), "{}", list.stdout);
    world.ktr(&["audit", "--project", "infra-demo"]).ok().says(&["APP_URL", "terraform"]);
}

#[test]
fn one_at_a_time_works_too() {
    let world = World::new();
    let workspace = world.workspace(
        r#"resource "kontraktor_variable" "this" {
          count   = 5
          project = "serial"
          env     = "dev"
          key     = "KEY_${count.index}"
          value   = count.index
        }"#,
    );
    workspace.apply(&["-parallelism=1"]).ok().says(&["5 added"]);
    workspace.plan(&["-parallelism=1"]).ok();
    workspace
        .terraform(&["destroy", "-auto-approve", "-no-color", "-parallelism=1"])
        .ok()
        .says(&["5 destroyed"]);
}
