use std::sync::Mutex;

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use kontraktor_access::{Scope, Scopes};
use kontraktor_domain::{AccountSecret, Authorship, Code};
use kontraktor_identity::{
    CertificateRules, DEFAULT_TOKEN_LIFETIME, SigningKeys, TokenIssuer, VerifiedToken,
};
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::{limits::FailedAuthentication, listener::Peer};

const URL: &str = "https://kontraktor.example.com";
const SECRET: &str = "kontraktor_secret/with+characters%";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// One service account, and what was recorded.
struct Fake {
    account: Arc<ServiceAccount>,
    recorded: Mutex<Vec<(String, TokenOutcome)>>,
    fails: bool,
}

#[async_trait]
impl Accounts for Fake {
    fn client(&self, client_id: &str) -> Option<Arc<ServiceAccount>> {
        (client_id == &*self.account.client_id).then(|| Arc::clone(&self.account))
    }

    async fn record_token(
        &self,
        author: Author,
        peer: Option<Arc<str>>,
        outcome: TokenOutcome,
    ) -> Result<(), Refusal> {
        if self.fails {
            return Err(Refusal::new(Code::StorageFull, "the disk is full"));
        }
        self.recorded.lock().unwrap().push((
            format!("{} by {} from {}", author.actor, author.via, peer.as_deref().unwrap_or("nowhere")),
            outcome,
        ));
        Ok(())
    }

    fn now(&self) -> Timestamp {
        now()
    }
}

struct Scene {
    _dir: tempfile::TempDir,
    accounts: Arc<Fake>,
    identity: Arc<Identity>,
}

fn scene_with(fails: bool) -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let keys = SigningKeys::open(dir.path(), now()).unwrap();
    let tokens = TokenIssuer::new(URL, keys, DEFAULT_TOKEN_LIFETIME);
    let identity = Arc::new(Identity::new(tokens, Vec::new(), CertificateRules::default()));
    let secret = AccountSecret {
        hash: AccountSecret::hash_of(SECRET),
        hint: "kontraktor_secr".to_owned(),
        created: now(),
        expires: None,
    };
    let account = ServiceAccount {
        name: "ci".parse().unwrap(),
        actor: "service-account:ci".into(),
        client_id: "sa-1".into(),
        description: "".into(),
        scopes: Scopes::of(&[Scope::EnvRead, Scope::EnvWrite]),
        secrets: [secret].into(),
        public_key: None,
        created: Authorship { actor: "unix:ada".into(), via: "ktr".into(), at: now() },
        last_used: None,
    };
    let accounts = Arc::new(Fake { account: Arc::new(account), recorded: Mutex::default(), fails });
    Scene { _dir: dir, accounts, identity }
}

impl Scene {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let routes = routes(Arc::clone(&self.identity), Arc::clone(&self.accounts) as _);
        routes.oneshot(request).await.unwrap()
    }

    /// Asks for a token with this form.
    async fn ask(&self, form: &str) -> (StatusCode, Value) {
        let answer = self.send(request().body(Body::from(form.to_owned())).unwrap()).await;
        assert_eq!(answer.headers()["cache-control"], "no-store", "{form}");
        let status = answer.status();
        assert_eq!(answer.extensions().get::<FailedAuthentication>().is_some(), status == 401, "{form}");
        (status, json_of(answer).await)
    }

    fn recorded(&self) -> Vec<(String, TokenOutcome)> {
        std::mem::take(&mut self.accounts.recorded.lock().unwrap())
    }
}

fn request() -> axum::http::request::Builder {
    let peer = Peer::Tcp { address: "203.0.113.7:1".parse().unwrap(), certificate: None };
    Request::post("/oauth/token")
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
        .header("kontraktor-via", "terraform")
        .extension(peer)
}

