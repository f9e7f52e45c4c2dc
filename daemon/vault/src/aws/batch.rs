//! Many secrets with few requests: `BatchGetSecretValue` takes up to 20, and returns their current versions only.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::operation::batch_get_secret_value::BatchGetSecretValueOutput;

use super::{client::AwsClient, content, sdk_error};
use crate::{
    error::{VaultError, VaultErrorKind},
    secret::Fetched,
};

/// The largest number of secrets in one request.
pub(super) const BATCH: usize = 20;

/// The answers by the requested name. A secret that is missing has to be requested singly.
pub(super) type Answers<'a> = BTreeMap<&'a str, Result<Fetched, VaultError>>;

/// What came of one batch.
#[derive(Default)]
pub(super) struct BatchResult<'a> {
    pub(super) answers: Answers<'a>,
    /// Whether AWS denies the daemon batches.
    pub(super) denied: bool,
}

/// Reads the current versions of up to [`BATCH`] secrets.
pub(super) async fn read<'a>(client: &AwsClient, names: &[&'a str]) -> BatchResult<'a> {
    let mut result = BatchResult::default();
    let mut next = None;
    // Each page has at least one of them, so there are no more pages than names.
    for _ in 0..names.len() {
        let page = match page(client, names, next.take()).await {
            Ok(page) => page,
            // An error of the whole call that is not an outage says nothing about single secrets.
            Err(error) => {
                result.denied = error.kind == VaultErrorKind::Denied;
                for name in names {
                    if error.is_outage() {
                        result.answers.entry(name).or_insert_with(|| Err(error.clone()));
                    }
                }
                return result;
            }
        };
        next = sort(client, names, page, &mut result.answers);
        if next.is_none() {
            break;
        }
    }
    result
}

async fn page(
    client: &AwsClient,
    names: &[&str],
    next: Option<String>,
) -> Result<(String, BatchGetSecretValueOutput), VaultError> {
    let ids: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let (region, answer) = client
        .send(|client| {
            let request = client.batch_get_secret_value().set_secret_id_list(Some(ids.clone()));
            request.set_next_token(next.clone()).send()
        })
        .await?;
    match answer {
        Ok(page) => Ok((region, page)),
        Err(error) => Err(sdk_error::describe(client.region(&region), &error)),
    }
}

/// Adds a page to the answers, and returns the token of the next page.
fn sort<'a>(
    client: &AwsClient,
    names: &[&'a str],
    (region, page): (String, BatchGetSecretValueOutput),
    answers: &mut Answers<'a>,
) -> Option<String> {
    for entry in page.secret_values.unwrap_or_default() {
        let (arn, name) = (entry.arn.unwrap_or_default(), entry.name.unwrap_or_default());
        let fetched =
            content::fetched(&client.name, entry.secret_string, entry.secret_binary, entry.version_id);
        for asked in names.iter().filter(|asked| is_for(asked, &name, &arn)) {
            answers.insert(asked, fetched.clone());
        }
    }
    for error in page.errors.unwrap_or_default() {
        let id = error.secret_id.unwrap_or_default();
        if let Some(asked) = names.iter().find(|asked| **asked == id) {
            // An outage for one secret is seen again, or is over, when that one is requested singly.
            let error = sdk_error::describe_code(client.region(&region), error.error_code.as_deref(), 0);
            if !error.is_outage() {
                answers.insert(asked, Err(error));
            }
        }
    }
    page.next_token
}

/// Returns whether this request is for the secret of that name and ARN. An ARN may be requested without its last part, six
/// random characters.
fn is_for(asked: &str, name: &str, arn: &str) -> bool {
    let partly = || arn.strip_prefix(asked).is_some_and(|rest| rest.len() == 7 && rest.starts_with('-'));
    asked == name || asked == arn || (asked.starts_with("arn:") && partly())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_requested_by_name_by_arn_and_by_arn_without_its_end() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app/db-Ab12Cd";
        let asked = |asked| is_for(asked, "app/db", arn);
        assert!(asked("app/db") && asked(arn) && asked(&arn[..arn.len() - 7]));
        assert!(
            !asked("app/d") && !asked("app/db-Ab12Cd") && !asked(&arn[..arn.len() - 8]) && !asked("arn:")
        );
    }
}
