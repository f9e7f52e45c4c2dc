//! Tokens of the shapes that well-known issuers give theirs, with the settings that AUTHENTICATION.md shows for each.

use kontraktor_access::{Scope, Scopes};
use serde_json::{Value, json};

use super::{
    signer::{Published, Signer, now},
    verifier, verify,
};
use crate::{Principal, settings::USUAL_SCOPES};

/// Verifies a token with these claims of an issuer with these settings.
async fn principal(settings: Value, header: Value, mut claims: Value) -> Principal {
    let signer = Signer::rs256("k1");
    let published = Published::default();
    published.issuer(settings["url"].as_str().unwrap(), &[&signer]);
    let seconds = now().as_second();
    for (name, value) in [("iat", seconds - 5), ("nbf", seconds - 5), ("exp", seconds + 300)] {
        claims[name] = value.into();
    }
    let verifier = verifier(json!([settings]), &published);
    let token = signer.sign_with(&header, &claims);
    Principal::clone(&*verify(&verifier, &token).await.unwrap())
}

fn usual() -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "kid": "k1" })
}

#[tokio::test]
async fn github_actions() {
    let found = principal(
        json!({
            "url": "https://token.actions.githubusercontent.com", "name": "github", "audience": "kontraktor",
            "groups_claim": "repository", "name_claim": "workflow_ref", "scopes": ["env.read", "env.write"],
        }),
        json!({ "typ": "JWT", "alg": "RS256", "x5t": "k1", "kid": "k1" }),
        json!({
            "jti": "example-id", "sub": "repo:octo-org/octo-repo:environment:prod", "environment": "prod",
            "aud": "kontraktor", "ref": "refs/heads/main", "sha": "example-sha", "repository": "octo-org/octo-repo",
            "repository_owner": "octo-org", "actor_id": "12", "repository_visibility": "private",
            "repository_id": "74", "repository_owner_id": "65", "run_id": "example-run-id", "run_number": "10",
            "run_attempt": "2", "runner_environment": "github-hosted", "actor": "octocat",
            "workflow": "example-workflow", "head_ref": "", "base_ref": "", "event_name": "workflow_dispatch",
            "ref_type": "branch", "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
            "workflow_ref": "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
            "iss": "https://token.actions.githubusercontent.com",
        }),
    )
    .await;
    assert_eq!(&*found.actor, "github:repo:octo-org/octo-repo:environment:prod");
    assert_eq!(&*found.groups[0], "github:octo-org/octo-repo");
    assert_eq!(
        found.display_name.as_deref(),
        Some("octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main")
    );
    assert_eq!(found.scopes, Scopes::of(&[Scope::EnvRead, Scope::EnvWrite]));
}

#[tokio::test]
async fn gitlab_ci() {
    let found = principal(
        json!({
            "url": "https://gitlab.example.com", "audience": "https://kontraktor.example.com:8743",
            "groups_claim": "project_path", "name_claim": "user_login",
        }),
        usual(),
        json!({
            "namespace_id": "72", "namespace_path": "my-group", "project_id": "20", "project_path": "my-group/my-project",
            "user_id": "1", "user_login": "sample-user", "user_email": "sample-user@example.com", "pipeline_id": "574",
            "pipeline_source": "push", "job_id": "302", "ref": "feature-branch-1", "ref_type": "branch",
            "ref_path": "refs/heads/feature-branch-1", "ref_protected": "false", "groups_direct": ["mygroup/mysubgroup"],
            "environment": "test-environment2", "environment_protected": "false", "runner_id": 1,
            "runner_environment": "self-hosted", "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
            "iss": "https://gitlab.example.com", "aud": "https://kontraktor.example.com:8743",
            "sub": "project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
        }),
    )
    .await;
    assert_eq!(
        &*found.actor,
        "gitlab.example.com:project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1"
    );
    assert_eq!(&*found.groups[0], "gitlab.example.com:my-group/my-project");
    assert_eq!((found.display_name.as_deref(), found.scopes), (Some("sample-user"), USUAL_SCOPES));
}

