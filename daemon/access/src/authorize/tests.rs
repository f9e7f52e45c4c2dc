use kontraktor_domain::{Author, Command as _, GrantRole, RoleGrant, State};
use kontraktor_model::access::Scope;
use strum::VariantArray as _;

use super::*;

/// Returns role bindings, each given as role, subject and pattern.
fn bindings(grants: &[(&str, &str, &str)]) -> RoleBindings {
    let author = Author::new("unix:ada", "test");
    let mut state = State::default();
    for (role, subject, pattern) in grants {
        let grant = RoleGrant {
            pattern: pattern.parse().unwrap(),
            subject: subject.parse().unwrap(),
            role: role.parse().unwrap(),
        };
        state = GrantRole { grant }
            .decide(&state, &author, "2026-01-02T03:04:05Z".parse().unwrap())
            .unwrap()
            .state;
    }
    state.roles().clone()
}

fn grant(role: &str, subject: &str, pattern: &str) -> RoleGrant {
    RoleGrant {
        pattern: pattern.parse().unwrap(),
        subject: subject.parse().unwrap(),
        role: role.parse().unwrap(),
    }
}

fn restricted(actor: &str, scopes: Scopes) -> Caller {
    Caller { authority: Authority::Roles, ..Caller::new(actor, "test", scopes) }
}

fn refusal(denied: &Denied) -> String {
    let refusal = Refusal::from(denied);
    format!("{}; {}", refusal.message, refusal.remedy.as_deref().unwrap_or_default())
}

#[test]
fn every_action_but_the_status_requires_a_scope() {
    let none = RoleBindings::default();
    let nobody = Caller::new("unix:eve", "test", Scopes::NONE);
    let owner = Caller::new("unix:ada", "test", Scopes::ALL);
    for action in Action::VARIANTS {
        assert_eq!(authorize(&owner, &none, *action, Resource::Daemon), Ok(()), "{action}");
        let allowed = authorize(&nobody, &none, *action, Resource::Daemon).is_ok();
        assert_eq!(allowed, *action == Action::DaemonStatus, "{action}");
    }
}

