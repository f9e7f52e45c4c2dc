//! `terraform init` from a filesystem mirror that consists only of a release's files.
//!
//! The release is packaged by the same program as a real one; only its binary is this build's.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use testkit::{Run, Workspace, World, binary, repository};

const ADDRESS: &str = "registry.terraform.io/kontraktor/kontraktor";
const VERSION: &str = env!("CARGO_PKG_VERSION");

const MAIN: &str = r#"
resource "kontraktor_variable" "v" {
  project = "mirrored"
  env     = "dev"
  key     = "KEY"
  value   = "one"
}
"#;

/// Packages this build's provider into a folder of the world.
fn release(world: &World, name: &str, license: &Path) -> PathBuf {
    let out = world.path().join(name);
    Run::of(
        Command::new(binary("package"))
            .arg("--provider")
            .arg(binary("terraform-provider-kontraktor"))
            .arg("--manifest")
            .arg(repository().join("registry-manifest.json"))
            .arg("--license")
            .arg(license)
            .arg("--out")
            .arg(&out)
            .env_remove("GPG_KEY"),
    )
    .ok();
    out
}

fn license() -> PathBuf {
    repository().join("LICENSE")
}

/// Returns a mirror with the files of the release in one folder, as they were packaged.
fn packed(world: &World, release: &Path) -> PathBuf {
    let mirror = world.path().join("packed");
    let folder = mirror.join(ADDRESS);
    fs::create_dir_all(&folder).expect("a folder");
    for entry in fs::read_dir(release).expect("the release is there") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), folder.join(entry.file_name())).expect("it can be copied");
    }
    mirror
}

/// Returns a mirror with the unpacked archive in a folder for its version and platform.
fn unpacked(world: &World, release: &Path) -> PathBuf {
    let mirror = world.path().join("unpacked");
    let archive = archive(release);
    let name = archive.file_stem().expect("it has a name").display().to_string();
    let platform =
        name.rsplit('_').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("_");
    let mut archive = zip::ZipArchive::new(File::open(archive).expect("it is there")).expect("a zip file");
    archive.extract(mirror.join(ADDRESS).join(VERSION).join(platform)).expect("it can be taken apart");
    mirror
}

fn archive(release: &Path) -> PathBuf {
    let entries = fs::read_dir(release).expect("the release is there");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    paths.find(|path| path.extension().is_some_and(|end| end == "zip")).expect("it holds an archive")
}

/// Returns a workspace that may install only from the mirror.
fn workspace(world: &World, mirror: &Path) -> Workspace {
    let workspace = world.workspace(MAIN);
    workspace.write(
        ".terraformrc",
        &format!(
            "disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{ path = \"{}\" }}\n}}\n",
            mirror.display()
        ),
    );
    workspace.write(
        "versions.tf",
        &format!(
            "terraform {{\n  required_providers {{\n    kontraktor = {{\n      source  = \"{ADDRESS}\"\n      \
             version = \"{VERSION}\"\n    }}\n  }}\n}}\n"
        ),
    );
    workspace
}

fn lock(workspace: &Workspace) -> String {
    fs::read_to_string(workspace.path().join(".terraform.lock.hcl")).expect("init writes the lock file")
}

/// Returns the checksum of the package's content, which is the same for both layouts.
fn content_hash(workspace: &Workspace) -> String {
    let lock = lock(workspace);
    let found = lock.split('"').find(|part| part.starts_with("h1:"));
    found.unwrap_or_else(|| panic!("no h1 in {lock}")).to_owned()
}

#[test]
fn a_release_is_installed_from_either_layout_and_works() {
    let world = World::new();
    let release = release(&world, "dist", &license());
    let mut hashes = Vec::new();
    for mirror in [packed(&world, &release), unpacked(&world, &release)] {
        let workspace = workspace(&world, &mirror);
        let installed = format!("kontraktor/kontraktor v{VERSION}");
        workspace.terraform(&["init", "-no-color"]).ok().says(&["Installed", &installed]);
        let lock = lock(&workspace);
        assert!(lock.contains(&format!("provider \"{ADDRESS}\"")), "{lock}");
        assert!(lock.contains(&format!("version     = \"{VERSION}\"")), "{lock}");
        hashes.push(content_hash(&workspace));

        // The lock file decides what is installed the next time.
        fs::remove_dir_all(workspace.path().join(".terraform")).expect("init created it");
        workspace.terraform(&["init", "-no-color", "-lockfile=readonly"]).ok();

        assert_eq!(workspace.plan(&[]).code, 2, "one variable is to be created");
        workspace.apply(&[]).ok().says(&["1 added"]);
        world.ktr(&["var", "get", "mirrored/dev", "KEY"]).ok().says(&["one"]);
        workspace.settled();
        workspace.destroy().ok().says(&["1 destroyed"]);
    }
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn the_lock_file_refuses_another_package_of_the_same_version() {
    let world = World::without_daemon();
    let mirror = packed(&world, &release(&world, "dist", &license()));
    let workspace = workspace(&world, &mirror);
    workspace.terraform(&["init", "-no-color"]).ok();

    let other = world.path().join("LICENSE");
    fs::write(&other, "Something else.\n").expect("a file");
    packed(&world, &release(&world, "other", &other));
    fs::remove_dir_all(workspace.path().join(".terraform")).expect("init created it");
    workspace
        .terraform(&["init", "-no-color"])
        .fails()
        .says(&["doesn't match any of the checksums previously recorded in the dependency lock file"]);
}
