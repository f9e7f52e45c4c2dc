//! `kontraktord bootstrap` makes the first owner.

use super::common::Home;

#[test]
fn the_first_owner_is_made_once() {
    let home = Home::new();
    let _daemon = home.start();
    let bootstrap = |more: &[&str]| home.run(&[&["bootstrap"], more].concat());
    let made = bootstrap(&["--owner", "login.example.com:ada"]);
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(made.stdout, @"login.example.com:ada owns everything: it has the role owner on *");

    let twice = bootstrap(&["--owner", "login.example.com:bob"]);
    assert_eq!((twice.code, twice.stdout.as_str()), (1, ""));
    insta::assert_snapshot!(twice.stderr, @"
    error: login.example.com:ada owns everything already, and can grant roles with `ktr role grant`
    hint: add --again to make another owner
    ");
    assert_eq!(bootstrap(&["--owner", "login.example.com:bob", "--again"]).code, 0);
}

#[test]
fn the_first_owner_may_be_a_service_account() {
    let home = Home::new();
    let _daemon = home.start();
    let made = home.run(&["bootstrap", "--service-account", "terraform"]);
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    let lines: Vec<_> = made.stdout.lines().collect();
    assert!(lines[0].contains("shown only this once"), "{lines:?}");
    assert!(
        lines[1].starts_with("client_id sa-") && lines[2].starts_with("client_secret kontraktor_"),
        "{lines:?}"
    );
    // One of the name exists, and keeps its secret.
    let again = home.run(&["bootstrap", "--service-account", "terraform", "--again"]);
    assert_eq!((again.code, again.stdout.as_str()), (1, ""));
    assert!(again.stderr.contains("already exists"), "{}", again.stderr);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let home = Home::new();
    assert_eq!(home.run(&["bootstrap"]).code, 2);
    assert_eq!(home.run(&["bootstrap", "--owner", "unix:ada", "--service-account", "a"]).code, 2);
    assert_eq!(home.run(&["bootstrap", "--owner", "ada"]).code, 2);
    let alone = home.run(&["bootstrap", "--owner", "unix:ada"]);
    assert_eq!(alone.code, 1);
    assert!(
        alone.stderr.contains("Start the daemon") || alone.stderr.contains("start the daemon"),
        "{}",
        alone.stderr
    );
}
