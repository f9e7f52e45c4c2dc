//! Role bindings and service accounts: delegation, listing, and tokens.

use std::sync::Arc;

use jiff::SignedDuration;
use kontraktor_access::{Authority, Caller, Scope, Scopes};
use kontraktor_domain::{Author, Code, Refusal, RoleGrant};
use kontraktor_service::{Credentials, NewAccount, NewCredential, PageRequest, Service, TokenOutcome};
use kontraktor_store::MemoryStore;

use super::{
    start,
    world::{caller, put, role},
    write,
};

pub(crate) fn restricted(actor: &str, scopes: Scopes) -> Caller {
    Caller { authority: Authority::Roles, ..Caller::new(actor, "test", scopes) }
}

pub(crate) async fn grant(service: &Service, name: &str, subject: &str, pattern: &str) {
    service.grant_role(&caller(), role(name, subject, pattern)).await.unwrap();
}

fn listed(service: &Service, caller: &Caller, page: &PageRequest) -> (Vec<String>, Option<String>) {
    let page = service.role_bindings(caller, None, None, page).unwrap();
    let line = |grant: &RoleGrant| format!("{} {} {}", grant.pattern, grant.subject, grant.role);
    (page.items.iter().map(|binding| line(&binding.grant)).collect(), page.next)
}

#[tokio::test]
async fn an_owner_manages_what_their_pattern_covers_and_sees_nothing_else() {
    let service = start(Arc::new(MemoryStore::new()));
    write(&service, 1, vec![put("a/dev", "K", "1")]).await.unwrap();
    for (name, subject, pattern) in [
        ("owner", "idp:ann", "a/*"),
        ("owner", "idp:root", "*"),
        ("editor", "idp:bob", "a/dev"),
        ("viewer", "idp:bob", "b/dev"),
        ("viewer", "group:idp:all", "*/dev"),
    ] {
        grant(&service, name, subject, pattern).await;
    }
    let ann = restricted("idp:ann", Scopes::ALL);
    let page = PageRequest::default();
    assert_eq!(listed(&service, &ann, &page).0, ["a/* idp:ann owner", "a/dev idp:bob editor"]);
    assert_eq!(listed(&service, &restricted("idp:bob", Scopes::ALL), &page).0, [""; 0]);
    assert_eq!(listed(&service, &restricted("idp:root", Scopes::ALL), &page).0.len(), 5);
    // In pages.
    let first = listed(&service, &ann, &PageRequest { size: Some(1), token: None, ..PageRequest::default() });
    let second =
        listed(&service, &ann, &PageRequest { size: Some(1), token: first.1, ..PageRequest::default() });
    assert_eq!((second.0, second.1), (vec!["a/dev idp:bob editor".to_owned()], None));

    let granted = service.grant_role(&ann, role("viewer", "service-account:ci", "a/new")).await.unwrap();
    assert_eq!(granted.warnings, ["the pattern a/new matches nothing yet"]);
    let root = restricted("idp:root", Scopes::ALL);
    let by_root = service.grant_role(&root, role("viewer", "service-account:ci", "a/*"));
    assert_eq!(by_root.await.unwrap().warnings, ["the service account ci does not exist yet"]);
    for pattern in ["*", "*/dev", "b/dev"] {
        let refused = service.grant_role(&ann, role("viewer", "idp:x", pattern)).await.unwrap_err();
        assert_eq!(refused.code, Code::Denied, "{refused}");
    }
    // Whether it is granted or not.
    for subject in ["idp:bob", "idp:nobody"] {
        let binding = role("viewer", subject, "b/dev");
        let refused = [
            service.revoke_role(&ann, binding.clone()).await.unwrap_err(),
            service.role_binding(&ann, &binding).unwrap_err(),
        ];
        let text = format!("the role viewer is not granted to {subject} on b/dev");
        assert_eq!(
            refused.map(|refusal| (refusal.code, refusal.message)),
            [(); 2].map(|()| (Code::NotFound, text.clone()))
        );
    }
    service.revoke_role(&ann, role("editor", "idp:bob", "a/dev")).await.unwrap();
    service.revoke_role(&ann, role("owner", "idp:ann", "a/*")).await.unwrap();
    assert_eq!(listed(&service, &ann, &page).0, [""; 0]);
}

