//! The table of actions, walked with every role and every set of scopes: what each call answers follows from the table, and
//! what is denied is the same whether the things exist or not.

use std::sync::Arc;

use kontraktor_access::{Action, Authority, Caller, Reach, Requirement, Scope, Scopes, Unseen};
use kontraktor_domain::{Code, Refusal};
use kontraktor_model::access::Role;
use kontraktor_service::{Service, ServiceOptions};
use kontraktor_store::MemoryStore;
use strum::VariantArray as _;

use super::{
    authorization::call,
    start_with,
    world::{caller, create_account, put, refer, role},
    write,
};

/// What the table says about a call.
#[derive(Debug, PartialEq)]
enum Expected {
    Allowed,
    MissingScope,
    MissingRole,
    NotFound,
}

/// On what a role must be bound for the call of an action, as `call` makes it.
#[derive(PartialEq)]
enum BoundOn {
    Everything,
    Environment,
    /// Nobody else sees it.
    Owners,
}

fn place(action: Action) -> BoundOn {
    match action {
        Action::StateRead
        | Action::AuditVerify
        | Action::SecretPurge
        | Action::ServiceAccountCreate
        | Action::ServiceAccountRead
        | Action::ServiceAccountRotate
        | Action::ServiceAccountDelete => BoundOn::Everything,
        Action::RoleGrant | Action::RoleRevoke | Action::RoleRead => BoundOn::Owners,
        _ => BoundOn::Environment,
    }
}

fn is_account(action: Action) -> bool {
    let word: &str = action.into();
    word.starts_with("service-account.")
}

/// Reads the table for a caller with a role on the project.
fn expected(action: Action, role: Option<Role>, scopes: Scopes) -> Expected {
    let rule = action.rule();
    let suffices = |has: Scopes| match rule.scopes {
        Requirement::KnownCaller => true,
        Requirement::All(scopes) => has.contains_all(scopes),
        Requirement::Any(scopes) => has.intersects(scopes),
    };
    if !suffices(scopes) {
        return Expected::MissingScope;
    }
    let on_project = role.map_or(Scopes::NONE, Role::scopes);
    let on_resource = if place(action) == BoundOn::Everything { Scopes::NONE } else { on_project };
    let allowed = match rule.reach {
        Reach::Shown => true,
        Reach::Itself => suffices(scopes.and(on_resource)),
        Reach::Within | Reach::Anywhere => suffices(scopes.and(on_project)),
        Reach::Owner => on_resource.contains(Scope::Admin),
    };
    if allowed || matches!(rule.scopes, Requirement::KnownCaller) {
        return Expected::Allowed;
    }
    let is_hidden = place(action) == BoundOn::Owners || is_account(action);
    let seen = scopes.and(on_resource).intersects(Scopes::of(&[Scope::EnvRead, Scope::EnvWrite]));
    if rule.unseen == Unseen::NotFound && (is_hidden || !seen) {
        Expected::NotFound
    } else {
        Expected::MissingRole
    }
}

/// Actions that need one of these may change something.
const WRITING: Scopes = Scopes::of(&[Scope::EnvWrite, Scope::Admin]);

fn start() -> Service {
    start_with(Arc::new(MemoryStore::new()), ServiceOptions::default())
}

/// A service in which everything exists that `call` asks for.
async fn full() -> Service {
    let service = start();
    write(&service, 1, vec![refer("p/dev", "KEY", "azure-kv://kv/db"), put("p/base", "A", "1")])
        .await
        .unwrap();
    write(&service, 2, vec![put("p/dev", "OTHER", "1")]).await.unwrap();
    let account = create_account("dev", 1);
    let new = kontraktor_service::NewAccount {
        name: account.name,
        description: String::new(),
        scopes: Scopes::of(&[Scope::EnvRead]),
        credential: kontraktor_service::NewCredential::Secret(None),
    };
    service.create_service_account(&caller(), new).await.unwrap();
    service.grant_role(&caller(), role("viewer", "unix:bob", "p/dev")).await.unwrap();
    service
}

async fn bind(service: &Service, name: Option<Role>) {
    if let Some(name) = name {
        service.grant_role(&caller(), role(name.as_str(), "idp:eve", "p/*")).await.unwrap();
    }
}

fn all_scopes() -> impl Iterator<Item = Scopes> {
    (0..1_u8 << Scope::VARIANTS.len()).map(|bits| {
        Scope::VARIANTS
            .iter()
            .copied()
            .zip(0..)
            .filter(|(_, bit)| bits & (1 << bit) != 0)
            .map(|(scope, _)| scope)
            .collect()
    })
}

#[tokio::test]
async fn every_action_answers_as_the_table_says() {
    let path = "p/dev".parse().unwrap();
    let roles = Role::VARIANTS.iter().copied().map(Some).chain([None]);
    let mut outcomes = std::collections::BTreeMap::<String, usize>::new();
    for name in roles {
        let (mut with, without) = (full().await, start());
        bind(&with, name).await;
        bind(&without, name).await;
        for scopes in all_scopes() {
            let eve = Caller { authority: Authority::Roles, ..Caller::new("idp:eve", "test", scopes) };
            for action in Action::VARIANTS.iter().copied() {
                // Its resource is another environment than the one that is written.
                if action == Action::EnvironmentImport {
                    continue;
                }
                let case = format!("{action} as {name:?} with {scopes}");
                let expected = expected(action, name, scopes);
                *outcomes.entry(format!("{expected:?}")).or_default() += 1;
                let answer = call(&with, &eve, action, &path).await;
                if expected == Expected::Allowed {
                    let denied = |refusal: &Refusal| refusal.message.contains("requires the");
                    assert!(!answer.as_ref().is_err_and(denied), "{case}: {answer:?}");
                    assert!(
                        !answer
                            .as_ref()
                            .is_err_and(|refusal| refusal.message == "project \"p\" does not exist"),
                        "{case}: {answer:?}"
                    );
                    // It may have changed what the others ask for.
                    if matches!(action.rule().scopes, Requirement::All(scopes) if scopes.intersects(WRITING))
                    {
                        with = full().await;
                        bind(&with, name).await;
                    }
                    continue;
                }
                let refusal = answer.unwrap_err();
                let message = &refusal.message;
                let seen = match refusal.code {
                    Code::Denied if message.contains("requires the scope") => Expected::MissingScope,
                    Code::Denied if message.contains("requires the role") => Expected::MissingRole,
                    Code::NotFound => Expected::NotFound,
                    _ => panic!("{case}: {refusal:?}"),
                };
                assert_eq!(seen, expected, "{case}: {message}");
                let other = call(&without, &eve, action, &path).await.unwrap_err();
                assert_eq!(refusal, other, "{case}: it tells what exists from what does not");
            }
        }
    }
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
}
