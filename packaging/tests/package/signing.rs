//! Signatures by the real gpg, with a key that lives for one test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::{Desk, VERSION, ok, refused};

/// A keyring with one key. Its path is short, because gpg's agent has a socket in it.
struct Keyring(TempDir);

impl Keyring {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("gpg-").tempdir().expect("a temporary directory");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
        let keyring = Self(folder);
        let arguments = ["--batch", "--passphrase", "", "--quick-generate-key", "release@example.com"];
        let made = keyring.gpg().args(arguments).output().expect("gpg is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        keyring
    }

    fn gpg(&self) -> Command {
        let mut command = Command::new("gpg");
        command.env("GNUPGHOME", self.0.path());
        command
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        // The agent that gpg started for this keyring goes with it.
        let _ =
            Command::new("gpgconf").args(["--kill", "gpg-agent"]).env("GNUPGHOME", self.0.path()).status();
    }
}

fn signature(desk: &Desk) -> PathBuf {
    desk.path(&format!("dist/terraform-provider-kontraktor_{VERSION}_SHA256SUMS.sig"))
}

#[test]
fn the_checksums_are_signed_with_the_configured_key() {
    let (desk, keyring) = (Desk::new(), Keyring::new());
    let mut command = desk.command("dist", "linux_arm64=provider");
    command.env("GNUPGHOME", keyring.0.path()).env("GPG_KEY", "release@example.com");
    let output = ok(command.output().expect("it can be started"));
    assert!(!output.contains("not signed"), "{output}");
    let bytes = fs::read(signature(&desk)).expect("it was written");
    assert!(!bytes.starts_with(b"-----"), "registries take the binary form");
    let verified = keyring
        .gpg()
        .args(["--batch", "--verify"])
        .arg(signature(&desk))
        .arg(signature(&desk).with_extension(""))
        .output()
        .expect("gpg is installed");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn without_a_key_it_says_so_and_an_old_signature_goes() {
    let desk = Desk::new();
    fs::create_dir(desk.path("dist")).expect("a folder");
    fs::write(signature(&desk), "of another release").expect("a file");
    let mut command = desk.command("dist", "linux_arm64=provider");
    let output = ok(command.env("GPG_KEY", "").output().expect("it can be started"));
    assert!(output.contains("note: not signed, because GPG_KEY is not set"), "{output}");
    assert!(!signature(&desk).exists(), "it would not fit these checksums");
}

#[test]
fn a_key_that_gpg_does_not_have_makes_no_release() {
    let (desk, keyring) = (Desk::new(), Keyring::new());
    let mut command = desk.command("dist", "linux_arm64=provider");
    command.env("GNUPGHOME", keyring.0.path()).args(["--key", "nobody@example.com"]);
    let output = refused(command.output().expect("it can be started"));
    assert!(output.contains("gpg failed to sign with the key \"nobody@example.com\""), "{output}");
    assert!(desk.names("dist").is_empty(), "{:?}", desk.names("dist"));
}