#[tokio::test]
async fn the_last_owner_of_everything_goes_only_over_the_socket() {
    let service = start(Arc::new(MemoryStore::new()));
    grant(&service, "owner", "idp:root", "*").await;
    let last = role("owner", "idp:root", "*");
    let refused = service.revoke_role(&restricted("idp:root", Scopes::ALL), last.clone()).await.unwrap_err();
    assert_eq!(refused.code, Code::Protected);
    service.revoke_role(&caller(), last).await.unwrap();
}

async fn create(
    service: &Service,
    caller: &Caller,
    name: &str,
    scopes: &[Scope],
) -> Result<Credentials, Refusal> {
    let new = NewAccount {
        name: name.parse().unwrap(),
        description: String::new(),
        scopes: Scopes::of(scopes),
        credential: NewCredential::Secret(None),
    };
    service.create_service_account(caller, new).await
}

#[tokio::test]
async fn a_service_account_has_no_more_than_its_creator() {
    let service = start(Arc::new(MemoryStore::new()));
    grant(&service, "owner", "idp:root", "*").await;
    let root = restricted("idp:root", Scopes::of(&[Scope::Admin, Scope::EnvRead]));
    let refused = create(&service, &root, "ci", &[]).await.unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (Code::Denied, Some("scopes")));
    assert!(refused.message.ends_with("do not have: env.write secret.read"), "{refused}");
    let made = create(&service, &root, "ci", &[Scope::EnvRead]).await.unwrap();
    let secret = made.secret.clone().unwrap();
    assert!(!format!("{made:?}").contains(&**secret));
    let account = service.client(&made.account.client_id).unwrap();
    assert!(account.accepts(&secret, service.now()) && !account.accepts("kontraktor_", service.now()));
    assert_eq!(&*account.actor, "service-account:ci");

    create(&service, &caller(), "full", &[Scope::SecretRead]).await.unwrap();
    let rotate =
        |name: &str| service.rotate_service_account(&root, name.parse().unwrap(), SignedDuration::ZERO, None);
    assert_eq!(
        rotate("full").await.unwrap_err().code,
        Code::Denied,
        "its secret is worth more than the caller's"
    );
    let rotated = rotate("ci").await.unwrap();
    assert!(!rotated.account.accepts(&secret, service.now()));
    assert!(rotated.account.accepts(&rotated.secret.unwrap(), service.now()));

    let ann = restricted("idp:ann", Scopes::ALL);
    grant(&service, "owner", "idp:ann", "a/*").await;
    assert!(service.service_accounts(&ann, &PageRequest::default()).unwrap().items.is_empty());
    for name in ["ci", "none"] {
        let refused = service.service_account(&ann, &name.parse().unwrap()).unwrap_err();
        assert_eq!(refused.message, format!("service account \"{name}\" does not exist"));
    }
    assert_eq!(create(&service, &ann, "mine", &[Scope::EnvRead]).await.unwrap_err().code, Code::Denied);
}

#[tokio::test]
async fn a_token_is_on_disk_before_it_is_handed_out() {
    let service = start(Arc::new(MemoryStore::new()));
    let made = create(&service, &caller(), "ci", &[Scope::EnvRead]).await.unwrap();
    let author = Author::new(made.account.actor.clone(), "oauth");
    assert_eq!(made.account.last_used, None);
    service.record_token(author, Some("192.0.2.7".into()), TokenOutcome::Issued).await.unwrap();
    let now = service.client(&made.account.client_id).unwrap().last_used;
    assert_eq!(now, Some(service.now()));
    service.delete_service_account(&caller(), "ci".parse().unwrap()).await.unwrap();
    assert!(service.client(&made.account.client_id).is_none());
}
