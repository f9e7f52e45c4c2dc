//! Imports, moves, replacements: the same keys under another address.

use testkit::World;

use super::{bulk, keys, logged, set};

/// terraform-provider-doppler#37, terraform-provider-infisical#173.
#[test]
fn an_import_reads_all_keys_or_the_named_ones_and_needs_no_change() {
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
    // Terraform can also generate the configuration of an import.
    let workspace = world.workspace("import {\n  to = kontraktor_variables.v\n  id = \"bulk/dev\"\n}\n");
    workspace.terraform(&["plan", "-no-color", "-generate-config-out=generated.tf"]).ok();
    workspace.apply(&[]).ok().says(&["1 imported, 0 added, 0 changed"]);
    workspace.settled();
}

#[test]
fn a_moved_block_and_another_environment() {
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

#[test]
fn a_tainted_or_replaced_object_does_not_conflict_with_itself() {
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
    // Nothing orders the creation of the new resource and the destruction of the old one.
    for config in [bulk("all", lines), bulk("renamed", lines), SINGLES.to_owned()] {
        workspace.main(&config).apply(&[]).ok();
        assert_eq!(keys(&world).len(), 12, "{config}");
        workspace.settled();
    }
}
