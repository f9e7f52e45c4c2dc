//! A plan is a promise: what was planned happens, or nothing does.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use testkit::{Workspace, World, binary};

const ALL: &str = r#"
resource "kontraktor_project" "p" {
  name        = "promise"
  description = "first"
}
resource "kontraktor_environment" "e" {
  project     = kontraktor_project.p.name
  env         = "dev"
  description = "first"
}
resource "kontraktor_variable" "v" {
  project     = kontraktor_environment.e.project
  env         = kontraktor_environment.e.env
  key         = "KEY"
  value       = "mine"
}
"#;

fn variable(more: &str) -> String {
    format!(
        r#"resource "kontraktor_variable" "v" {{
  project = "promise"
  env     = "dev"
  key     = "KEY"
  value   = "mine"
  {more}
}}
"#
    )
}

fn saved(workspace: &Workspace, more: &[&str]) {
    workspace.terraform(&[&["plan", "-no-color", "-out=saved"], more].concat()).ok();
}

fn apply_saved(workspace: &Workspace) -> testkit::Run {
    workspace.terraform(&["apply", "-no-color", "saved"])
}

#[test]
fn a_key_that_appears_between_plan_and_apply_is_not_overwritten() {
    let world = World::new();
    let workspace = world.workspace(&variable(""));
    saved(&workspace, &[]);
    world.ktr(&["var", "set", "promise/dev", "KEY=theirs", "--create"]).ok();
    apply_saved(&workspace).fails().says(&[
        "Resource already exists",
        "promise/dev/KEY",
        "import {",
        "on_conflict = \"overwrite\" in the provider block for one apply",
    ]);
    world.ktr(&["var", "get", "promise/dev", "KEY"]).ok().says(&["theirs"]);
}

#[test]
fn settings_that_change_between_plan_and_apply_stop_the_apply() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    workspace.main(&ALL.replace("\"first\"", "\"second\""));
    saved(&workspace, &[]);
    world.ktr(&["env", "update", "promise/dev", "--description", "theirs"]).ok();
    apply_saved(&workspace).fails().says(&[
        "promise/dev was changed by",
        "through ktr at",
        "changed: description",
        "Run `terraform plan` again",
    ]);
    // A new plan, which shows the other change, succeeds.
    workspace.apply(&[]).ok();
    workspace.settled();

    world.ktr(&["project", "protect", "promise"]).ok();
    workspace.main(&ALL.replace("\"first\"", "\"third\""));
    workspace
        .apply(&["-refresh=false"])
        .fails()
        .says(&["promise was changed by", "changed: deletion_protection"]);
}

#[test]
fn overwrite_adopts_what_exists() {
    let world = World::new();
    world.ktr(&["project", "create", "promise"]).ok();
    world.ktr(&["env", "create", "promise/dev"]).ok();
    world.ktr(&["env", "protect", "promise/dev"]).ok();
    world.ktr(&["var", "set", "promise/dev", "KEY=theirs"]).ok();
    world.ktr(&["var", "protect", "promise/dev", "KEY"]).ok();
    let overwrite = "provider \"kontraktor\" {\n  on_conflict = \"overwrite\"\n}\n";
    let workspace = world.workspace(&format!("{overwrite}{ALL}"));
    workspace.apply(&[]).ok().says(&["3 added"]);
    world.ktr(&["var", "get", "promise/dev", "KEY"]).ok().says(&["mine"]);
    workspace.settled();
    // An adopted object keeps its protection unless the author sets it.
    assert_eq!(workspace.attributes("kontraktor_environment.e")["deletion_protection"], true);
    assert_eq!(workspace.attributes("kontraktor_variable.v")["deletion_protection"], true);
    workspace.destroy().fails().says(&["Deletion protection is on"]);
}

#[test]
fn overwrite_changes_and_deletes_any_value() {
    let world = World::new();
    let workspace = world.workspace(&variable("on_conflict = \"overwrite\""));
    workspace.apply(&[]).ok();
    workspace.main(&variable("on_conflict = \"overwrite\"\n  description = \"d\""));
    saved(&workspace, &[]);
    world.ktr(&["var", "set", "promise/dev", "KEY=theirs"]).ok();
    apply_saved(&workspace).ok();
    world.ktr(&["var", "get", "promise/dev", "KEY"]).ok().says(&["mine"]);
    saved(&workspace, &["-destroy"]);
    world.ktr(&["var", "set", "promise/dev", "KEY=theirs"]).ok();
    apply_saved(&workspace).ok();
    world.ktr(&["var", "get", "promise/dev", "KEY"]).fails();
}

#[test]
fn changing_only_on_conflict_writes_nothing() {
    let world = World::new();
    let workspace = world.workspace(&variable(""));
    workspace.apply(&[]).ok();
    workspace.main(&variable("on_conflict = \"overwrite\""));
    workspace.apply(&[]).ok().says(&["1 changed"]);
    assert_eq!(workspace.attributes("kontraktor_variable.v")["revision"], 1);
    workspace.settled();
}

