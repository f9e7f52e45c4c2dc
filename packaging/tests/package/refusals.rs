//! What is refused leaves an earlier release as it was.

use std::fs;

use crate::{Desk, ok, read, refused};

#[test]
fn a_binary_of_another_version_is_not_packaged() {
    let desk = Desk::new();
    desk.provider("9.9.9");
    let error_message = refused(desk.package("dist", "provider"));
    assert!(error_message.contains("reports \"terraform-provider-kontraktor 9.9.9\""), "{error_message}");
    assert!(error_message.contains("build the provider again"), "{error_message}");
    assert!(!desk.path("dist").exists(), "nothing was written");
}

#[test]
fn a_missing_binary_is_named() {
    let desk = Desk::new();
    let error_message = refused(desk.package("dist", "linux_arm64=missing"));
    assert!(error_message.contains("cannot read missing"), "{error_message}");
}

#[test]
fn a_failure_leaves_the_release_that_was_there() {
    let desk = Desk::new();
    ok(desk.package("dist", "linux_arm64=provider"));
    let before: Vec<_> = desk.names("dist").iter().map(|name| read(desk.path("dist").join(name))).collect();
    let names = desk.names("dist");
    desk.provider("changed");
    let mut command = desk.command("dist", "linux_arm64=provider");
    refused(command.args(["--provider", "linux_amd64x=missing"]).output().expect("it can be started"));
    assert_eq!(desk.names("dist"), names);
    let after: Vec<_> = names.iter().map(|name| read(desk.path("dist").join(name))).collect();
    assert_eq!(before, after);
}

#[test]
fn arguments_say_what_is_expected() {
    let desk = Desk::new();
    for (provider, expected) in [
        ("linux-arm64=provider", "invalid platform \"linux-arm64\": expected OS_ARCH"),
        ("linux_arm64=", ": expected PLATFORM=PATH"),
        ("", ": expected PLATFORM=PATH"),
    ] {
        let error_message = refused(desk.package("dist", provider));
        assert!(error_message.contains(expected), "{provider:?}: {error_message}");
    }
    let mut twice = desk.command("dist", "linux_arm64=provider");
    let error_message =
        refused(twice.args(["--provider", "linux_arm64=provider"]).output().expect("it starts"));
    assert!(error_message.contains("duplicate provider for linux_arm64"), "{error_message}");
}

#[test]
fn a_manifest_that_no_registry_takes_is_refused() {
    let desk = Desk::new();
    fs::write(desk.path("manifest.json"), r#"{"version":1,"metadata":{"protocol_versions":["5.0"]}}"#)
        .expect("a file");
    let error_message = refused(desk.package("dist", "linux_arm64=provider"));
    assert!(error_message.contains("its protocol versions are not 6.0 alone"), "{error_message}");
}
