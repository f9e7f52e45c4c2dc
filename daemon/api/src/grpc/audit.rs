//! `kontraktor.v1.Audit`.

use kontraktor_proto::v1::{
    ListAuditEntriesRequest, ListAuditEntriesResponse, ListHistoryRequest, VerifyAuditRequest,
    VerifyAuditResponse, audit_server::Audit,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller, convert, status};
use kontraktor_domain::{Hash, Head, Refusal};
use kontraktor_service::{NamedEntry, Page};
use kontraktor_store::AuditQuery;

#[async_trait]
impl Audit for Api {
    async fn list_audit_entries(
        &self,
        request: Request<ListAuditEntriesRequest>,
    ) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let query = AuditQuery {
            project: filter(&request.project, convert::project_name)?,
            env: filter(&request.env, convert::env_name)?,
            key: filter(&request.key, convert::key)?,
            since: request.start_time.map(|time| convert::time("start_time", &time)).transpose()?,
            until: request.end_time.map(|time| convert::time("end_time", &time)).transpose()?,
            oldest_first: request.oldest_first,
            ..AuditQuery::default()
        };
        let page = convert::page(request.page_size, request.page_token);
        answer(self.service.audit(&caller, query, &page).await)
    }

    async fn list_history(
        &self,
        request: Request<ListHistoryRequest>,
    ) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let path = convert::env_path("environment", request.environment.as_ref())?;
        let key = filter(&request.key, convert::key)?;
        let until = request.until.map(|until| convert::at("until", until)).transpose()?;
        let page = convert::page(request.page_size, request.page_token);
        answer(self.service.history(&caller, &path, key.as_ref(), until, &page).await)
    }

    async fn verify_audit(
        &self,
        request: Request<VerifyAuditRequest>,
    ) -> Result<Response<VerifyAuditResponse>, Status> {
        let caller = caller(&request)?;
        let expect = expected(request.get_ref()).map_err(status)?;
        let report = self.service.verify(&caller, expect).await.map_err(status)?;
        let (broken_sequence, explanation) = report
            .broken
            .as_ref()
            .map_or((0, String::new()), |broken| (broken.seq, broken.explanation.clone()));
        Ok(Response::new(VerifyAuditResponse {
            intact: report.is_intact(),
            head_sequence: report.head.seq,
            head_hash: report.head.hash.to_string(),
            row_count: report.rows,
            broken_sequence,
            explanation,
        }))
    }
}

/// Parses a filter. An empty text is no filter.
fn filter<T>(text: &str, parse: impl Fn(&str) -> Result<T, Status>) -> Result<Option<T>, Status> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn expected(request: &VerifyAuditRequest) -> Result<Option<Head>, Refusal> {
    if request.expect_sequence == 0 {
        return if request.expect_hash.is_empty() {
            Ok(None)
        } else {
            Err(Refusal::invalid(
                "expect_sequence",
                "expect_hash requires expect_sequence, which starts at 1",
            ))
        };
    }
    let hash: Hash = request
        .expect_hash
        .parse()
        .map_err(|error| Refusal::invalid("expect_hash", format!("invalid expect_hash: {error}")))?;
    Ok(Some(Head { seq: request.expect_sequence, hash }))
}

fn answer(page: Result<Page<NamedEntry>, Refusal>) -> Result<Response<ListAuditEntriesResponse>, Status> {
    let page = page.map_err(status)?;
    Ok(Response::new(ListAuditEntriesResponse {
        entries: page.items.iter().map(convert::entry).collect(),
        next_page_token: page.next.unwrap_or_default(),
    }))
}
