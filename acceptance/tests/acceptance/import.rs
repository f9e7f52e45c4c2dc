//! Import by block and by command, and errors about objects that exist already.

use testkit::World;

const ALL: &str = r#"
resource "kontraktor_project" "p" {
  name = "adopted"
}
resource "kontraktor_environment" "e" {
  project     = kontraktor_project.p.name
  env         = "dev"
  description = "created by hand"
}
resource "kontraktor_variable" "v" {
  project = kontraktor_environment.e.project
  env     = kontraktor_environment.e.env
  key     = "RATE"
  value   = "1.50"
  type    = "number"
}
"#;

fn created_by_hand() -> World {
    let world = World::new();
    world.ktr(&["project", "create", "adopted"]).ok();
    world.ktr(&["env", "create", "adopted/dev", "--description", "created by hand"]).ok();
    world.ktr(&["var", "set", "adopted/dev", "RATE=1.5", "--type", "number"]).ok();
    world
}

#[test]
fn by_block() {
    let world = created_by_hand();
    let workspace = world.workspace(&format!(
        r#"{ALL}
        import {{
          to = kontraktor_project.p
          id = "adopted"
        }}
        import {{
          to = kontraktor_environment.e
          id = "adopted/dev"
        }}
        import {{
          to = kontraktor_variable.v
          id = "adopted/dev/RATE"
        }}"#
    ));
    workspace.apply(&[]).ok().says(&["3 imported, 0 added, 0 changed, 0 destroyed"]);
    workspace.main(ALL).settled();
    workspace.destroy().ok().says(&["3 destroyed"]);
}

#[test]
fn by_command() {
    let world = created_by_hand();
    let workspace = world.workspace(ALL);
    for (address, id) in [
        ("kontraktor_project.p", "adopted"),
        ("kontraktor_environment.e", "adopted/dev"),
        ("kontraktor_variable.v", "adopted/dev/RATE"),
    ] {
        workspace.terraform(&["import", "-no-color", address, id]).ok();
    }
    workspace.settled();
}

#[test]
fn import_writes_the_configuration() {
    let world = created_by_hand();
    let workspace = world.workspace(
        r#"import {
          to = kontraktor_variable.v
          id = "adopted/dev/RATE"
        }"#,
    );
    workspace.terraform(&["plan", "-no-color", "-generate-config-out=generated.tf"]).ok();
    workspace.apply(&[]).ok().says(&["1 imported, 0 added, 0 changed, 0 destroyed"]);
    workspace.settled();
}

#[test]
fn a_missing_object_cannot_be_imported() {
    let world = created_by_hand();
    let workspace = world.workspace(ALL);
    for (address, id) in [
        ("kontraktor_project.p", "missing"),
        ("kontraktor_environment.e", "adopted/missing"),
        ("kontraktor_variable.v", "adopted/dev/MISSING"),
        ("kontraktor_variable.v", "adopted/missing/RATE"),
    ] {
        let import = workspace.terraform(&["import", "-no-color", address, id]).fails();
        import.says(&[&format!("[id={id}]"), "Cannot import non-existent remote object"]);
    }
}

#[test]
fn errors_about_import_ids_show_the_expected_form() {
    let world = created_by_hand();
    let workspace = world.workspace(ALL);
    for (address, id, expected) in [
        ("kontraktor_project.p", "adopted/dev", "project has '/' at character 8"),
        ("kontraktor_environment.e", "adopted", "PROJECT/ENV"),
        ("kontraktor_variable.v", "adopted/dev", "PROJECT/ENV/KEY"),
        ("kontraktor_variable.v", "adopted/dev/RATE/more", "PROJECT/ENV/KEY"),
    ] {
        workspace.terraform(&["import", "-no-color", address, id]).fails().says(&[expected]);
    }
}

#[test]
fn creating_an_existing_object_shows_the_import_to_paste() {
    let world = created_by_hand();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).fails().says(&["import {", "id = \"adopted\""]);
    let workspace = world.workspace(
        r#"resource "kontraktor_variable" "v" {
          project = "adopted"
          env     = "dev"
          key     = "RATE"
          value   = "2"
        }"#,
    );
    workspace.apply(&[]).fails().says(&["import {", "id = \"adopted/dev/RATE\""]);
    world.ktr(&["var", "get", "adopted/dev", "RATE"]).ok().says(&["1.5"]);
}

#[test]
fn implicit_projects_and_environments_are_adopted() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "adopted/dev", "RATE=1.5"]).ok();
    let workspace = world.workspace(
        r#"resource "kontraktor_project" "p" {
          name        = "adopted"
          description = "now explicit"
        }
        resource "kontraktor_environment" "e" {
          project = kontraktor_project.p.name
          env     = "dev"
        }"#,
    );
    workspace.apply(&[]).ok().says(&["2 added"]);
    workspace.settled();
    world.ktr(&["var", "get", "adopted/dev", "RATE"]).ok().says(&["1.5"]);
    // An environment with variables is not deleted.
    workspace.destroy().fails().says(&["RATE"]);
    world.ktr(&["var", "unset", "adopted/dev", "RATE"]).ok();
    workspace.destroy().ok();
}
