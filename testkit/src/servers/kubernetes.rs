//! The part of a Kubernetes API server that Vault uses: whose token is this? (TokenReview, over HTTPS.)

use std::{
    collections::HashMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::TlsAcceptor;

use super::Authority;

const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// A cluster's API server with only service accounts. It stops when it is dropped.
pub struct Kubernetes {
    authority: Authority,
    address: String,
    cluster: Arc<Cluster>,
    // Last, because dropping it stops the server.
    _runtime: Runtime,
}

struct Cluster {
    reviewer_token: String,
    accounts: Mutex<HashMap<String, Account>>,
}

/// Whose token it is.
struct Account {
    namespace: String,
    name: String,
    uid: String,
}

impl Kubernetes {
    /// Starts a cluster on a loopback port.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start() -> Self {
        let authority = Authority::new();
        let cluster = Arc::new(Cluster {
            reviewer_token: uuid::Uuid::new_v4().to_string(),
            accounts: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_io()
            .build()
            .expect("a runtime can be made");
        let listener =
            runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a loopback port");
        let address = format!("https://{}", listener.local_addr().expect("a bound socket has an address"));
        let acceptor = TlsAcceptor::from(Arc::new(authority.server().server_config()));
        runtime.spawn(serve(listener, acceptor, Arc::clone(&cluster)));
        Self { authority, address, cluster, _runtime: runtime }
    }

    /// Returns `https://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the authority that signed its certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the token that Vault itself must send.
    pub fn reviewer_token(&self) -> &str {
        &self.cluster.reviewer_token
    }

    /// Creates a service account and returns its token, as a pod finds it in a file. It does not expire.
    pub fn create_token(&self, namespace: &str, account: &str) -> String {
        let uid = uuid::Uuid::new_v4().to_string();
        let claims = json!({
            "sub": format!("system:serviceaccount:{namespace}:{account}"),
            "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": account, "uid": uid } },
        });
        // The signature is not checked: Vault asks this server, which knows its tokens.
        let signature = uuid::Uuid::new_v4();
        let parts = [json!({ "alg": "RS256", "typ": "JWT" }).to_string(), claims.to_string()];
        let [header, claims] = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let token = format!("{header}.{claims}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature));
        let account = Account { namespace: namespace.to_owned(), name: account.to_owned(), uid };
        self.cluster.accounts().insert(token.clone(), account);
        token
    }

    /// Deletes the service account of this token, which becomes invalid.
    ///
    /// # Panics
    /// When the token is not valid.
    pub fn delete_account(&self, token: &str) {
        assert!(self.cluster.accounts().remove(token).is_some(), "the token is not of this cluster");
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, cluster: Arc<Cluster>) {
    // It ends with the runtime.
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, cluster) = (acceptor.clone(), Arc::clone(&cluster));
        tokio::spawn(async move {
            // A client that does not trust this server, or disconnects, reports that itself.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let answer = service_fn(|request| async { Ok::<_, Infallible>(cluster.answer(request).await) });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl Cluster {
    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let expected = format!("Bearer {}", self.reviewer_token);
        if request.headers().get(AUTHORIZATION).is_none_or(|value| value.as_bytes() != expected.as_bytes()) {
            return failure(StatusCode::UNAUTHORIZED, "Unauthorized");
        }
        if request.method() != Method::POST || request.uri().path() != TOKEN_REVIEWS {
            return failure(StatusCode::NOT_FOUND, "NotFound");
        }
        let Ok(body) = request.into_body().collect().await else {
            return failure(StatusCode::BAD_REQUEST, "BadRequest");
        };
        let Ok(mut review) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
            return failure(StatusCode::BAD_REQUEST, "BadRequest");
        };
        let token = review["spec"]["token"].as_str().unwrap_or_default();
        let status = self.accounts().get(token).map_or_else(
            || json!({ "authenticated": false, "error": "the token is of no service account" }),
            |account| {
                json!({ "authenticated": true, "user": {
                    "username": format!("system:serviceaccount:{}:{}", account.namespace, account.name),
                    "uid": account.uid,
                    "groups": ["system:serviceaccounts", "system:authenticated"],
                } })
            },
        );
        review["status"] = status;
        json_response(StatusCode::CREATED, &review)
    }
}

fn failure(code: StatusCode, reason: &str) -> Response<Full<Bytes>> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code.as_u16(),
    });
    json_response(code, &status)
}

fn json_response(code: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}
