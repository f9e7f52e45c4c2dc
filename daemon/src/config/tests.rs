use std::path::PathBuf;

use super::*;

fn printed(flags: &Options, surroundings: &Surroundings) -> String {
    let mut out = Vec::new();
    Config::load(flags, surroundings).unwrap().print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn refused(flags: &Options, variables: &[(&str, &str)]) -> String {
    Config::load(flags, &Surroundings::made_up(variables)).unwrap_err().to_string()
}

#[test]
fn nothing_set_means_the_defaults() {
    insta::assert_snapshot!(printed(&Options::default(), &Surroundings::made_up(&[])), @r#"
    data-dir = "/home/ada/.local/state/kontraktor"  # default
    socket = "/run/user/1/kontraktor/kontraktord.sock"  # default
    log = "info"  # default
    log-format = "auto"  # default
    "#);
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    std::fs::write(&file, "data-dir = '/file'\nsocket = '/file.sock'\nlog = 'warn'\n").unwrap();
    let flags = Options { data_dir: Some("/flag".into()), config: Some(file.clone()), ..Options::default() };
    let surroundings = Surroundings::made_up(&[
        ("KONTRAKTOR_DATA_DIR", "/variable"),
        ("KONTRAKTOR_SOCKET", "/variable.sock"),
        ("KONTRAKTOR_LOG_FORMAT", "json"),
    ]);
    let config = Config::load(&flags, &surroundings).unwrap();
    assert_eq!(config.data_dir, Setting { value: "/flag".into(), source: Source::Flag("data-dir") });
    assert_eq!(
        config.socket,
        Setting { value: "/variable.sock".into(), source: Source::Variable("KONTRAKTOR_SOCKET") }
    );
    assert_eq!(config.log, Setting { value: "warn".into(), source: Source::File(file) });
    assert_eq!(config.log_format.value, LogFormat::Json);
}

#[test]
fn an_empty_variable_counts_as_absent_and_a_relative_xdg_directory_is_ignored() {
    let surroundings = Surroundings::made_up(&[("KONTRAKTOR_DATA_DIR", ""), ("XDG_STATE_HOME", "relative")]);
    let config = Config::load(&Options::default(), &surroundings).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/home/ada/.local/state/kontraktor"));
}

#[test]
fn relative_paths_start_in_the_working_directory() {
    let flags = Options { data_dir: Some("data".into()), socket: Some("s".into()), ..Options::default() };
    let config = Config::load(&flags, &Surroundings::made_up(&[])).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/srv/data"));
    assert_eq!(config.socket.value, PathBuf::from("/srv/s"));
}

#[test]
fn refusals_name_the_setting_the_source_and_the_rule() {
    let long = Options { socket: Some(format!("/{}", "s".repeat(107)).into()), ..Options::default() };
    insta::assert_snapshot!(refused(&long, &[]).replace(&"s".repeat(107), "sss"),
        @"socket from flag --socket is 108 bytes long (/sss); a unix socket's path may have 107 bytes at most");
    insta::assert_snapshot!(refused(&Options::default(), &[("KONTRAKTOR_LOG_FORMAT", "xml")]),
        @r#"log-format from environment variable KONTRAKTOR_LOG_FORMAT is "xml"; it must be `auto`, `text` or `json`"#);
    insta::assert_snapshot!(refused(&Options::default(), &[("KONTRAKTOR_LOG", "info,kontraktord=loud")]),
        @r#"log from environment variable KONTRAKTOR_LOG is not understood: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5; write error, warn, info, debug or trace, or directives such as `info,kontraktord::api=debug`"#);
    let empty = Options { data_dir: Some("".into()), ..Options::default() };
    insta::assert_snapshot!(refused(&empty, &[]), @"data-dir from flag --data-dir is empty; it must be a path");
    let directory = Options { socket: Some("/run/..".into()), ..Options::default() };
    insta::assert_snapshot!(refused(&directory, &[]),
        @"socket from flag --socket is /run/..; it must name a file in a directory");
}

#[test]
fn a_named_file_must_exist_and_hold_only_known_names() {
    let flags = Options { config: Some("/does/not/exist.toml".into()), ..Options::default() };
    insta::assert_snapshot!(refused(&flags, &[]),
        @"the configuration file /does/not/exist.toml cannot be read: No such file or directory (os error 2)");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.toml");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let flags = Options { config: Some(file.clone()), ..Options::default() };
        refused(&flags, &[]).replace(&file.display().to_string(), "k.toml")
    };
    insta::assert_snapshot!(refused("datadir = '/x'"), @"the configuration file k.toml is wrong: datadir is no setting; there are data-dir, socket, log, log-format, vault");
    insta::assert_snapshot!(refused("socket = 7"), @"the configuration file k.toml is wrong: socket is signed int `7`; it must be path string");
    insta::assert_snapshot!(refused("socket ="), @"the configuration file k.toml is wrong: TOML parse error at line 1, column 9");
    let broken = refused("[vault.a]\ntoken = \"hunter2-leak");
    assert!(broken.contains("line 2") && !broken.contains("hunter2"), "{broken}");
}

#[test]
fn the_file_that_ships_is_understood() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/kontraktord.example.toml");
    let flags = Options { config: Some(file.into()), ..Options::default() };
    let config = Config::load(&flags, &Surroundings::made_up(&[])).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("/var/lib/kontraktor"));
    let vaults = config.vaults().unwrap();
    let kinds: Vec<_> = vaults.iter().map(|vault| (vault.name.as_str(), vault.kind)).collect();
    assert_eq!(kinds, [("team", "vault"), ("prod", "aws-sm"), ("kv", "azure-kv")]);
    assert_eq!(config.log_format.value, LogFormat::Json);
}
