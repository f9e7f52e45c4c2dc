//! Which writes share a request and when it is sent. The clock is paused, so it advances only when every task waits.

use std::sync::Mutex;

use kontraktor_proto::v1::ProblemCode;
use tokio::time::sleep;

use super::*;

/// How long the daemon takes.
const ANSWER: Duration = Duration::from_millis(2);

/// A daemon that keeps what it was sent, and answers by the name of the first key.
#[derive(Default)]
struct Daemon {
    requests: Mutex<Vec<v1::WriteVariablesRequest>>,
}

impl Daemon {
    fn batcher(self: &Arc<Self>, options: BatchOptions) -> Arc<Batcher> {
        let daemon = Arc::clone(self);
        Arc::new(Batcher::new(options, Arc::new(move |batch| Box::pin(Arc::clone(&daemon).take(batch)))))
    }

    async fn take(self: Arc<Self>, batch: Batch) -> Result<v1::WriteVariablesResponse, ClientError> {
        let keys = keys_of(&batch.request);
        self.requests.lock().unwrap().push(batch.request);
        sleep(ANSWER).await;
        let unknown = || ClientError::OutcomeUnknown {
            target: "here".to_owned(),
            operation: "WriteVariables",
            reason: "lost".to_owned(),
        };
        match keys[0].as_str() {
            "hang" => std::future::pending().await,
            "break" => panic!("the carrier breaks"),
            "lose" => Err(unknown()),
            "refuse" => Err(ClientError::Refused(Box::new(v1::Problem::new(ProblemCode::Busy, "not now")))),
            "short" => Ok(v1::WriteVariablesResponse::default()),
            _ => Ok(v1::WriteVariablesResponse {
                // The revision tells whose answer it is.
                results: keys.iter().map(|key| result(key)).collect(),
                replayed: false,
            }),
        }
    }

    /// The keys of each request.
    fn sent(&self) -> Vec<Vec<String>> {
        self.requests.lock().unwrap().iter().map(keys_of).collect()
    }
}

fn keys_of(request: &v1::WriteVariablesRequest) -> Vec<String> {
    request
        .groups
        .iter()
        .map(|group| {
            assert_eq!(group.items.len(), 1, "each group has one item");
            group.items[0].key.clone()
        })
        .collect()
}

fn result(key: &str) -> v1::WriteResult {
    let revision = key.bytes().fold(0, |sum, byte| sum * 256 % 1_000_003 + u64::from(byte));
    v1::WriteResult { status: v1::WriteStatus::Written.into(), revision, ..Default::default() }
}

fn env() -> EnvPath {
    "demo/dev".parse().unwrap()
}

fn item(key: &str, value: &str) -> v1::WriteItem {
    let content = Some(v1::put::Content::Value(value.to_owned()));
    let put = v1::Put { content, ..Default::default() };
    v1::WriteItem {
        environment: Some((&env()).into()),
        key: key.to_owned(),
        operation: Some(v1::write_item::Operation::Put(put)),
        expect: None,
    }
}

/// Starts a write, which is on its way to the queue when this returns.
fn begin(batcher: &Arc<Batcher>, key: &str) -> tokio::task::JoinHandle<Option<Answer>> {
    let (batcher, key) = (Arc::clone(batcher), key.to_owned());
    tokio::spawn(async move { batcher.write(&env(), item(&key, "x")).await })
}

async fn written(key: &str, write: tokio::task::JoinHandle<Option<Answer>>) {
    assert_eq!(write.await.unwrap().expect("answered").expect("written"), result(key));
}

/// How long a write of this key takes.
async fn timed(batcher: &Arc<Batcher>, key: &str) -> Duration {
    let began = Instant::now();
    written(key, begin(batcher, key)).await;
    began.elapsed()
}

/// Writes all of them at once, as the first thing.
async fn crowd(batcher: &Arc<Batcher>, count: usize) {
    let keys: Vec<_> = (0..count).map(|number| format!("crowd{number}")).collect();
    let writes: Vec<_> = keys.iter().map(|key| begin(batcher, key)).collect();
    for (key, write) in keys.iter().zip(writes) {
        written(key, write).await;
    }
}

const LONE: Duration = Duration::from_millis(5);

/// At `-parallelism=1` there is never company, and nothing waits for any.
#[tokio::test(start_paused = true)]
async fn a_lone_write_waits_less_than_5_ms() {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions::default());
    for number in 0..20 {
        let took = timed(&batcher, &format!("K{number}")).await;
        // The first waits for others; then it is known that no others come.
        let most = if number == 0 { LONE } else { Duration::from_millis(2) };
        assert!(took < most + ANSWER, "{number}: {took:?}");
    }
    assert_eq!(daemon.sent().len(), 20);
}

