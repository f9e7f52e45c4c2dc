//! Many secrets with few requests: `BatchGetSecretValue` takes up to 20, of which it gives the current versions only.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::{
    config::http::HttpResponse,
    error::SdkError,
    operation::batch_get_secret_value::{BatchGetSecretValueError, BatchGetSecretValueOutput},
};

use super::{
    AwsVault, content,
    faults::{self, Place},
};
use crate::{Fault, Fetched, VaultError};

/// What one request takes.
pub(super) const BATCH: usize = 20;

/// The answers by what was asked for. What is not in it is to be asked for singly.
pub(super) type Answers<'a> = BTreeMap<&'a str, Result<Fetched, VaultError>>;

/// Reads the current versions of up to [`BATCH`] secrets.
pub(super) async fn read<'a>(vault: &AwsVault, names: &[&'a str]) -> Answers<'a> {
    let mut answers = Answers::new();
    let mut next = None;
    // Each page has at least one of them, so there are no more pages than names.
    for _ in 0..names.len() {
        let page = match page(vault, names, next.take()).await {
            Ok(page) => page,
            Err(error) => {
                for name in names {
                    if error.is_outage() {
                        answers.entry(name).or_insert_with(|| Err(error.clone()));
                    }
                }
                return answers;
            }
        };
        next = sort(vault, names, page, &mut answers);
        if next.is_none() {
            break;
        }
    }
    answers
}

async fn page(
    vault: &AwsVault,
    names: &[&str],
    next: Option<String>,
) -> Result<(String, BatchGetSecretValueOutput), VaultError> {
    let ids: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let (region, answer) = vault
        .ask(|client| {
            let request = client.batch_get_secret_value().set_secret_id_list(Some(ids.clone()));
            request.set_next_token(next.clone()).send()
        })
        .await?;
    answer.map(|page| (region.clone(), page)).map_err(|error| {
        let place = Place { vault: &vault.name, region: &region };
        explain(vault, place, &error)
    })
}

/// Errors of the whole call. One that is no outage says nothing of the single secrets.
fn explain(
    vault: &AwsVault,
    place: Place<'_>,
    error: &SdkError<BatchGetSecretValueError, HttpResponse>,
) -> VaultError {
    let told = faults::explain(place, error);
    if told.fault == Fault::Denied {
        vault.batches_denied();
    }
    told
}

/// Puts a page's content where it belongs, and returns the token of the next page.
fn sort<'a>(
    vault: &AwsVault,
    names: &[&'a str],
    (region, page): (String, BatchGetSecretValueOutput),
    answers: &mut Answers<'a>,
) -> Option<String> {
    let place = Place { vault: &vault.name, region: &region };
    for entry in page.secret_values.unwrap_or_default() {
        let (arn, name) = (entry.arn.unwrap_or_default(), entry.name.unwrap_or_default());
        let fetched = content(&vault.name, entry.secret_string, entry.secret_binary, entry.version_id);
        for asked in names.iter().filter(|asked| is_for(asked, &name, &arn)) {
            answers.insert(asked, fetched.clone());
        }
    }
    for error in page.errors.unwrap_or_default() {
        let id = error.secret_id.unwrap_or_default();
        if let Some(asked) = names.iter().find(|asked| **asked == id) {
            // A fault of the service with one secret is seen again, or is gone, when that one is asked for singly.
            let told = faults::by_code(place, error.error_code.as_deref(), 0);
            if !told.is_outage() {
                answers.insert(asked, Err(told));
            }
        }
    }
    page.next_token
}

/// Whether somebody who asked for this gets the secret of that name and ARN. An ARN may be asked for without its last
/// part, six random characters.
fn is_for(asked: &str, name: &str, arn: &str) -> bool {
    let partly = || arn.strip_prefix(asked).is_some_and(|rest| rest.len() == 7 && rest.starts_with('-'));
    asked == name || asked == arn || (asked.starts_with("arn:") && partly())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_for_who_asked_by_name_by_arn_and_by_arn_without_its_end() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app/db-Ab12Cd";
        let asked = |asked| is_for(asked, "app/db", arn);
        assert!(asked("app/db") && asked(arn) && asked(&arn[..arn.len() - 7]));
        assert!(
            !asked("app/d") && !asked("app/db-Ab12Cd") && !asked(&arn[..arn.len() - 8]) && !asked("arn:")
        );
    }
}
