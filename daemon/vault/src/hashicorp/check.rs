//! A look at a vault for its operator: whether it serves, whether the daemon gets in, and what the token lacks.

use std::collections::HashMap;

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use super::{
    HashicorpVault,
    answer::{Envelope, plain},
    login::{Looked, look_up},
    token::seconds,
    transport::Request,
};
use crate::VaultError;

#[derive(Deserialize)]
struct Health {
    #[serde(default)]
    version: String,
    #[serde(default)]
    standby: bool,
    #[serde(default)]
    performance_standby: bool,
}

#[derive(Serialize)]
struct Paths<'a> {
    paths: &'a [&'a str],
}

/// What the daemon does besides reading secrets, and what comes of it where it may not.
const NEEDED: [(&str, &str, &str); 4] = [
    (
        "auth/token/lookup-self",
        "read",
        "a refused read will not say whether the token or the path is the reason",
    ),
    ("auth/token/renew-self", "update", "the token ends with its first time to live"),
    ("sys/leases/renew", "update", "dynamic secrets end with their first lease"),
    (
        "sys/leases/revoke",
        "update",
        "dynamic secrets last until their lease ends, even when nobody needs them any more",
    ),
];

impl HashicorpVault {
    pub(super) async fn findings(&self) -> Result<Vec<String>, VaultError> {
        let mut findings = vec![self.health().await?];
        self.session.token().await?;
        findings.push(format!("the daemon signs in by {}", self.session.method().described()));
        findings.extend(self.token_findings().await?);
        findings.extend(self.capability_findings().await?);
        Ok(findings)
    }

    async fn health(&self) -> Result<String, VaultError> {
        let address = self.transport.address();
        let request = Request::get("sys/health?standbyok=true&perfstandbyok=true").of_the_server();
        let answer = self.transport.send(&request, None).await?;
        match answer.status {
            StatusCode::OK => {}
            // Something before Vault may keep this from strangers.
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                let status = answer.status.as_u16();
                return Ok(format!("{address} does not tell whether Vault serves there ({status})"));
            }
            _ => return Err(answer.refusal(&self.name, "see its health", "")),
        }
        let health: Health = answer.read(&self.name)?;
        let role = match (health.performance_standby, health.standby) {
            (true, _) => " as a performance standby",
            (false, true) => " as a standby that passes requests on",
            (false, false) => "",
        };
        let version = match printable(&health.version) {
            version if version.is_empty() => "of an unknown version".to_owned(),
            version => version,
        };
        Ok(format!("{address} is Vault {version} and serves{role}"))
    }

    async fn token_findings(&self) -> Result<Vec<String>, VaultError> {
        let answer = self.session.call(&look_up()).await?.0;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => {
                return Ok(vec![
                    "the token may not look at itself: its policies and its time are not known".into(),
                ]);
            }
            _ => return Err(answer.refusal(&self.name, "look its token up", "")),
        }
        let looked: Looked = plain(answer.read::<Envelope<'_>>(&self.name)?.data, &self.name)?;
        let policies: Vec<String> = looked
            .policies
            .iter()
            .chain(looked.identity_policies.iter().flatten())
            .map(|policy| printable(policy))
            .collect();
        let policies = match policies.as_slice() {
            [] => "no policies".to_owned(),
            [one] => format!("the policy {one}"),
            several => format!("the policies {}", several.join(", ")),
        };
        let time = match (seconds(looked.ttl).as_secs(), looked.renewable) {
            (0, _) => "does not end".to_owned(),
            (left, renewable) => {
                let left = jiff::SignedDuration::from_secs(left.try_into().unwrap_or(i64::MAX));
                let then = match (renewable, self.session.method().makes_tokens()) {
                    (true, _) => "is prolonged before that",
                    (false, true) => "is replaced by a new one before that",
                    (false, false) => "cannot be prolonged: somebody has to put a new one in its place",
                };
                format!("ends in {left:#}, and {then}")
            }
        };
        Ok(vec![format!("the token has {policies}"), format!("the token {time}")])
    }

    async fn capability_findings(&self) -> Result<Vec<String>, VaultError> {
        let paths = NEEDED.map(|(path, _, _)| path);
        let request = Request::post("sys/capabilities-self", &Paths { paths: &paths });
        let answer = self.session.call(&request).await?.0;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => {
                return Ok(vec!["the token may not ask what it may do (sys/capabilities-self)".into()]);
            }
            _ => return Err(answer.refusal(&self.name, "ask what it may do", "")),
        }
        // Beside the paths there are other things in it.
        let data: HashMap<String, serde_json::Value> =
            plain(answer.read::<Envelope<'_>>(&self.name)?.data, &self.name)?;
        let may = |path: &str, needed: &str| {
            let granted = data.get(path).and_then(serde_json::Value::as_array);
            granted.is_some_and(|granted| granted.iter().any(|one| one == needed || one == "root"))
        };
        let lacks = NEEDED.iter().filter(|(path, needed, _)| !may(path, needed));
        Ok(lacks
            .map(|(path, needed, effect)| format!("the token may not {needed} {path}: {effect}"))
            .collect())
    }
}

/// A word of Vault's for a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(100).collect()
}
