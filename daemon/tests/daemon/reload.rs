//! SIGHUP: the configuration is read again, and what can change is changed.

use std::{fs, path::Path};

use kontraktor_proto::v1::{GetStatusRequest, ListVaultsRequest};
use nix::sys::signal::Signal;
use testkit::{Daemon, doubles::Authority};

use super::common::Home;

fn vault(name: &str, more: &str) -> String {
    format!("[[vault]]\nname = '{name}'\nkind = 'aws-sm'\nregion = 'eu-central-1'\n{more}\n")
}

async fn vaults(daemon: &Daemon) -> Vec<(String, String)> {
    let listed = daemon.secrets().list_vaults(ListVaultsRequest {}).await.unwrap().into_inner().vaults;
    listed.into_iter().map(|vault| (vault.name, vault.address)).collect()
}

/// Replaces the configuration, as an editor does, and reloads it.
fn reload(daemon: &Daemon, file: &Path, text: &str) {
    let draft = file.with_extension("draft");
    fs::write(&draft, text).unwrap();
    fs::rename(&draft, file).unwrap();
    daemon.signal(Signal::SIGHUP);
}

#[tokio::test]
async fn a_hang_up_reloads_the_vaults_and_what_is_logged() {
    let home = Home::new();
    let file = home.dir.path().join("k.toml");
    fs::write(&file, vault("kept", "") + &vault("changed", "") + &vault("gone", "")).unwrap();
    let daemon = home.builder().config(&file).start();

    let text =
        vault("added", "") + &vault("kept", "") + &vault("changed", "address = 'https://sm.example.com'");
    reload(&daemon, &file, &format!("log = 'debug'\n{text}"));
    daemon.wait_for_log("SIGHUP: reloaded the configuration");
    let log = daemon.log();
    let line = log.lines().find(|line| line.contains("reloaded")).unwrap();
    for part in [
        r#""log":"debug""#,
        r#""added_vaults":"added""#,
        r#""changed_vaults":"changed""#,
        r#""removed_vaults":"gone""#,
    ] {
        assert!(line.contains(part), "{line}");
    }
    let expected = [("added", ""), ("changed", "https://sm.example.com"), ("kept", "")];
    assert_eq!(vaults(&daemon).await, expected.map(|(name, at)| (name.to_owned(), at.to_owned())));
    // Each answered call is logged for debugging.
    daemon.wait_for_log("answered");
    daemon.terminate().ok();
}

/// An authority is renewed in the file that the vault's settings name: the settings do not change.
#[tokio::test]
async fn a_hang_up_rebuilds_the_vaults_whose_authorities_changed() {
    let home = Home::new();
    let (file, ca) = (home.dir.path().join("k.toml"), home.dir.path().join("ca.pem"));
    fs::copy(Authority::new().pem_path(), &ca).unwrap();
    let with_ca = vault("private", &format!("ca_file = '{}'", ca.display()));
    fs::write(&file, vault("public", "") + &with_ca).unwrap();
    let daemon = home.builder().config(&file).start();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log(r#""changed_vaults":"""#);
    fs::copy(Authority::new().pem_path(), &ca).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log(r#""changed_vaults":"private""#);
    daemon.terminate().ok();
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_changes_nothing_and_is_reported() {
    let home = Home::new();
    let file = home.dir.path().join("k.toml");
    fs::write(&file, vault("kept", "")).unwrap();
    let daemon = home.builder().config(&file).start();
    let before = vaults(&daemon).await;
    for (text, reason) in [
        ("log = ".to_owned(), "k.toml: TOML parse error at line 1, column 7"),
        (vault("kept", "timeout = '1h'"), "invalid value for `timeout`"),
        (vault("kept", "") + "datadir = 'x'", "unknown setting `datadir`"),
        ("log = 'kontraktord=loud'".to_owned(), "invalid value for `log`"),
    ] {
        reload(&daemon, &file, &text);
        daemon.wait_for_log(reason);
        assert_eq!(vaults(&daemon).await, before);
    }
    fs::remove_file(&file).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("cannot read the configuration file");
    assert_eq!(vaults(&daemon).await, before);
    assert!(!daemon.log().contains("reloaded the configuration"), "{}", daemon.log());
    daemon.terminate().ok();
}

#[tokio::test]
async fn a_default_file_that_is_gone_does_not_remove_the_vaults() {
    let home = Home::new();
    let folder = home.dir.path().join(".config/kontraktor");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("kontraktord.toml");
    fs::write(&file, vault("kept", "")).unwrap();
    let daemon = home.start();
    assert_eq!(vaults(&daemon).await.len(), 1);
    fs::remove_file(&file).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("does not exist any more");
    assert_eq!(vaults(&daemon).await.len(), 1);
    daemon.terminate().ok();
}

#[tokio::test]
async fn a_setting_that_needs_a_restart_is_named() {
    let home = Home::new();
    let file = home.dir.path().join("k.toml");
    fs::write(&file, "").unwrap();
    let daemon = home.builder().config(&file).start();
    reload(&daemon, &file, "log-format = 'text'\n");
    daemon.wait_for_log("a changed setting takes effect when kontraktord is restarted");
    let log = daemon.log();
    let line = log.lines().find(|line| line.contains("takes effect")).unwrap();
    assert!(line.contains(r#""setting":"log-format""#), "{line}");
    daemon.system().get_status(GetStatusRequest {}).await.unwrap();
    daemon.terminate().ok();
}