async fn json_of(answer: Response<Body>) -> Value {
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// A form with the right secret.
fn form(more: &str) -> String {
    let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    format!("client_id=sa-1&client_secret={secret}{more}")
}

#[tokio::test]
async fn a_client_gets_a_token_for_its_secret_in_the_body_or_in_the_header() {
    let scene = scene_with(false);
    let (status, body) = scene.ask(&form("&grant_type=client_credentials")).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &900.into()));
    assert_eq!(body["scope"], "env.read env.write");
    let token = body["access_token"].as_str().unwrap();
    let verified = scene.identity.verifier().verify(token, now()).await.unwrap();
    assert!(matches!(verified.token, VerifiedToken::Account(account) if &*account.client_id == "sa-1"));

    let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let basic = BASE64_STANDARD.encode(format!("sa-1:{secret}"));
    let request = request().header("authorization", format!("Basic {basic}"));
    let answer =
        scene.send(request.body("grant_type=client_credentials&scope=env.read".into()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(json_of(answer).await["scope"], "env.read");
    let issued = ("service-account:ci by terraform from 203.0.113.7".to_owned(), TokenOutcome::Issued);
    assert_eq!(scene.recorded(), [issued.clone(), issued]);
}

#[tokio::test]
async fn what_is_wrong_is_answered_as_the_rfc_says() {
    let scene = scene_with(false);
    let grant = "&grant_type=client_credentials";
    for (form, status, error) in [
        (String::new(), 401, "invalid_client"),
        (grant.to_owned(), 401, "invalid_client"),
        (format!("client_id=sa-1&client_secret=wrong{grant}"), 401, "invalid_client"),
        (format!("client_id=sa-2&client_secret=wrong{grant}"), 401, "invalid_client"),
        (format!("client_secret=x{grant}"), 400, "invalid_request"),
        (form(""), 400, "invalid_request"),
        (form("&grant_type="), 400, "invalid_request"),
        (form("&grant_type=password"), 400, "unsupported_grant_type"),
        (form("&grant_type=client_credentials&grant_type=client_credentials"), 400, "invalid_request"),
        (form(&format!("{grant}&scope=all")), 400, "invalid_scope"),
        (form(&format!("{grant}&scope=admin")), 400, "invalid_scope"),
        (form(&format!("{grant}&scope=env.read++env.write")), 400, "invalid_scope"),
        (form(&format!("{grant}&resource=https%3A%2F%2Fother.example.com")), 400, "invalid_target"),
        (form(&format!("{grant}&client_assertion=x")), 400, "invalid_request"),
        (format!("client_assertion=x{grant}"), 400, "invalid_request"),
        (form(&"&a=b".repeat(40)), 400, "invalid_request"),
        (form(&"x".repeat(33 * 1024)), 400, "invalid_request"),
    ] {
        let (found, body) = scene.ask(&form).await;
        assert_eq!((found.as_u16(), &body["error"]), (status, &error.into()), "{form}");
    }
    // Wrong credentials are recorded, and never with what the client sent.
    let refused = |actor: &str| (format!("{actor} by terraform from 203.0.113.7"), TokenOutcome::Refused);
    assert_eq!(scene.recorded(), [refused("service-account:ci"), refused("unknown-client")]);
}

#[tokio::test]
async fn credentials_in_the_url_and_other_forms_are_refused() {
    let scene = scene_with(false);
    let in_url = Request::post(format!("/oauth/token?{}&grant_type=client_credentials", form("")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::empty())
        .unwrap();
    let as_json =
        Request::post("/oauth/token").header("content-type", "application/json").body("{}".into()).unwrap();
    for request in [in_url, as_json] {
        let answer = scene.send(request).await;
        assert_eq!(answer.status(), 400);
        assert_eq!(json_of(answer).await["error"], "invalid_request");
    }
    let get = Request::get("/oauth/token").body(Body::empty()).unwrap();
    assert_eq!(scene.send(get).await.status(), 405);
    for header in ["Basic", "Basic !", "Basic c2EtMQ==", "Bearer abc"] {
        let request =
            request().header("authorization", header).body("grant_type=client_credentials".into()).unwrap();
        let answer = scene.send(request).await;
        assert_eq!(answer.status(), 401, "{header}");
        assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"kontraktor\"");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_recorded_is_not_issued() {
    let scene = scene_with(true);
    let (status, body) = scene.ask(&form("&grant_type=client_credentials")).await;
    assert_eq!((status.as_u16(), &body["error"]), (503, &"temporarily_unavailable".into()));
    assert!(body.get("access_token").is_none());
}

#[tokio::test]
async fn the_metadata_leads_to_the_endpoint_and_to_the_keys() {
    let scene = scene_with(false);
    let get = async |path: &str| {
        let answer = scene.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/json".parse().unwrap())
        );
        json_of(answer).await
    };
    let metadata = get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata["issuer"], URL);
    assert_eq!(metadata["token_endpoint"], "https://kontraktor.example.com/oauth/token");
    assert_eq!(metadata["jwks_uri"], "https://kontraktor.example.com/.well-known/jwks.json");
    let keys = get("/.well-known/jwks.json").await;
    assert_eq!(keys, get("/oauth/jwks").await);
    assert_eq!((&keys["keys"][0]["alg"], &keys["keys"][0]["use"]), (&"ES256".into(), &"sig".into()));
    assert!(keys["keys"][0].get("d").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let scene = scene_with(false);
    let body = Body::from_stream(tokio_stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answer = scene.send(request().body(body).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json_of(answer).await["error_description"], "the body did not come within 10 seconds");
}
