//! The daemon's API for secrets, over its socket.

use std::sync::Arc;

use kontraktor_proto::{
    client::{Client, ClientError, ClientOptions, new_batch_id},
    endpoint::Host,
    v1::{self, ProblemCode},
};

use super::{SECRET, Scene};

const PASSWORD: &str = "vault://team/secret/app/db#password";

fn client(scene: &Scene) -> Client {
    Client::new(ClientOptions::new(Host::parse(Some(&scene.world.host())).expect("a host"), "test"))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn reference(text: &str) -> v1::SecretTarget {
    v1::SecretTarget { target: Some(v1::secret_target::Target::Reference(text.to_owned())) }
}

fn key(env: &str, key: &str) -> v1::SecretTarget {
    let environment = v1::EnvironmentName { project: "shop".to_owned(), env: env.to_owned() };
    let key = v1::EnvironmentKey { environment: Some(environment), key: key.to_owned() };
    v1::SecretTarget { target: Some(v1::secret_target::Target::Key(key)) }
}

async fn refer(client: &Client, items: &[(&str, &str)]) {
    let items = items.iter().map(|(key, reference)| v1::WriteItem {
        environment: Some(v1::EnvironmentName { project: "shop".to_owned(), env: "dev".to_owned() }),
        key: (*key).to_owned(),
        operation: Some(v1::write_item::Operation::Put(v1::Put {
            content: Some(v1::put::Content::Reference((*reference).to_owned())),
            create_missing: true,
            ..v1::Put::default()
        })),
        expect: None,
    });
    let groups = vec![v1::WriteGroup { items: items.collect() }];
    let answer = client
        .write_variables(v1::WriteVariablesRequest { batch_id: new_batch_id(), groups })
        .await
        .expect("an answer");
    assert!(answer.results.iter().all(|result| result.problem.is_none()), "{answer:?}");
}

#[test]
fn a_hundred_readers_of_one_secret_make_one_request() {
    let scene = Scene::new();
    scene.vault.record();
    let client = Arc::new(client(&scene));
    run(async {
        let readers: Vec<_> = (0..100)
            .map(|_| {
                let client = Arc::clone(&client);
                tokio::spawn(async move {
                    let targets = vec![reference(PASSWORD), reference("vault://team/secret/app/db#user")];
                    client
                        .read_secrets(v1::ReadSecretsRequest { targets, hold: false })
                        .await
                        .expect("an answer")
                })
            })
            .collect();
        for reader in readers {
            let answer = reader.await.expect("the reader ends");
            assert_eq!(answer.secrets[0].value, SECRET.as_bytes());
            assert_eq!((&*answer.secrets[1].value, &*answer.secrets[0].version), (&b"app"[..], "1"));
        }
    });
    assert_eq!(scene.vault.requests("secret/data/app/db"), 1);
}

#[test]
fn good_and_bad_targets_are_answered_side_by_side() {
    let scene = Scene::new();
    let client = client(&scene);
    let answer = run(async {
        refer(&client, &[("DB", PASSWORD)]).await;
        let targets = vec![
            reference("hunter2"),
            key("dev", "DB"),
            key("dev", "MISSING"),
            v1::SecretTarget::default(),
            reference("vault://team/secret/app/db#port"),
        ];
        client.read_secrets(v1::ReadSecretsRequest { targets, hold: true }).await.expect("an answer")
    });
    let codes: Vec<_> = answer
        .secrets
        .iter()
        .map(|secret| secret.problem.as_ref().map_or(ProblemCode::Unspecified, v1::Problem::code))
        .collect();
    let none = ProblemCode::Unspecified;
    assert_eq!(
        codes,
        [ProblemCode::InvalidReference, none, ProblemCode::NotFound, ProblemCode::Invalid, none]
    );
    assert_eq!((&*answer.secrets[1].key, &*answer.secrets[1].vault), ("DB", "team"));
    assert_eq!(answer.secrets[4].value, b"5432", "what is no text is its JSON");
    assert!(answer.hold.is_none(), "nothing has a lease");
    assert!(
        answer.secrets.iter().flat_map(|secret| &secret.problem).all(|problem| !problem.remedy.is_empty())
    );
    assert!(!format!("{answer:?}").contains(SECRET) && !format!("{answer:?}").contains("hunter2"));
    scene.no_trace();
}

#[test]
fn an_environment_comes_with_its_secrets_and_checking_hands_out_none() {
    let scene = Scene::new();
    let client = client(&scene);
    run(async {
        refer(&client, &[("DB", PASSWORD), ("GONE", "vault://team/secret/none#x")]).await;
        let environment = Some(v1::EnvironmentName { project: "shop".to_owned(), env: "dev".to_owned() });
        let request = v1::ReadEnvironmentRequest { environment, ..v1::ReadEnvironmentRequest::default() };
        let answer = client.read_environment(request).await.expect("an answer");
        let keys: Vec<_> = answer.secrets.iter().map(|secret| secret.key.as_str()).collect();
        assert_eq!(keys, ["DB", "GONE"]);
        assert_eq!(answer.secrets[0].value, SECRET.as_bytes());
        let problem = answer.secrets[1].problem.as_ref().expect("there is no such secret");
        assert_eq!(problem.code(), ProblemCode::SecretNotFound);
        let snapshot = answer.snapshot.expect("the environment exists");
        assert_eq!(snapshot.variables.iter().filter(|variable| variable.reference().is_some()).count(), 2);

        let targets = vec![key("dev", "DB"), key("dev", "GONE")];
        let checked = client.check_secrets(v1::CheckSecretsRequest { targets }).await.expect("an answer");
        assert!(checked.secrets.iter().all(|secret| secret.value.is_empty()));
        assert!(checked.secrets[0].problem.is_none() && checked.secrets[1].problem.is_some());
    });
}

#[test]
fn what_is_too_large_for_a_message_is_streamed_whole() {
    let scene = Scene::new();
    let large = "0123456789abcdef".repeat(10_000);
    scene.vault.put("secret/data/large", &serde_json::json!({"data": {"ring": large}}));
    let client = client(&scene);
    run(async {
        let targets = vec![reference("vault://team/secret/large#ring")];
        let answer =
            client.read_secrets(v1::ReadSecretsRequest { targets, hold: false }).await.expect("an answer");
        let problem = answer.secrets[0].problem.as_ref().expect("it is too large");
        assert_eq!(problem.code(), ProblemCode::SecretTooLarge);
        let request = v1::StreamSecretRequest {
            target: Some(reference("vault://team/secret/large#ring")),
            ..v1::StreamSecretRequest::default()
        };
        let (info, value) = client.stream_secret(request).await.expect("an answer");
        assert_eq!((info.size_bytes, value.len()), (160_000, 160_000));
        assert_eq!(*value, large.as_bytes());
        let request = v1::StreamSecretRequest {
            target: Some(reference("vault://team/secret/none#x")),
            ..v1::StreamSecretRequest::default()
        };
        match client.stream_secret(request).await {
            Err(ClientError::Refused(problem)) => assert_eq!(problem.code(), ProblemCode::SecretNotFound),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_secret_beyond_the_limit_of_a_stream_is_refused_with_that_limit() {
    let scene = Scene::new();
    // Vault accepts strings of 1 MiB, and returns all fields of a secret together.
    let field = "0123456789abcdef".repeat(1_000_000 / 16);
    let fields: serde_json::Map<_, _> =
        (0..23).map(|number| (format!("ring{number}"), field.clone().into())).collect();
    scene.vault.put("secret/data/vast", &serde_json::json!({"data": fields}));
    let client = client(&scene);
    run(async {
        let request = v1::StreamSecretRequest {
            target: Some(reference("vault://team/secret/vast#ring0")),
            ..v1::StreamSecretRequest::default()
        };
        match client.stream_secret(request).await {
            Err(ClientError::Refused(problem)) => {
                assert_eq!(problem.code(), ProblemCode::SecretTooLarge, "{problem}");
                assert!(problem.message.contains("limit of 16777216 bytes"), "{problem}");
            }
            other => panic!("{:?}", other.map(|(info, _)| info)),
        }
    });
}

#[test]
fn vaults_are_listed_and_purged_by_name() {
    let scene = Scene::new();
    let client = client(&scene);
    run(async {
        let targets = vec![reference(PASSWORD)];
        client.read_secrets(v1::ReadSecretsRequest { targets, hold: false }).await.expect("an answer");
        let listed = client.list_vaults(v1::ListVaultsRequest {}).await.expect("an answer");
        let vault = &listed.vaults[0];
        assert_eq!((vault.name.as_str(), vault.kind.as_str(), vault.available), ("team", "vault", true));
        assert_eq!((vault.cached_secret_count, vault.lease_count), (1, 0));
        let purge = |vault: &str| client.purge_secrets(v1::PurgeSecretsRequest { vault: vault.to_owned() });
        assert_eq!(purge("team").await.expect("an answer").purged_count, 1);
        assert_eq!(purge("").await.expect("an answer").purged_count, 0);
        match purge("nobody").await {
            Err(ClientError::Refused(problem)) => {
                assert_eq!(problem.code(), ProblemCode::UnknownVault);
                assert!(problem.remedy.contains("team"), "{}", problem.remedy);
            }
            other => panic!("{other:?}"),
        }
    });
}