#[test]
fn a_moved_block_changes_the_address_and_nothing_else() {
    let world = World::new();
    let workspace = world.workspace(&variable(""));
    workspace.apply(&[]).ok();
    let moved = variable("").replace("\"v\"", "\"w\"");
    workspace.main(&format!(
        "{moved}moved {{\n  from = kontraktor_variable.v\n  to   = kontraktor_variable.w\n}}\n"
    ));
    workspace.apply(&[]).ok().says(&["0 added, 0 changed, 0 destroyed"]);
    assert_eq!(workspace.attributes("kontraktor_variable.w")["revision"], 1);
    workspace.main(&moved).settled();
}

#[test]
fn a_move_from_another_type_is_refused_with_an_alternative() {
    let world = World::new();
    let workspace = world.workspace("resource \"terraform_data\" \"d\" {\n  input = \"mine\"\n}\n");
    workspace.apply(&[]).ok();
    workspace.main(&format!(
        "{}moved {{\n  from = terraform_data.d\n  to   = kontraktor_variable.v\n}}\n",
        variable("")
    ));
    workspace.plan(&[]).fails().says(&[
        "Move between resource types is not supported",
        "The state of terraform_data",
        "cannot be moved to kontraktor_variable",
        "`removed` block",
        "`import` block",
    ]);
}

/// See terraform#30937: what cannot be read yet is named, with a remedy.
#[test]
fn a_data_source_names_the_unknown_arguments_of_the_provider_block() {
    let world = World::new();
    let workspace = world.workspace(&format!(
        r#"resource "terraform_data" "host" {{
  input = "{host}"
}}
provider "kontraktor" {{
  host = terraform_data.host.output
}}
data "kontraktor_projects" "all" {{}}
"#,
        host = world.host()
    ));
    workspace.plan(&[]).fails().says(&[
        "the provider block sets host to a value that is known only after other resources are applied",
        "terraform apply -target=ADDRESS",
    ]);
    workspace.apply(&["-target=terraform_data.host"]).ok();
    workspace.apply(&[]).ok();
}

/// A provider that a person started, and the variable by which terraform finds it.
struct Debugged {
    process: Child,
    reattach: String,
}

impl Debugged {
    fn start() -> Self {
        let mut process = Command::new(binary("terraform-provider-kontraktor"))
            .arg("--debug")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the provider starts");
        let mut line = String::new();
        let mut lines = BufReader::new(process.stdout.take().expect("stdout is piped"));
        lines.read_line(&mut line).expect("the provider prints its address");
        let value =
            line.trim().strip_prefix("TF_REATTACH_PROVIDERS='").and_then(|rest| rest.strip_suffix('\''));
        let reattach = value.unwrap_or_else(|| panic!("the provider printed {line:?}")).to_owned();
        Self { process, reattach }
    }
}

impl Drop for Debugged {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Both aliases talk to one process, which must keep their sessions apart.
#[test]
fn two_aliases_of_a_debugged_provider_do_not_disturb_each_other() {
    let (one, two) = (World::new(), World::new());
    let block = |n: &str, world: &World| {
        format!(
            r#"provider "kontraktor" {{
  alias = "{n}"
  host  = "{host}"
}}
resource "kontraktor_variable" "{n}" {{
  provider = kontraktor.{n}
  count    = 20
  project  = "promise"
  env      = "dev"
  key      = "KEY_${{count.index}}"
  value    = "{n}"
}}
data "kontraktor_environment" "{n}" {{
  provider   = kontraktor.{n}
  project    = "promise"
  env        = "dev"
  depends_on = [kontraktor_variable.{n}]
}}
output "{n}" {{
  value = data.kontraktor_environment.{n}.variables
}}
"#,
            host = world.host()
        )
    };
    let workspace = one.workspace(&format!("{}{}", block("one", &one), block("two", &two)));
    let provider = Debugged::start();
    let run = |arguments: &[&str]| {
        let mut command = workspace.command(arguments);
        testkit::Run::of(command.env("TF_REATTACH_PROVIDERS", &provider.reattach))
    };
    run(&["apply", "-auto-approve", "-no-color"]).ok();
    let plan = run(&["plan", "-no-color", "-detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{}\n{}", plan.stdout, plan.stderr);
    for (name, world) in [("one", &one), ("two", &two)] {
        world.ktr(&["var", "get", "promise/dev", "KEY_7"]).ok().says(&[name]);
        let output = testkit::Run::of(
            workspace
                .command(&["output", "-json", "-no-color", name])
                .env("TF_REATTACH_PROVIDERS", &provider.reattach),
        );
        let output: serde_json::Value =
            serde_json::from_str(&output.ok().stdout).expect("terraform prints JSON");
        assert_eq!(output["KEY_19"], name);
    }
    run(&["destroy", "-auto-approve", "-no-color"]).ok();
}
