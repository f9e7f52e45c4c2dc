//! What a person reads in a plan.

use testkit::{Workspace, World};

/// The plan's body: from "Terraform will perform" to the summary. Tofu differs in what it calls itself.
fn plan(workspace: &Workspace) -> String {
    let run = workspace.plan(&[]);
    let text = run.stdout.replace("OpenTofu will perform", "Terraform will perform");
    let start = text.find("Terraform will perform").unwrap_or_else(|| panic!("{text}\n{}", run.stderr));
    let end =
        text.find("Plan:").map_or(text.len(), |at| at + text[at..].find('\n').unwrap_or(text.len() - at));
    text[start..end].to_owned()
}

fn config(value: &str, key: &str) -> String {
    format!(
        r#"
resource "kontraktor_variable" "v" {{
  project = "plans"
  env     = "dev"
  key     = "{key}"
  value   = "{value}"
}}
"#
    )
}

#[test]
fn create_update_replace_destroy() {
    let world = World::new();
    let workspace = world.installed_workspace(&config("one", "KEY"));
    insta::assert_snapshot!(plan(&workspace), @r#"
    Terraform will perform the following actions:

      # kontraktor_variable.v will be created
      + resource "kontraktor_variable" "v" {
          + deletion_protection = false
          + env                 = "dev"
          + id                  = "plans/dev/KEY"
          + key                 = "KEY"
          + project             = "plans"
          + revision            = (known after apply)
          + type                = "string"
          + value               = "one"
        }

    Plan: 1 to add, 0 to change, 0 to destroy.
    "#);
    workspace.apply(&[]).ok();
    workspace.main(&config("two", "KEY"));
    insta::assert_snapshot!(plan(&workspace), @r#"
    Terraform will perform the following actions:

      # kontraktor_variable.v will be updated in-place
      ~ resource "kontraktor_variable" "v" {
            id                  = "plans/dev/KEY"
          ~ revision            = 1 -> (known after apply)
          ~ value               = "one" -> "two"
            # (5 unchanged attributes hidden)
        }

    Plan: 0 to add, 1 to change, 0 to destroy.
    "#);
    workspace.main(&config("one", "OTHER"));
    insta::assert_snapshot!(plan(&workspace), @r#"
    Terraform will perform the following actions:

      # kontraktor_variable.v must be replaced
    -/+ resource "kontraktor_variable" "v" {
          ~ id                  = "plans/dev/KEY" -> "plans/dev/OTHER"
          ~ key                 = "KEY" -> "OTHER" # forces replacement
          ~ revision            = 1 -> (known after apply)
            # (5 unchanged attributes hidden)
        }

    Plan: 1 to add, 0 to change, 1 to destroy.
    "#);
    workspace.main("");
    insta::assert_snapshot!(plan(&workspace), @r#"
    Terraform will perform the following actions:

      # kontraktor_variable.v will be destroyed
      # (because kontraktor_variable.v is not in configuration)
      - resource "kontraktor_variable" "v" {
          - deletion_protection = false -> null
          - env                 = "dev" -> null
          - id                  = "plans/dev/KEY" -> null
          - key                 = "KEY" -> null
          - project             = "plans" -> null
          - revision            = 1 -> null
          - type                = "string" -> null
          - value               = "one" -> null
        }

    Plan: 0 to add, 0 to change, 1 to destroy.
    "#);
}

#[test]
fn the_quickstart_shows_its_values() {
    let world = World::new();
    let workspace = world.installed_workspace(
        r#"
resource "kontraktor_project" "p" {
  name = "plans"
}
resource "kontraktor_environment" "e" {
  project     = kontraktor_project.p.name
  env         = "dev"
  description = "for plans"
}
"#,
    );
    insta::assert_snapshot!(plan(&workspace), @r#"
    Terraform will perform the following actions:

      # kontraktor_environment.e will be created
      + resource "kontraktor_environment" "e" {
          + deletion_protection = false
          + description         = "for plans"
          + env                 = "dev"
          + id                  = "plans/dev"
          + project             = "plans"
        }

      # kontraktor_project.p will be created
      + resource "kontraktor_project" "p" {
          + deletion_protection = false
          + id                  = "plans"
          + name                = "plans"
        }

    Plan: 2 to add, 0 to change, 0 to destroy.
    "#);
}
