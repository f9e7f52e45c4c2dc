//! What the clouds' SDKs write to the log: no secret, at whatever level, when all goes well and when it does not.

use std::{
    fs, io,
    sync::{Arc, Mutex},
};

use kontraktor_vault::Vault as _;
use kontraktor_vault::may_be_logged;
use serde_json::json;
use testkit::{
    doubles::{Answer, AzureKeyVault, FaultServer, HttpFault},
    servers::Moto,
};
use tracing_subscriber::{filter::filter_fn, prelude::*};

use crate::{
    aws::Aws,
    azure::at,
    clouds::{VALUE, secret},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged meanwhile.
fn logged(run: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let subscriber = tracing_subscriber::registry().with(filter_fn(may_be_logged)).with(lines);
    tracing::subscriber::with_default(subscriber, run);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn no_secret_of_aws_is_logged_at_any_level() {
    let moto = Moto::start();
    moto.create("app/db", VALUE);
    moto.create("other", VALUE);
    let sent = json!({ "__type": "ThrottlingException", "message": VALUE }).to_string();
    let server = FaultServer::http(move |_| Answer::new(400, "application/x-amz-json-1.1", sent.clone()));
    let log = logged(|| {
        let aws = Aws::at(&moto.address());
        assert_eq!(aws.read("aws-sm://team/app/db"), VALUE);
        let secrets = [secret("aws-sm://team/app/db"), secret("aws-sm://team/other")];
        assert!(aws.wait(aws.vault.fetch_many(&[&secrets[0], &secrets[1]])).iter().all(Result::is_ok));
        Aws::at(server.url()).refused("aws-sm://team/app/db");
    });
    assert!(log.contains("GetSecretValue"), "the SDK's log is not among it");
    assert_clean(&log, VALUE);
}

#[test]
fn no_secret_of_azure_is_logged_at_any_level() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let client_secret = fs::read_to_string(double.client_secret_path()).unwrap();
    let log = logged(|| {
        let azure = at(&double);
        assert_eq!(azure.read("azure-kv://team/db"), VALUE);
        let sent = json!({ "error": { "code": "InternalServerError", "message": VALUE } });
        double.vault().faults().next(5, HttpFault::Instead(Answer::json(500, &sent)));
        azure.refused("azure-kv://team/db");
        double.vault().faults().clear();
        double.directory().faults().always(HttpFault::Instead(Answer::json(400, &json!({ "error": VALUE }))));
        at(&double).refused("azure-kv://team/db");
    });
    assert!(log.contains("reqwest"), "the SDK's log is not among it");
    assert_clean(&log, VALUE);
    assert_clean(&log, &client_secret);
    // The double's tokens are 64 hexadecimal digits, and nothing else is.
    assert!(!log.split(|c: char| !c.is_ascii_hexdigit()).any(|word| word.len() == 64), "a token");
}

#[track_caller]
fn assert_clean(log: &str, secret: &str) {
    let lines: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
    assert!(
        lines.is_empty(),
        "{} lines, the first one from {:?}",
        lines.len(),
        lines.first().map(|line| &line[..80.min(line.len())])
    );
}