#[test]
fn a_missing_scope_is_named_whatever_the_resource() {
    let reader = Caller::new("unix:eve", "test", Scopes::of(&[Scope::EnvRead]));
    let path = "secret-project/dev".parse().unwrap();
    let denied = |action| {
        authorize(&reader, &RoleBindings::default(), action, Resource::Environment(&path)).unwrap_err()
    };
    let messages = [Action::VariableWrite, Action::SecretReadEnvironment, Action::SecretCheck]
        .map(|action| refusal(&denied(action)));
    insta::assert_snapshot!(messages.join("\n"), @r"
    permission denied: variable.write requires the scope env.write, which unix:eve does not have; ask the daemon's operator for the scope env.write
    permission denied: secret.read-environment requires the scope secret.read, which unix:eve does not have; ask the daemon's operator for the scope secret.read
    permission denied: secret.check requires the scope env.write or secret.read, which unix:eve does not have; ask the daemon's operator for the scope env.write or secret.read
    ");
}

#[test]
fn the_command_of_a_remedy_is_one_for_every_subject() {
    let none = bindings(&[]);
    for (actor, word) in [
        (
            "github:repo:octo-org/octo-repo:ref:refs/heads/main",
            "github:repo:octo-org/octo-repo:ref:refs/heads/main",
        ),
        ("idp:ada@example.com", "idp:ada@example.com"),
        ("idp:auth0|5f7c", "'idp:auth0|5f7c'"),
        ("idp:$(reboot); it's", r"'idp:$(reboot); it'\''s'"),
    ] {
        let caller = restricted(actor, Scopes::ALL);
        let path = "a/dev".parse().unwrap();
        let denied =
            authorize(&caller, &none, Action::VariableWrite, Resource::Environment(&path)).unwrap_err();
        let refusal = refusal(&denied);
        assert!(refusal.ends_with(&format!("`ktr role grant editor --to {word} --on 'a/dev'`")), "{refusal}");
    }
}

#[test]
fn a_missing_role_is_named_to_those_who_see_the_resource() {
    let bindings = bindings(&[("viewer", "idp:eve", "a/dev"), ("owner", "group:idp:ops", "b/*")]);
    let eve = restricted("idp:eve", Scopes::ALL);
    let (seen, unseen) = ("a/dev".parse().unwrap(), "b/dev".parse().unwrap());
    let ask = |action, path| authorize(&eve, &bindings, action, Resource::Environment(path));
    assert_eq!(ask(Action::SnapshotRead, &seen), Ok(()));
    let denied = ask(Action::EnvironmentUpdate, &seen).unwrap_err();
    assert!(!denied.is_unseen());
    insta::assert_snapshot!(refusal(&denied), @"permission denied: environment.update requires the role editor on a/dev, which idp:eve does not have; ask an owner of a/dev to grant it: `ktr role grant editor --to idp:eve --on 'a/dev'`");
    for action in
        [Action::SnapshotRead, Action::EnvironmentUpdate, Action::EnvironmentDelete, Action::SecretRead]
    {
        assert!(ask(action, &unseen).unwrap_err().is_unseen(), "{action}");
    }
    for action in [Action::EnvironmentCreate, Action::VariableWrite] {
        assert!(!ask(action, &unseen).unwrap_err().is_unseen(), "{action} may create it");
    }
    let ops = Caller { groups: ["idp:ops".into()].into(), ..restricted("idp:bob", Scopes::ALL) };
    assert_eq!(authorize(&ops, &bindings, Action::EnvironmentDelete, Resource::Environment(&unseen)), Ok(()));
    // A group is no actor, and an actor no group.
    let fake = restricted("idp:ops", Scopes::ALL);
    assert!(authorize(&fake, &bindings, Action::SnapshotRead, Resource::Environment(&unseen)).is_err());
}

#[test]
fn writing_alone_reads_own_variables_and_nothing_else() {
    let bindings = bindings(&[("editor", "service-account:tf", "a/*")]);
    let tf = restricted("service-account:tf", Scopes::of(&[Scope::EnvWrite]));
    let path = "a/dev".parse().unwrap();
    let allowed: Vec<&str> = Action::VARIANTS
        .iter()
        .filter(|action| authorize(&tf, &bindings, **action, Resource::Environment(&path)).is_ok())
        .map(Into::into)
        .collect();
    assert_eq!(
        allowed,
        [
            "daemon.status",
            "project.create",
            "project.update",
            "project.delete",
            "schema.create",
            "schema.update",
            "schema.delete",
            "environment.create",
            "environment.update",
            "environment.delete",
            "environment.rollback",
            "snapshot.read-own",
            "variable.read",
            "variable.list",
            "variable.write",
            "secret.check",
        ]
    );
}

#[test]
fn an_owner_grants_on_what_their_pattern_covers() {
    let bindings = bindings(&[("owner", "idp:ann", "a/*"), ("editor", "idp:ann", "*")]);
    let ann = restricted("idp:ann", Scopes::ALL);
    for (pattern, may) in [("a/*", true), ("a/dev", true), ("*", false), ("*/dev", false), ("b/dev", false)] {
        let grant = grant("editor", "idp:bob", pattern);
        let resource = Resource::Role(&grant);
        assert_eq!(authorize(&ann, &bindings, Action::RoleGrant, resource).is_ok(), may, "{pattern}");
        let revoked = authorize(&ann, &bindings, Action::RoleRevoke, resource);
        assert_eq!(revoked.is_err_and(|denied| denied.is_unseen()), !may, "{pattern}");
    }
    assert!(authorize(&ann, &bindings, Action::ServiceAccountCreate, Resource::Daemon).is_err());
    assert!(authorize(&ann, &bindings, Action::AuditVerify, Resource::Log).is_err());
    assert_eq!(authorize(&ann, &bindings, Action::StateRead, Resource::Daemon), Ok(()));
    let without_admin = restricted("idp:ann", Scopes::of(&[Scope::EnvRead, Scope::EnvWrite]));
    let grant = grant("editor", "idp:bob", "a/*");
    let denied = authorize(&without_admin, &bindings, Action::RoleGrant, Resource::Role(&grant)).unwrap_err();
    assert!(denied.to_string().contains("requires the scope admin"), "{denied}");
}

#[test]
fn a_project_is_seen_by_those_who_see_something_in_it() {
    let bindings = bindings(&[("viewer", "idp:dev", "a/dev"), ("viewer", "idp:prod", "*/prod")]);
    let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
    let schema = "ports".parse().unwrap();
    for (actor, project, seen) in
        [("idp:dev", &a, true), ("idp:dev", &b, false), ("idp:prod", &a, true), ("idp:prod", &b, true)]
    {
        let caller = restricted(actor, Scopes::ALL);
        let ask = |action, resource| authorize(&caller, &bindings, action, resource);
        assert_eq!(ask(Action::ProjectRead, Resource::Project(project)).is_ok(), seen, "{actor} {project}");
        let denied = ask(Action::ProjectUpdate, Resource::Project(project)).unwrap_err();
        assert_eq!(denied.is_unseen(), !seen, "{actor} {project}");
        assert!(ask(Action::SchemaRead, Resource::Schema(project, &schema)).unwrap_err().is_unseen());
    }
}
