//! The past: revisions that a test kept, and the log that a test wrote.

use kontraktor_proto::v1::audit_server::Audit;
use kontraktor_proto::v1::{self, ProblemCode, point_in_time};
use tonic::{Request, Response};

use super::{Answer, FakeDaemon, authorship, refuse};

impl FakeDaemon {
    /// Keeps the current environment, for requests at its revision.
    pub(in super::super) fn keep(&self, path: &str) {
        let (project, env) = path.split_once('/').expect("project/env");
        let name = v1::EnvironmentName { project: project.to_owned(), env: env.to_owned() };
        let request = v1::GetSnapshotRequest { name: Some(name), ..Default::default() };
        let snapshot = self.view(request).expect("it exists").into_inner();
        let location = (path.to_owned(), snapshot.revision);
        self.world.lock().unwrap().past.insert(location, snapshot);
    }

    pub(super) fn look_back(
        &self,
        request: &v1::GetSnapshotRequest,
        at: v1::PointInTime,
    ) -> Answer<v1::Snapshot> {
        let name = request.name.clone().expect("every request names its environment");
        let Some(point_in_time::At::Revision(revision)) = at.at else {
            return refuse(ProblemCode::Denied, "Only revisions are kept");
        };
        match self.world.lock().unwrap().past.get(&(format!("{}/{}", name.project, name.env), revision)) {
            Some(snapshot) => Ok(Response::new(snapshot.clone())),
            None => refuse(ProblemCode::NotFound, "The environment has no such revision"),
        }
    }

    /// Appends an entry to the log, whose revision is the number of entries.
    pub(in super::super) fn log(&self, path: &str, operation: v1::AuditOperation, value: Option<&str>) {
        let parts: Vec<&str> = path.split('/').collect();
        let mut world = self.world.lock().unwrap();
        let revision = world.log.len() as u64 + 1;
        world.log.push(v1::AuditEntry {
            written: Some(authorship("unix:ada", "ktr")),
            operation: operation.into(),
            project: parts[0].to_owned(),
            env: parts[1].to_owned(),
            key: parts[2].to_owned(),
            revision,
            r#type: v1::ValueType::String.into(),
            new_value: value.map(str::to_owned),
            ..Default::default()
        });
    }

    /// The same of a key that held a secret reference.
    pub(in super::super) fn log_reference(
        &self,
        path: &str,
        operation: v1::AuditOperation,
        url: Option<&str>,
    ) {
        self.log(path, operation, url);
        let mut world = self.world.lock().unwrap();
        let entry = world.log.last_mut().expect("it was just made");
        entry.r#type = v1::ValueType::Unspecified.into();
        entry.secret_reference = true;
    }
}

#[tonic::async_trait]
impl Audit for FakeDaemon {
    async fn list_history(
        &self,
        request: Request<v1::ListHistoryRequest>,
    ) -> Answer<v1::ListAuditEntriesResponse> {
        self.may_read()?;
        let request = request.into_inner();
        let until = match request.until.and_then(|until| until.at) {
            Some(point_in_time::At::Revision(revision)) => revision,
            _ => u64::MAX,
        };
        let world = self.world.lock().unwrap();
        let entries =
            world.log.iter().rev().filter(|entry| entry.key == request.key && entry.revision <= until);
        // A token is how many entries came before.
        let before: usize = request.page_token.parse().unwrap_or_default();
        let size = request.page_size as usize;
        let rest: Vec<_> = entries.skip(before).cloned().collect();
        let next_page_token = if rest.len() > size { (before + size).to_string() } else { String::new() };
        let entries = rest.into_iter().take(size).collect();
        Ok(Response::new(v1::ListAuditEntriesResponse { entries, next_page_token }))
    }

    async fn list_audit_entries(
        &self,
        _request: Request<v1::ListAuditEntriesRequest>,
    ) -> Answer<v1::ListAuditEntriesResponse> {
        refuse(ProblemCode::Denied, "The provider reads histories")
    }

    async fn verify_audit(
        &self,
        _request: Request<v1::VerifyAuditRequest>,
    ) -> Answer<v1::VerifyAuditResponse> {
        refuse(ProblemCode::Denied, "The provider verifies nothing")
    }
}
