//! The suites in `suites/`, each a configuration with `*.tftest.hcl` files, run by `terraform test`.

use std::fs;

use testkit::{Workspace, World, repository};

/// Lays a suite out in a workspace of its own, by way of the mirror and `terraform init`.
pub(crate) fn suite(world: &World, name: &str) -> Workspace {
    let folder = repository().join("acceptance/suites").join(name);
    let workspace = world.installed_workspace("");
    let mut stack = vec![folder.clone()];
    while let Some(next) = stack.pop() {
        for entry in fs::read_dir(&next).expect("a suite can be listed") {
            let path = entry.expect("a suite can be listed").path();
            if path.is_dir() {
                stack.push(path);
            } else {
                let name = path.strip_prefix(&folder).expect("within the suite").display().to_string();
                workspace.write(&name, &fs::read_to_string(&path).expect("a suite is text"));
            }
        }
    }
    // Modules of a suite are installed by init, too.
    workspace.terraform(&["init", "-no-color"]).ok();
    workspace
}

/// Runs a suite, and finds nothing left behind afterwards.
fn passes(name: &str) {
    let world = World::new();
    suite(&world, name).terraform(&["test", "-no-color"]).ok().says(&[" passed, 0 failed."]);
    world.ktr(&["audit", "--limit", "1000", "--output", "json"]).ok().says(&["terraform"]);
    let left: serde_json::Value =
        serde_json::from_str(&world.ktr(&["project", "list", "--output", "json"]).ok().stdout).expect("JSON");
    let explicit =
        left["projects"].as_array().expect("a list").iter().filter(|p| p["implicit"] == false).count();
    assert_eq!(explicit, 0, "terraform test destroys what it created: {left}");
}

#[test]
fn the_founding_documents_examples() {
    passes("founding");
}

#[test]
fn create_update_replace_destroy_of_each_resource() {
    passes("lifecycle");
}

#[test]
fn a_value_of_every_type_and_size() {
    passes("values");
}

#[test]
fn values_unknown_while_planning() {
    passes("unknown");
}

#[test]
fn for_each_over_two_hundred() {
    passes("many");
}
