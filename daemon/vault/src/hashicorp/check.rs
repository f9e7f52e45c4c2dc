//! Checks a vault for its operator: whether it serves, whether the daemon can sign in, and which permissions the token lacks.

use std::collections::HashMap;

use reqwest::StatusCode;
use serde::Deserialize;
use vaultrs::api::sys::requests::ReadHealthRequest;

use super::{
    answer::{Envelope, parse_data},
    endpoints::LookUpCapabilities,
    login::{TokenInfo, look_up},
    request::Request,
    token::seconds,
    vault::HashicorpVault,
};
use crate::error::VaultError;

#[derive(Deserialize)]
struct Health {
    #[serde(default)]
    version: String,
    #[serde(default)]
    standby: bool,
    #[serde(default)]
    performance_standby: bool,
}

/// The permissions that the daemon needs besides reading secrets, and the consequence of lacking each.
const NEEDED: [(&str, &str, &str); 4] = [
    (
        "auth/token/lookup-self",
        "read",
        "a denied read does not tell whether the token or the path is the reason",
    ),
    ("auth/token/renew-self", "update", "the token expires after its first time to live"),
    ("sys/leases/renew", "update", "dynamic secrets expire with their first lease"),
    (
        "sys/leases/revoke",
        "update",
        "dynamic secrets last until their lease expires, even when nobody needs them",
    ),
];

impl HashicorpVault {
    pub(super) async fn findings(&self) -> Result<Vec<String>, VaultError> {
        let mut findings = vec![self.health().await?];
        self.session.token().await?;
        findings.push(format!("the daemon signs in by {}", self.session.method().describe()));
        findings.extend(self.token_findings().await?);
        findings.extend(self.capability_findings().await?);
        Ok(findings)
    }

    async fn health(&self) -> Result<String, VaultError> {
        let address = self.transport.address();
        let health = ReadHealthRequest {
            standbyok: Some(true),
            perfstandbyok: Some(true),
            ..ReadHealthRequest::default()
        };
        let answer = self.transport.send(&Request::of(&health).of_the_server(), None).await?;
        match answer.status {
            StatusCode::OK => {}
            // A proxy may restrict this endpoint.
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                let status = answer.status.as_u16();
                return Ok(format!("{address} does not report the health of Vault ({status})"));
            }
            _ => return Err(answer.error(&self.name, "check its health", "")),
        }
        let health: Health = answer.parse(&self.name)?;
        let role = match (health.performance_standby, health.standby) {
            (true, _) => " as a performance standby",
            (false, true) => " as a standby that forwards requests",
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
                    "the token may not look itself up: its policies and its time to live are unknown".into(),
                ]);
            }
            _ => return Err(answer.error(&self.name, "look up its token", "")),
        }
        let info: TokenInfo = parse_data(answer.parse::<Envelope<'_>>(&self.name)?.data, &self.name)?;
        let policies: Vec<String> = info
            .policies
            .iter()
            .chain(info.identity_policies.iter().flatten())
            .map(|policy| printable(policy))
            .collect();
        let policies = match policies.as_slice() {
            [] => "no policies".to_owned(),
            [one] => format!("the policy {one}"),
            several => format!("the policies {}", several.join(", ")),
        };
        let time = match (seconds(info.ttl).as_secs(), info.renewable) {
            (0, _) => "does not expire".to_owned(),
            (left, renewable) => {
                let left = jiff::SignedDuration::from_secs(left.try_into().unwrap_or(i64::MAX));
                let then = match (renewable, self.session.method().issues_tokens()) {
                    (true, _) => "is renewed before that",
                    (false, true) => "is replaced by a new one before that",
                    (false, false) => "is not renewable: replace it before that",
                };
                format!("expires in {left:#}, and {then}")
            }
        };
        Ok(vec![format!("the token has {policies}"), format!("the token {time}")])
    }

    async fn capability_findings(&self) -> Result<Vec<String>, VaultError> {
        let paths = NEEDED.map(|(path, _, _)| path);
        let answer = self.session.call(&Request::of(&LookUpCapabilities { paths: &paths })).await?.0;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => {
                return Ok(vec!["the token may not look up its capabilities (sys/capabilities-self)".into()]);
            }
            _ => return Err(answer.error(&self.name, "look up its capabilities", "")),
        }
        // It contains other keys than the paths.
        let data: HashMap<String, serde_json::Value> =
            parse_data(answer.parse::<Envelope<'_>>(&self.name)?.data, &self.name)?;
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

/// Makes a word of Vault's safe for a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(100).collect()
}
