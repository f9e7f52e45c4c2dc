//! When the machine runs out of something: file descriptors, room on the disk.

use std::{
    collections::HashSet,
    fs,
    io::Write as _,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
};

use kontraktor_proto::v1::{
    GetSnapshotRequest, GetStatusRequest, ListAuditEntriesRequest, ProblemCode, ReadSecretsRequest,
    SecretTarget, VerifyAuditRequest, WriteStatus, secret_target::Target, secrets_client::SecretsClient,
};
use testkit::eventually_async;
use tonic::transport::Channel;

use super::common::{Home, batch, environment, put};

#[tokio::test]
async fn without_file_descriptors_it_waits_until_there_are_some() {
    let home = Home::new();
    let daemon = home.builder().open_files(64).start();
    let crowd: Vec<_> = (0..100).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
    daemon.wait_for_log("cannot accept a connection");
    drop(crowd);
    let written = daemon.variables().write_variables(batch([put("k", "v")])).await.unwrap().into_inner();
    assert_eq!(written.results[0].status(), WriteStatus::Written);
}

/// A file system of its own, of a few megabytes. None where this user may not mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let options = format!("size={size},mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output().ok()?;
        mounted.status.success().then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

#[tokio::test]
async fn a_full_disk_stops_writes_alone_and_only_until_there_is_room() {
    let home = Home::new();
    let Some(_disk) = SmallDisk::mount(&home.data(), "24m") else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    let ballast = home.data().join("ballast");
    fs::write(&ballast, vec![0; 8 * 1024 * 1024]).unwrap();
    let daemon = home.start();
    let mut client = daemon.variables();

    let mut written = Vec::new();
    let full = loop {
        let key = format!("k{}", written.len());
        assert!(written.len() < 1_000, "the disk never filled");
        match client.write_variables(batch([put(&key, &"v".repeat(60_000))])).await {
            Ok(answer) => {
                assert_eq!(answer.into_inner().results[0].status(), WriteStatus::Written);
                written.push(key);
            }
            Err(status) => break kontraktor_proto::problem::from_status(&status).unwrap(),
        }
    };
    assert_eq!(full.code(), ProblemCode::StorageFull, "{full:?}");
    assert!(full.message.contains("disk is full"), "{full:?}");

    // Reads still succeed.
    let request = GetSnapshotRequest { name: environment("demo", "dev"), ..Default::default() };
    let mut reader = daemon.environments().max_decoding_message_size(64 * 1024 * 1024);
    let snapshot = reader.get_snapshot(request.clone()).await.unwrap().into_inner();
    assert_eq!(snapshot.variables.len(), written.len());
    let status = daemon.system().get_status(GetStatusRequest {}).await.unwrap().into_inner();
    assert!(!status.writable && status.write_error.contains("disk is full"), "{status:?}");

    // Room is made, and the same process writes again.
    fs::remove_file(&ballast).unwrap();
    let answer = eventually_async("the daemon writes again", async || {
        client.write_variables(batch([put("after", "v")])).await.ok()
    })
    .await;
    assert_eq!(answer.into_inner().results[0].status(), WriteStatus::Written);
    written.push("after".to_owned());
    let verified = daemon.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner();
    assert!(verified.intact, "{}", verified.explanation);
    daemon.terminate().ok();

    let daemon = home.start();
    let mut reader = daemon.environments().max_decoding_message_size(64 * 1024 * 1024);
    let snapshot = reader.get_snapshot(request).await.unwrap().into_inner();
    let mut keys: Vec<_> = snapshot.variables.into_iter().map(|variable| variable.key).collect();
    keys.sort();
    written.sort();
    assert_eq!(keys, written);
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_handed_out_that_cannot_be_written_down() {
    let home = Home::new();
    let Some(_disk) = SmallDisk::mount(&home.data(), "24m") else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    let mut daemon = home.start();
    let mut client = daemon.secrets();
    let mut answered = Vec::new();
    let ask = async |client: &mut SecretsClient<Channel>, answered: &mut Vec<String>| {
        // No such vault is configured: that is an answer, too, and goes into the log before it is given.
        let reference = format!("vault://nowhere/kv/{}-{}#f", answered.len(), "x".repeat(500));
        let target = Some(Target::Reference(reference.clone()));
        let request = ReadSecretsRequest { targets: vec![SecretTarget { target }], hold: false };
        let refused = client.read_secrets(request).await.map(|_| answered.push(reference));
        refused.map_err(|status| kontraktor_proto::problem::from_status(&status).unwrap())
    };
    ask(&mut client, &mut answered).await.unwrap();

    let ballast = home.data().join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    // Its room is free only when nobody has it open.
    drop(file);
    let full = loop {
        assert!(answered.len() < 1_000, "the disk never filled");
        if let Err(problem) = ask(&mut client, &mut answered).await {
            break problem;
        }
    };
    assert_eq!(full.code(), ProblemCode::StorageFull, "{full:?}");
    assert!(full.message.contains("cannot be recorded in the audit log"), "{full:?}");

    // Reads of the log still succeed, also by a daemon that is started now.
    let verified = daemon.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner();
    assert!(verified.intact, "{}", verified.explanation);
    daemon.kill();
    daemon = home.start();
    let verified = daemon.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner();
    assert!(verified.intact, "{}", verified.explanation);

    fs::remove_file(&ballast).unwrap();
    client = daemon.secrets();
    eventually_async("the daemon answers again", async || ask(&mut client, &mut answered).await.ok()).await;
    let verified = daemon.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner();
    assert!(verified.intact, "{}", verified.explanation);
    let request = ListAuditEntriesRequest { page_size: 1000, ..ListAuditEntriesRequest::default() };
    let logged = daemon.audit().list_audit_entries(request).await.unwrap().into_inner().entries;
    let logged: HashSet<_> =
        logged.into_iter().filter_map(|entry| entry.access).map(|access| access.reference).collect();
    let missing: Vec<_> = answered.iter().filter(|reference| !logged.contains(*reference)).collect();
    assert_eq!(missing, Vec::<&String>::new());
}
