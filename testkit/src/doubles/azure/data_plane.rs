//! Key Vault's secrets over HTTPS, after Microsoft's REST reference: authorization, paths, and responses. Keys,
//! certificates, backup and restore are not here.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::{
    bundles::{self, Paging, Show},
    refusal::Refusal,
    secrets::{Deleted, Secret, Secrets},
    tokens::{Invalid, Tokens},
};
use crate::doubles::http::{Answer, Request, Service};

/// The API versions whose secrets behave as they do here.
const API_VERSIONS: [&str; 5] = ["7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"];

/// The data plane of one vault.
pub(super) struct DataPlane {
    /// The URL with which ids and links begin.
    pub(super) url: String,
    /// The authority's URL with the tenant, which issues tokens.
    pub(super) authority: String,
    /// The resource that tokens must be for.
    pub(super) resource: String,
    pub(super) tokens: Arc<Tokens>,
    pub(super) secrets: Secrets,
}

impl Service for DataPlane {
    fn answer(&self, request: &Request) -> Answer {
        let mut answer = self.route(request).unwrap_or_else(|refusal| {
            let answer = refusal.answer();
            if refusal.is_challenge() { answer.with("www-authenticate", self.challenge()) } else { answer }
        });
        if let Some(id) = request.header("x-ms-client-request-id") {
            answer = answer.with("x-ms-client-request-id", id);
        }
        common(answer)
    }

    fn failure(&self, status: u16) -> Answer {
        common(Refusal::failure(status).answer())
    }
}

impl DataPlane {
    fn route(&self, request: &Request) -> Result<Answer, Refusal> {
        // The token is checked first, as by the real service: a stranger does not learn what else is wrong.
        self.authorize(request)?;
        let api_version = api_version(request)?;
        let url = &self.url;
        let mut state = self.secrets.lock();
        let body = match (request.method(), &request.segments()[..]) {
            ("GET", ["secrets"]) => {
                let entries = state.live.values().map(|secret| bundles::item(url, secret)).collect();
                self.page(request, &api_version, entries)?
            }
            ("GET", ["secrets", name, "versions"]) => {
                let versions = state.versions(checked(name)?)?;
                let shown =
                    |(secret, version): &(_, _)| bundles::version(url, secret, version, Show::Properties);
                self.page(request, &api_version, versions.iter().map(shown).collect())?
            }
            ("GET", ["secrets", name]) => {
                let (secret, version) = state.read(checked(name)?, None)?;
                bundles::version(url, &secret, &version, Show::Value)
            }
            ("GET", ["secrets", name, version]) => {
                let (secret, version) = state.read(checked(name)?, Some(version))?;
                bundles::version(url, &secret, &version, Show::Value)
            }
            ("PUT", ["secrets", name]) => {
                let (secret, version) = state.put(checked(name)?, bundles::draft(request.body())?)?;
                bundles::version(url, &secret, &version, Show::Value)
            }
            ("PATCH", ["secrets", name, version @ ..]) if version.len() < 2 => {
                let change = bundles::patch(request.body())?;
                let (secret, version) = state.change(checked(name)?, version.first().copied(), change)?;
                bundles::version(url, &secret, &version, Show::Properties)
            }
            ("DELETE", ["secrets", name]) => bundles::deleted(url, &state.delete(checked(name)?)?),
            ("GET", ["deletedsecrets"]) => {
                let entries = state.deleted.values().map(|deleted| self.deleted_item(deleted)).collect();
                self.page(request, &api_version, entries)?
            }
            ("GET", ["deletedsecrets", name]) => bundles::deleted(url, &state.deleted(checked(name)?)?),
            ("DELETE", ["deletedsecrets", name]) => {
                state.purge(checked(name)?)?;
                return Ok(Answer::empty(204));
            }
            ("POST", ["deletedsecrets", name, "recover"]) => {
                let secret = state.recover(checked(name)?)?;
                bundles::version(url, &secret, secret.current(), Show::Properties)
            }
            ("POST", ["secrets", _, "backup"] | ["secrets", "restore"]) => {
                return Err(Refusal::absent("backup and restore"));
            }
            (method, ["secrets" | "deletedsecrets", ..]) => return Err(Refusal::method(method)),
            _ => return Err(Refusal::absent("such path")),
        };
        Ok(Answer::json(200, &body))
    }

    fn authorize(&self, request: &Request) -> Result<(), Refusal> {
        let token = request
            .bearer()
            .ok_or_else(|| Refusal::unauthorized("AKV10000: the request carries no Bearer or PoP token"))?;
        self.tokens.check(token, &self.resource).map_err(|invalid| {
            Refusal::unauthorized(match invalid {
                Invalid::Unknown => "AKV10046: nobody whom this vault trusts has signed the token",
                Invalid::Expired => "the token has expired",
                Invalid::Audience => "AKV10022: the token is for another audience",
            })
        })
    }

    fn challenge(&self) -> String {
        format!(r#"Bearer authorization="{}", resource="{}""#, self.authority, self.resource)
    }

    fn page(&self, request: &Request, api_version: &str, entries: Vec<Value>) -> Result<Value, Refusal> {
        let (size, token) = (request.query("maxresults"), request.query("$skiptoken"));
        let paging = Paging::parse(size.as_deref(), token.as_deref())?;
        let list = format!("{}{}?api-version={api_version}", self.url, request.path());
        Ok(paging.page(entries, &list))
    }

    /// Returns a deleted secret as in the list of deleted secrets: under an id without a version.
    fn deleted_item(&self, deleted: &Deleted) -> Value {
        let mut item = bundles::deleted(&self.url, deleted);
        let Secret { name, .. } = &deleted.secret;
        item["id"] = format!("{}/secrets/{name}", self.url).into();
        item
    }
}

fn api_version(request: &Request) -> Result<String, Refusal> {
    let version = request
        .query("api-version")
        .ok_or_else(|| Refusal::bad_parameter("the parameter api-version is missing"))?;
    if API_VERSIONS.contains(&version.as_str()) {
        return Ok(version);
    }
    let [.., newest] = API_VERSIONS;
    Err(Refusal::bad_parameter(format!("the version {version} is unknown; the newest one is {newest}")))
}

/// Returns the name, when it is valid.
fn checked(name: &str) -> Result<&str, Refusal> {
    let good =
        (1..=127).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    if good { Ok(name) } else { Err(Refusal::bad_parameter(format!("the URL has an invalid name: {name}"))) }
}

/// Returns the response with the headers that every response has.
fn common(answer: Answer) -> Answer {
    answer
        .with("cache-control", "no-cache")
        .with("pragma", "no-cache")
        .with("expires", "-1")
        .with("x-content-type-options", "nosniff")
        .with("strict-transport-security", "max-age=31536000;includeSubDomains")
        .with("x-ms-keyvault-region", "double")
        .with("x-ms-request-id", Uuid::new_v4().to_string())
}
