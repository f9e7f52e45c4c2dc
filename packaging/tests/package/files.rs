//! What a registry serves.

use std::fs::{self, File};
use std::process::Command;

use zip::ZipArchive;

use crate::{Desk, MANIFEST, VERSION, ok, read};

#[test]
fn the_names_are_the_registrys() {
    let desk = Desk::new();
    ok(desk.package("dist", "linux_arm64=provider"));
    let name = format!("terraform-provider-kontraktor_{VERSION}");
    assert_eq!(
        desk.names("dist"),
        [format!("{name}_SHA256SUMS"), format!("{name}_linux_arm64.zip"), format!("{name}_manifest.json")]
    );
    let manifest = read(desk.path("dist").join(format!("{name}_manifest.json")));
    assert_eq!(manifest, MANIFEST.as_bytes());
}

#[test]
fn the_archive_holds_an_executable_with_the_version_in_its_name() {
    let desk = Desk::new();
    ok(desk.package("dist", "linux_arm64=provider"));
    let path = desk.path(&format!("dist/terraform-provider-kontraktor_{VERSION}_linux_arm64.zip"));
    let mut archive = ZipArchive::new(File::open(path).expect("it was written")).expect("a zip file");
    let names: Vec<String> =
        archive.file_names().map(|name| name.expect("a name is text").into_owned()).collect();
    let provider = format!("terraform-provider-kontraktor_v{VERSION}");
    assert_eq!(names, ["LICENSE", provider.as_str()]);
    let entry = archive.by_name(&provider).expect("the provider is in it");
    assert_eq!(entry.unix_mode().expect("it has a mode") & 0o777, 0o755);
}

#[test]
fn the_checksums_are_those_of_every_file() {
    let desk = Desk::new();
    let mut command = desk.command("dist", "linux_arm64=provider");
    ok(command.args(["--provider", "darwin_arm64=provider"]).output().expect("it can be started"));
    let sums = format!("terraform-provider-kontraktor_{VERSION}_SHA256SUMS");
    let text = String::from_utf8(read(desk.path("dist").join(&sums))).expect("text");
    let files: Vec<&str> = text.lines().map(|line| line.split_once("  ").expect("two columns").1).collect();
    let name = format!("terraform-provider-kontraktor_{VERSION}");
    assert_eq!(
        files,
        [
            format!("{name}_darwin_arm64.zip"),
            format!("{name}_linux_arm64.zip"),
            format!("{name}_manifest.json")
        ]
    );
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", &sums]).current_dir(desk.path("dist"));
    assert!(check.status().expect("coreutils are there").success());
}

/// Who builds the same source again gets the same checksums: no clock, no permissions of the builder.
#[test]
fn the_same_content_makes_the_same_files() {
    let desk = Desk::new();
    ok(desk.package("one", "linux_arm64=provider"));
    let provider = File::options().append(true).open(desk.path("provider")).expect("it is there");
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    provider.set_modified(long_ago).expect("a time can be set");
    drop(provider);
    let mut permissions = fs::metadata(desk.path("LICENSE")).expect("it is there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(desk.path("LICENSE"), permissions).expect("a mode");
    ok(desk.package("two", "linux_arm64=provider"));
    for name in desk.names("one") {
        assert_eq!(read(desk.path("one").join(&name)), read(desk.path("two").join(&name)), "{name}");
    }
    assert_eq!(desk.names("one"), desk.names("two"));
}
