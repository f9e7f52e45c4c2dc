//! Role bindings and service accounts.

use jiff::SignedDuration;
use kontraktor_model::access::{Role, Scopes};

use super::{
    super::super::{
        AccountCredential, AccountSecret, AuditEntry, Code, CreateServiceAccount, DeleteServiceAccount,
        GrantRole, NewSecret, Refusal, RevokeRole, RoleGrant, RotateServiceAccount,
    },
    World,
};

fn grant(role: Role, subject: &str, pattern: &str) -> RoleGrant {
    RoleGrant { pattern: pattern.parse().unwrap(), subject: subject.parse().unwrap(), role }
}

fn revoke(grant: &RoleGrant, keep_last_owner: bool) -> RevokeRole {
    RevokeRole { grant: grant.clone(), keep_last_owner }
}

fn secret(text: &str, lifetime: Option<SignedDuration>) -> NewSecret {
    NewSecret { hash: AccountSecret::hash_of(text), hint: text.to_owned(), lifetime }
}

fn create(name: &str, credential: AccountCredential) -> CreateServiceAccount {
    CreateServiceAccount {
        name: name.parse().unwrap(),
        description: String::new(),
        scopes: Scopes::ALL,
        client_id: format!("sa-{name}").into(),
        credential,
    }
}

fn with_secret(name: &str) -> CreateServiceAccount {
    create(name, AccountCredential::Secret(secret("one", None)))
}

fn rotate(text: &str, overlap: SignedDuration) -> RotateServiceAccount {
    RotateServiceAccount { name: "ci".parse().unwrap(), secret: secret(text, None), overlap }
}

fn message(refusal: &Refusal) -> String {
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let (field, remedy) = (text(refusal.field.as_deref()), text(refusal.remedy.as_deref()));
    format!("{:?} {field}: {}; {remedy}", refusal.code, refusal.message)
}

#[test]
fn granting_twice_changes_nothing_and_revoking_twice_is_refused() {
    let mut world = World::new();
    let viewer = grant(Role::Viewer, "group:idp:devs", "p/*");
    assert!(world.ask(&GrantRole { grant: viewer.clone() }).unwrap().created);
    let again = world.ask(&GrantRole { grant: viewer.clone() }).unwrap();
    assert!(!again.created && again.binding.grant == viewer);
    assert_eq!(world.events.len(), 1);
    assert_eq!(world.state.roles().of_group("idp:devs").len(), 1);
    assert_eq!(world.state.roles().of_actor("group:idp:devs"), [], "a group is no actor");
    world.ask(&revoke(&viewer, true)).unwrap();
    assert_eq!(world.state.roles().of_group("idp:devs"), []);
    insta::assert_snapshot!(message(&world.ask(&revoke(&viewer, true)).unwrap_err()), @"NotFound role: the role viewer is not granted to group:idp:devs on p/*; check role, subject and pattern against `ktr role list`");
}

#[test]
fn the_last_owner_of_everything_is_revoked_only_where_that_is_allowed() {
    let mut world = World::new();
    let (ada, ci) = (grant(Role::Owner, "unix:ada", "*"), grant(Role::Owner, "service-account:ci", "*"));
    world.ask(&with_secret("ci")).unwrap();
    world.ask(&GrantRole { grant: grant(Role::Owner, "unix:bob", "p/*") }).unwrap();
    for grant in [&ada, &ci] {
        world.ask(&GrantRole { grant: grant.clone() }).unwrap();
    }
    world.ask(&revoke(&ada, true)).unwrap();
    let delete = |keep_last_owner| DeleteServiceAccount { name: "ci".parse().unwrap(), keep_last_owner };
    assert_eq!(world.ask(&delete(true)).unwrap_err().code, Code::Protected);
    insta::assert_snapshot!(message(&world.ask(&revoke(&ci, true)).unwrap_err()), @"Protected subject: this would revoke the role owner on * from its last subject, and nobody could grant roles any more; grant the role owner on * to another subject first, or do it over the daemon's socket");
    world.ask(&delete(false)).unwrap();
    assert_eq!(world.state.roles().owners_of_all(), 0);
}

#[test]
fn deleting_a_service_account_revokes_its_roles() {
    let mut world = World::new();
    world.ask(&with_secret("ci")).unwrap();
    assert_eq!(world.ask(&with_secret("ci")).unwrap_err().code, Code::AlreadyExists);
    for pattern in ["p/*", "q/dev"] {
        world.ask(&GrantRole { grant: grant(Role::Editor, "service-account:ci", pattern) }).unwrap();
    }
    let since = world.events.len();
    world.ask(&DeleteServiceAccount { name: "ci".parse().unwrap(), keep_last_owner: true }).unwrap();
    let done: Vec<_> =
        world.events[since..].iter().map(|event| AuditEntry::from(event).operation().as_str()).collect();
    assert_eq!(done, ["role revoked", "role revoked", "service account deleted"]);
    assert!(world.state.service_accounts().client("sa-ci").is_none());
    world.ask(&with_secret("ci")).unwrap();
    assert_eq!(world.state.roles().of_actor("service-account:ci"), []);
}

#[test]
fn two_secrets_are_valid_at_most() {
    let mut world = World::new();
    world.ask(&with_secret("ci")).unwrap();
    let hour = SignedDuration::from_hours(1);
    let valid = |world: &World| {
        let account = world.state.service_accounts().client("sa-ci").unwrap();
        let all = ["one", "two", "three", "four", ""];
        all.into_iter().filter(|secret| account.accepts(secret, world.now)).collect::<Vec<_>>()
    };
    world.ask(&rotate("two", hour)).unwrap();
    assert_eq!(valid(&world), ["one", "two"]);
    world.ask(&rotate("three", hour * 2)).unwrap();
    assert_eq!(valid(&world), ["two", "three"]);
    world.now += hour * 2;
    assert_eq!(valid(&world), ["three"]);
    world.ask(&rotate("four", SignedDuration::ZERO)).unwrap();
    assert_eq!(valid(&world), ["four"]);
    let refused = world.ask(&rotate("five", SignedDuration::MAX)).unwrap_err();
    insta::assert_snapshot!(message(&refused), @"Invalid overlap_ms: overlap_ms is more than 3,650 days; choose a shorter time, or 0 for a secret that does not expire");
}

#[test]
fn an_overlap_prolongs_no_secret() {
    let mut world = World::new();
    let hour = SignedDuration::from_hours(1);
    world.ask(&create("ci", AccountCredential::Secret(secret("one", Some(hour))))).unwrap();
    world.ask(&rotate("two", hour * 24)).unwrap();
    world.now += hour;
    let account = world.state.service_accounts().client("sa-ci").unwrap();
    assert!(!account.accepts("one", world.now) && account.accepts("two", world.now));
}

#[test]
fn an_account_with_a_public_key_has_no_secret_to_rotate() {
    let mut world = World::new();
    world.ask(&create("ci", AccountCredential::PublicKey("PEM".into()))).unwrap();
    let refused = world.ask(&rotate("two", SignedDuration::ZERO)).unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (Code::Invalid, Some("name")));
}
