//! kill -9 during a stream of writes, again and again on the same data: what was acknowledged is there, nothing is
//! there twice, the chain verifies, and a batch that is repeated after the crash is answered from the log.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kontraktor_proto::v1::{
    AuditEntry, GetEnvironmentRequest, ListAuditEntriesRequest, ListHistoryRequest, ProblemCode,
    ReadSecretsRequest, SecretTarget, VerifyAuditRequest, WriteStatus, WriteVariablesRequest,
    WriteVariablesResponse, secret_target::Target, secrets_client::SecretsClient,
    variables_client::VariablesClient,
};
use testkit::{Daemon, eventually_async};
use tonic::transport::Channel;

use super::common::{Home, batch, environment, put};

const CRASHES: usize = 50;
const WRITERS: usize = 4;

/// Waits until the clients of this round have had some answers, and a little longer: the moment of the crash varies.
async fn until_the_crash(round: usize, answers: &AtomicUsize) {
    eventually_async("clients are answered", async || {
        (answers.load(Ordering::Relaxed) >= 2 * WRITERS).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis((round as u64 * 37) % 120)).await;
}

/// What one writer sent, and which answers it received.
#[derive(Default)]
struct Story {
    acknowledged: Vec<(WriteVariablesRequest, WriteVariablesResponse)>,
    unanswered: Vec<WriteVariablesRequest>,
}

/// Writes batch after batch until the daemon is gone. Each batch has a key of one item and a group of two keys, with
/// values that occur once.
async fn write_until_it_dies(
    mut client: VariablesClient<Channel>,
    writer: usize,
    round: usize,
    story: Arc<Mutex<Story>>,
    answers: Arc<AtomicUsize>,
) {
    for number in 0.. {
        let value = format!("{round}-{writer}-{number}");
        let mut request =
            batch([put(&format!("lone_{writer}"), &value), put(&format!("first_{writer}"), &value)]);
        request.groups[1].items.push(put(&format!("second_{writer}"), &value));
        match client.write_variables(request.clone()).await {
            Ok(response) => {
                story.lock().unwrap().acknowledged.push((request, response.into_inner()));
                answers.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                story.lock().unwrap().unanswered.push(request);
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_written_twice() {
    let home = Home::new();
    // By key: the values that must be in the log, each once.
    let mut expected: HashMap<String, Vec<String>> = HashMap::new();
    let mut replays = 0;
    let mut rewritten = 0;
    let mut daemon = home.start();

    for round in 0..CRASHES {
        let answers = Arc::<AtomicUsize>::default();
        let stories: Vec<_> = (0..WRITERS).map(|_| Arc::new(Mutex::new(Story::default()))).collect();
        let writers: Vec<_> = stories
            .iter()
            .enumerate()
            .map(|(writer, story)| {
                let (story, answers) = (Arc::clone(story), Arc::clone(&answers));
                tokio::spawn(write_until_it_dies(daemon.variables(), writer, round, story, answers))
            })
            .collect();
        until_the_crash(round, &answers).await;
        daemon.kill();
        for writer in writers {
            writer.await.unwrap();
        }

        daemon = home.start();
        let mut client = daemon.variables();
        for story in stories {
            let story = std::mem::take(&mut *story.lock().unwrap());
            for (request, response) in &story.acknowledged {
                assert!(response.results.iter().all(|result| result.status() == WriteStatus::Written));
                remember(&mut expected, request);
            }
            if let Some((request, response)) = story.acknowledged.last() {
                let again = client.write_variables(request.clone()).await.unwrap().into_inner();
                assert!(again.replayed, "an acknowledged batch was not remembered");
                assert_eq!(again.results, response.results);
            }
            for request in story.unanswered {
                let answer = client.write_variables(request.clone()).await.unwrap().into_inner();
                assert!(answer.results.iter().all(|result| result.status() == WriteStatus::Written));
                if answer.replayed {
                    replays += 1;
                } else {
                    rewritten += 1;
                }
                remember(&mut expected, &request);
            }
        }
        let verified = daemon.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner();
        assert!(verified.intact, "{}", verified.explanation);
    }

    assert!(!expected.is_empty());
    for (key, values) in &expected {
        let mut logged: Vec<_> = history(&daemon, key).await.into_iter().map(new_value).collect();
        logged.reverse();
        assert_eq!(&logged, values, "{key}");
    }
    // One revision for each batch; the first one created the environment.
    let batches: usize = (0..WRITERS).map(|writer| expected[&format!("lone_{writer}")].len()).sum();
    let request = GetEnvironmentRequest { name: environment("demo", "dev") };
    let environment = daemon.environments().get_environment(request).await.unwrap().into_inner();
    assert_eq!(environment.revision, batches as u64);
    println!("{batches} batches, {replays} unanswered ones had been written, {rewritten} had not");
}

fn remember(expected: &mut HashMap<String, Vec<String>>, request: &WriteVariablesRequest) {
    use kontraktor_proto::v1::{put::Content, write_item::Operation};
    for item in request.groups.iter().flat_map(|group| &group.items) {
        let Some(Operation::Put(put)) = &item.operation else { panic!("only puts are sent") };
        let Some(Content::Value(value)) = &put.content else { panic!("only values are sent") };
        expected.entry(item.key.clone()).or_default().push(value.clone());
    }
}

fn new_value(entry: AuditEntry) -> String {
    entry.new_value.expect("nothing is deleted")
}

/// All writes of a key, newest first.
async fn history(daemon: &Daemon, key: &str) -> Vec<AuditEntry> {
    let mut client = daemon.audit();
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListHistoryRequest {
            environment: environment("demo", "dev"),
            key: key.to_owned(),
            page_size: 1000,
            page_token,
            until: None,
        };
        let page = client.list_history(request).await.unwrap().into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return entries;
        }
        page_token = page.next_page_token;
    }
}

/// Asks for one secret after another until the daemon is gone. No such vault is configured: what matters here is that who
/// asked is written down before the answer.
async fn ask_until_it_dies(
    mut client: SecretsClient<Channel>,
    reader: String,
    answered: Arc<Mutex<HashMap<String, u64>>>,
    answers: Arc<AtomicUsize>,
) {
    for number in 0.. {
        let reference = format!("vault://nowhere/{reader}/{number}#f");
        let target = Some(Target::Reference(reference.clone()));
        let request = ReadSecretsRequest { targets: vec![SecretTarget { target }], hold: false };
        let Ok(answer) = client.read_secrets(request).await else { return };
        let problem = answer.into_inner().secrets.remove(0).problem.expect("there is no such vault");
        assert_eq!(problem.code(), ProblemCode::UnknownVault);
        answered.lock().unwrap().insert(reference, 1);
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_access_that_was_answered_is_missing_from_the_log() {
    let home = Home::new();
    let answered = Arc::new(Mutex::new(HashMap::new()));
    let mut daemon = home.start();
    for round in 0..CRASHES / 2 {
        let answers = Arc::<AtomicUsize>::default();
        let mut clients: Vec<_> = (0..WRITERS)
            .map(|reader| {
                let reader = format!("{round}-{reader}");
                let (answered, answers) = (Arc::clone(&answered), Arc::clone(&answers));
                tokio::spawn(ask_until_it_dies(daemon.secrets(), reader, answered, answers))
            })
            .collect();
        // What is committed beside them takes along what has not got there yet.
        if round % 2 == 0 {
            let story = Arc::default();
            let uncounted = Arc::default();
            clients.push(tokio::spawn(write_until_it_dies(daemon.variables(), 0, round, story, uncounted)));
        }
        until_the_crash(round, &answers).await;
        daemon.kill();
        for client in clients {
            client.await.unwrap();
        }
        daemon = home.start();
        let verified = daemon.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner();
        assert!(verified.intact, "{}", verified.explanation);
    }
    let mut logged: HashMap<String, u64> = HashMap::new();
    let mut request = ListAuditEntriesRequest { page_size: 1000, ..ListAuditEntriesRequest::default() };
    loop {
        let page = daemon.audit().list_audit_entries(request.clone()).await.unwrap().into_inner();
        for access in page.entries.into_iter().filter_map(|entry| entry.access) {
            *logged.entry(access.reference).or_default() += access.count;
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let answered = answered.lock().unwrap();
    assert!(answered.len() > 100, "{} were answered", answered.len());
    for (reference, times) in answered.iter() {
        assert_eq!(logged.get(reference), Some(times), "{reference}");
    }
    println!("{} accesses were answered, {} are in the log", answered.len(), logged.len());
}
