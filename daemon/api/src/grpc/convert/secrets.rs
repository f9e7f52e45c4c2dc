//! Secrets, their targets, holds and vaults.

use kontraktor_model::reference::Reference;
use kontraktor_proto::v1;

use super::{count64, time::timestamp};
use crate::grpc::status::problem;
use kontraktor_domain::Refusal;
use kontraktor_service::{SecretResult, Target};
use kontraktor_vault::{HoldTerm, VaultInfo};

/// Returns the targets of a request, and the invalid ones with their places: one bad target is a result beside the others.
pub(crate) fn targets(wire: &[v1::SecretTarget]) -> (Vec<Target>, Vec<(usize, v1::SecretResult)>) {
    let mut targets = Vec::with_capacity(wire.len());
    let mut refused = Vec::new();
    for (place, wire) in wire.iter().enumerate() {
        match target(wire) {
            Ok(target) => targets.push(target),
            Err(refusal) => refused
                .push((place, v1::SecretResult { problem: Some(problem(&refusal)), ..Default::default() })),
        }
    }
    (targets, refused)
}

pub(crate) fn target(wire: &v1::SecretTarget) -> Result<Target, Refusal> {
    match &wire.target {
        Some(v1::secret_target::Target::Reference(text)) => Ok(Target::Reference(text.parse::<Reference>()?)),
        Some(v1::secret_target::Target::Key(v1::EnvironmentKey { environment: Some(name), key })) => {
            Ok(Target::Key(name.try_into()?, key.parse()?))
        }
        Some(v1::secret_target::Target::Key(_)) => {
            Err(Refusal::invalid("environment", "the target names a key but no environment")
                .remedy("set the environment of the key"))
        }
        None => Err(Refusal::invalid("target", "the target has neither a key nor a reference")
            .remedy("set one of them")),
    }
}

/// Returns results in the order of the request: `refused` at their places, the others between them.
pub(crate) fn merged(
    secrets: Vec<SecretResult>,
    refused: Vec<(usize, v1::SecretResult)>,
) -> Vec<v1::SecretResult> {
    let mut answers: Vec<_> = secrets.iter().map(secret_result).collect();
    for (place, refusal) in refused {
        answers.insert(place.min(answers.len()), refusal);
    }
    answers
}

pub(crate) fn secret_result(read: &SecretResult) -> v1::SecretResult {
    let mut result = v1::SecretResult {
        key: read.key.as_ref().map(ToString::to_string).unwrap_or_default(),
        reference: read.reference.as_deref().unwrap_or_default().to_owned(),
        vault: read.vault.as_ref().map(ToString::to_string).unwrap_or_default(),
        ..Default::default()
    };
    match &read.secret {
        Ok(secret) => {
            result.version = secret.version.clone().unwrap_or_default();
            result.value = secret.value.expose().to_vec();
            result.stale = secret.stale;
            result.fetch_time = Some(timestamp(secret.fetched));
            result.lease = secret.lease.as_ref().map(|lease| v1::Lease {
                duration_ms: u64::try_from(lease.duration.as_millis()).unwrap_or(u64::MAX),
                renewable: lease.renewable,
                expire_time: Some(timestamp(lease.expires)),
            });
        }
        Err(refusal) => result.problem = Some(problem(refusal)),
    }
    result
}

pub(crate) fn hold(term: &HoldTerm) -> v1::Hold {
    v1::Hold {
        id: term.id.to_string(),
        expire_time: Some(timestamp(term.expires)),
        renew_time: Some(timestamp(term.renew_at)),
    }
}

pub(crate) fn vault(info: VaultInfo) -> v1::VaultStatus {
    v1::VaultStatus {
        name: info.name.to_string(),
        kind: info.kind.to_owned(),
        address: info.address.unwrap_or_default(),
        available: info.error.is_none(),
        error: info.error.unwrap_or_default(),
        cached_secret_count: count64(info.cached_secrets),
        cached_bytes: count64(info.cached_bytes),
        lease_count: count64(info.leases),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kontraktor_domain::Code;

    fn reference(text: &str) -> v1::SecretTarget {
        v1::SecretTarget { target: Some(v1::secret_target::Target::Reference(text.to_owned())) }
    }

    #[test]
    fn answers_are_in_the_order_of_their_targets() {
        let wire =
            [reference("hunter2"), reference("azure-kv://kv/a"), reference(""), reference("azure-kv://kv/b")];
        let (good, refused) = targets(&wire);
        assert_eq!(good.len(), 2);
        let results = good
            .iter()
            .map(|target| match target {
                Target::Reference(reference) => SecretResult {
                    key: None,
                    reference: Some(reference.to_string().into()),
                    vault: None,
                    secret: Err(Refusal::new(Code::SecretNotFound, "none")),
                },
                Target::Key(..) => unreachable!("only references were asked for"),
            })
            .collect();
        let answers = merged(results, refused);
        let seen: Vec<_> = answers
            .iter()
            .map(|answer| (answer.reference.as_str(), answer.problem.as_ref().map(v1::Problem::code)))
            .collect();
        let (bad, good) = (v1::ProblemCode::InvalidReference, v1::ProblemCode::SecretNotFound);
        let expected = [
            ("", Some(bad)),
            ("azure-kv://kv/a", Some(good)),
            ("", Some(bad)),
            ("azure-kv://kv/b", Some(good)),
        ];
        assert_eq!(seen, expected);
        assert!(!format!("{answers:?}").contains("hunter2"));
    }
}