/// Writes 1,000 variables with several callers, which write a state file between their calls, one at a time.
async fn walk(callers: usize, state_file: Duration) -> (usize, Duration) {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions::default());
    let (file, began) = (Arc::new(tokio::sync::Mutex::new(())), Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (batcher, file) = (Arc::clone(&batcher), Arc::clone(&file));
            tokio::spawn(async move {
                for number in (caller..1000).step_by(callers) {
                    let key = format!("K{number}");
                    written(&key, begin(&batcher, &key)).await;
                    let _writing = file.lock().await;
                    sleep(state_file).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let sent = daemon.sent();
    assert_eq!(sent.concat().into_iter().collect::<HashSet<_>>().len(), 1000);
    (sent.len(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_thousand_writes_travel_in_few_requests() {
    for (callers, state_file, requests) in [(10, 0, 100), (200, 0, 5), (10, 1, 100)] {
        let state_file = Duration::from_millis(state_file);
        let (sent, took) = walk(callers, state_file).await;
        assert_eq!(sent, requests);
        // Everyone is back before the extension is over: nobody waits for the rest of it.
        let most = (LONE + ANSWER) * u32::try_from(requests).unwrap() + state_file * 1000;
        assert!(took < most, "{took:?}");
    }
}

/// At 1,000 resources Terraform's calls are about 13 ms apart, because it writes its state file in between: that is
/// the floor, and gathering must not add much to it.
#[tokio::test(start_paused = true)]
async fn callers_who_write_a_large_state_file_are_awaited_and_not_held_up() {
    let (requests, took) = walk(10, Duration::from_millis(13)).await;
    assert!(requests <= 135, "{requests}");
    assert!(took < Duration::from_millis(1000 * 13 + 500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn callers_who_do_not_come_back_are_awaited_once_and_not_for_long() {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions::default());
    crowd(&batcher, 10).await;
    let took = timed(&batcher, "A").await;
    assert!(took > LONE + ANSWER && took < EXTENSION + LONE + ANSWER, "{took:?}");
    let took = timed(&batcher, "B").await;
    assert!(took < LONE + ANSWER, "{took:?}");

    // Much later nobody of a crowd is on the way any more.
    crowd(&batcher, 10).await;
    sleep(EXTENSION * 2).await;
    let took = timed(&batcher, "C").await;
    assert!(took < LONE + ANSWER, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_stops_waiting_cancels_no_other() {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions::default());
    let (stays, goes) = (begin(&batcher, "stays"), begin(&batcher, "goes"));
    tokio::task::yield_now().await;
    goes.abort();
    written("stays", stays).await;
    assert_eq!(daemon.sent(), [["stays"]], "what was not sent is withdrawn");

    let (goes, stays) = (begin(&batcher, "goes"), begin(&batcher, "stays"));
    sleep(LONE).await;
    goes.abort();
    written("stays", stays).await;
    assert_eq!(daemon.sent()[1], ["goes", "stays"], "what was sent is done");
    // The key that was withdrawn, and the one that nobody waited for, can be written again.
    timed(&batcher, "goes").await;
}

/// Two resources of one key, or one that is created before its predecessor is destroyed: a request with the key twice
/// would be refused as a whole.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_written_twice_travels_twice_and_in_order() {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions::default());
    let writes = ["A", "B", "A", "A"].map(|key| (key, begin(&batcher, key)));
    for (key, write) in writes {
        written(key, write).await;
    }
    assert_eq!(daemon.sent(), [vec!["A", "B"], vec!["A"], vec!["A"]]);
    let other: EnvPath = "demo/prod".parse().unwrap();
    let (here, there) = (env(), other);
    let (a, b) = tokio::join!(batcher.write(&here, item("A", "x")), batcher.write(&there, item("A", "x")));
    assert!(a.unwrap().is_ok() && b.unwrap().is_ok());
    assert_eq!(daemon.sent()[3], ["A", "A"], "another environment's key is another key");
}

#[tokio::test(start_paused = true)]
async fn limits_split_what_would_be_too_much() {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions { max_items: 4, ..BatchOptions::default() });
    crowd(&batcher, 10).await;
    assert_eq!(daemon.sent().iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);

    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions::default());
    let large = "x".repeat(10 * 1024 * 1024);
    let environment = env();
    let keys: Vec<_> = (0..14).map(|number| format!("K{number}")).collect();
    let writes: Vec<_> = keys
        .iter()
        .map(|key| {
            let (batcher, item, environment) = (batcher.clone(), item(key, &large), environment.clone());
            tokio::spawn(async move { batcher.write(&environment, item).await })
        })
        .collect();
    for (key, write) in keys.iter().zip(writes) {
        written(key, write).await;
    }
    assert_eq!(daemon.sent().iter().map(Vec::len).collect::<Vec<_>>(), [6, 6, 2]);
    for request in daemon.requests.lock().unwrap().iter() {
        assert!(request.encoded_len() <= MAX_MESSAGE_BYTES);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_window_every_write_goes_at_once() {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions { window: Duration::ZERO, ..BatchOptions::default() });
    let began = Instant::now();
    crowd(&batcher, 10).await;
    assert_eq!((daemon.sent().len(), began.elapsed()), (10, ANSWER));
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_a_request_happens_to_all_that_it_carries() {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions::default());
    for first in ["lose", "refuse", "short", "break"] {
        let writes = [first, "A", "B"].map(|key| begin(&batcher, key));
        for write in writes {
            let answer = write.await.unwrap();
            let as_configured = match first {
                "lose" => matches!(&answer, Some(Err(ClientError::OutcomeUnknown { .. }))),
                "refuse" => matches!(&answer, Some(Err(ClientError::Refused(it))) if it.message == "not now"),
                _ => answer.is_none(),
            };
            assert!(as_configured, "{first}: {answer:?}");
        }
    }
    assert_eq!(daemon.sent().len(), 4);
    crowd(&batcher, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_does_not_hold_up_what_comes_later() {
    let daemon = Arc::new(Daemon::default());
    let batcher = daemon.batcher(BatchOptions::default());
    let hung = begin(&batcher, "hang");
    sleep(LONE).await;
    let took = timed(&batcher, "A").await;
    assert!(took < EXTENSION + LONE + ANSWER, "{took:?}");
    assert!(!hung.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_flush_sends_what_waits() {
    let daemon = Arc::new(Daemon::default());
    let batcher =
        daemon.batcher(BatchOptions { window: Duration::from_millis(100), ..BatchOptions::default() });
    batcher.flush();
    crowd(&batcher, 10).await;
    let (began, write) = (Instant::now(), begin(&batcher, "A"));
    tokio::task::yield_now().await;
    batcher.flush();
    written("A", write).await;
    assert_eq!(began.elapsed(), ANSWER);
}