/// Its tokens have no type, and an array of audiences.
#[tokio::test]
async fn kubernetes_service_account() {
    let found = principal(
        json!({
            "url": "https://kubernetes.default.svc.cluster.local", "name": "prod-cluster", "audience": "kontraktor",
            "jwks_url": "https://kubernetes.default.svc.cluster.local/jwks",
            "groups_claim": "/kubernetes.io/namespace", "name_claim": "/kubernetes.io/serviceaccount/name",
        }),
        json!({ "alg": "RS256", "kid": "k1" }),
        json!({
            "aud": ["kontraktor"], "iss": "https://kubernetes.default.svc.cluster.local",
            "jti": "ea28ed49-2e11-4280-9ec5-bc3d1d84661a",
            "kubernetes.io": {
                "namespace": "my-namespace",
                "node": { "name": "my-node", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1" },
                "pod": { "name": "my-pod", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3" },
                "serviceaccount": { "name": "my-serviceaccount", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798" },
            },
            "sub": "system:serviceaccount:my-namespace:my-serviceaccount",
        }),
    )
    .await;
    assert_eq!(&*found.actor, "prod-cluster:system:serviceaccount:my-namespace:my-serviceaccount");
    assert_eq!(&*found.groups[0], "prod-cluster:my-namespace");
    assert_eq!(found.display_name.as_deref(), Some("my-serviceaccount"));
}

/// `oid` is the immutable id of a user or service principal in its tenant; `sub` differs between applications.
#[tokio::test]
async fn entra_id() {
    let url = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0";
    let found = principal(
        json!({
            "url": url, "name": "entra", "audience": ["6e74172b-be56-4843-9ff4-e66a39bb12e3", "api://kontraktor"],
            "actor_claim": "oid", "groups_claim": "groups", "name_claim": "preferred_username",
        }),
        usual(),
        json!({
            "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "iss": url, "aio": "AXQAi", "azp": "6e74172b", "azpacr": "0",
            "groups": ["b0e1f0cd-9c1b-4e63-a9f5-4a5b1b1d6a11"], "name": "Ada Lovelace",
            "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "preferred_username": "ada@example.com", "rh": "I",
            "scp": "access_as_user", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            "tid": "11111111-2222-3333-4444-555555555555", "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
        }),
    )
    .await;
    assert_eq!(&*found.actor, "entra:690222be-ff1a-4d56-abd1-7e4f7d38e474");
    assert_eq!(&*found.groups[0], "entra:b0e1f0cd-9c1b-4e63-a9f5-4a5b1b1d6a11");
    // Scopes of others narrow nothing.
    assert_eq!((found.display_name.as_deref(), found.scopes), (Some("ada@example.com"), USUAL_SCOPES));
}

/// Access tokens as RFC 9068 profiles them, with scopes of this daemon and claims in a namespace. The issuer ends with a slash.
#[tokio::test]
async fn auth0() {
    let url = "https://example.eu.auth0.com/";
    let found = principal(
        json!({
            "url": url, "audience": "https://kontraktor.example.com", "token_type": "at+jwt",
            "groups_claim": "https://example.com/groups",
        }),
        json!({ "typ": "at+jwt", "alg": "RS256", "kid": "k1" }),
        json!({
            "iss": url, "sub": "auth0|507f1f77bcf86cd799439011",
            "aud": ["https://kontraktor.example.com", "https://example.eu.auth0.com/userinfo"], "azp": "my_client_id",
            "client_id": "my_client_id", "scope": "openid profile env.read", "https://example.com/groups": ["ops", "dev"],
        }),
    )
    .await;
    assert_eq!(&*found.actor, "example.eu.auth0.com:auth0|507f1f77bcf86cd799439011");
    assert_eq!(
        found.groups.iter().map(|group| &**group).collect::<Vec<_>>(),
        ["example.eu.auth0.com:ops", "example.eu.auth0.com:dev"]
    );
    assert_eq!((found.display_name, found.scopes), (None, Scopes::of(&[Scope::EnvRead])));
}
