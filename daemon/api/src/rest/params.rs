//! What a request says beside its body: its caller, the names in its path, and its query.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use axum::extract::{FromRequestParts, RawPathParams};
use http::{HeaderName, Uri, request::Parts};
use jiff::Timestamp;
use kontraktor_access::Caller;
use kontraktor_domain::{Code, Refusal};
use kontraktor_model::names::{AccountName, EnvPath, Key, NameError, ProjectName, SchemaName};
use kontraktor_service::{Order, PageRequest, SortKey};
use kontraktor_store::PointInTime;
use uuid::Uuid;

use super::{Rest, prefer::Prefer, problem::Problem, verbs};

/// The header that names a batch.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Who calls, as the authentication layer found out.
pub(super) struct By(pub(super) Arc<Caller>);

impl<S: Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Arc<Caller>>().cloned();
        caller.map(Self).ok_or_else(|| Refusal::new(Code::Denied, "the request has no caller").into())
    }
}

/// The names in the path, decoded.
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn project(&self) -> Result<ProjectName, Problem> {
        self.parsed("project")
    }

    pub(super) fn schema(&self) -> Result<SchemaName, Problem> {
        self.parsed("schema").map_err(|problem| problem.renamed("name", "schema"))
    }

    pub(super) fn environment(&self) -> Result<EnvPath, Problem> {
        Ok(EnvPath::new(self.get("project"), self.get("env"))?)
    }

    pub(super) fn account(&self) -> Result<AccountName, Problem> {
        self.parsed("account").map_err(|problem| problem.renamed("name", "account"))
    }

    /// The account of an operation with a verb.
    pub(super) fn account_before(&self, verb: &str) -> Result<AccountName, Problem> {
        let name = verbs::before(self.get("account"), verb, "GET,HEAD,DELETE")?;
        let account = name.parse::<AccountName>().map_err(Problem::from);
        account.map_err(|problem| problem.renamed("name", "account"))
    }

    pub(super) fn key(&self) -> Result<Key, Problem> {
        self.parsed("key")
    }

    /// The text itself, where no rule for names holds.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name)
    }

    fn parsed<T: FromStr<Err = NameError>>(&self, name: &str) -> Result<T, Problem> {
        Ok(self.get(name).parse::<T>()?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Names {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let names = RawPathParams::from_request_parts(parts, state).await.map_err(|_| {
            Problem::from(Refusal::new(Code::Invalid, "the path is not UTF-8 after percent-decoding"))
        })?;
        Ok(Self(names.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()))
    }
}

/// The query, of which every parameter must be known and occur once.
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the query; `known` are the parameters of the resource.
    pub(super) fn of(uri: &Uri, known: &[&'static str]) -> Result<Self, Problem> {
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let Some(known) = known.iter().find(|known| **known == name) else {
                return Err(unknown(&name, known));
            };
            if found.insert((*known).to_owned(), value.into_owned()).is_some() {
                return Err(Problem::invalid(known, format!("the parameter {known} occurs twice")));
            }
        }
        Ok(Self(found))
    }

    /// The text of a parameter; an empty one is absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn name<T: FromStr<Err = NameError>>(&self, name: &'static str) -> Result<Option<T>, Problem> {
        self.text(name).map(str::parse).transpose().map_err(|error: NameError| {
            let field = error.field();
            Problem::from(error).renamed(field, name)
        })
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::invalid(name, format!("invalid {name}: expected true or false"))),
        }
    }

    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>, Problem> {
        let invalid = || Problem::invalid(name, format!("invalid {name}: expected a whole number"));
        self.text(name).map(|text| text.parse().map_err(|_| invalid())).transpose()
    }

    pub(super) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        self.text(name).map(|text| text.parse().map_err(|_| not_a_time(name))).transpose()
    }

    /// A revision, or a time.
    pub(super) fn at(&self, name: &'static str) -> Result<Option<PointInTime>, Problem> {
        self.text(name).map(|text| point_in_time(name, text)).transpose()
    }

    /// The page that is asked for, in the order that `sort` asks for: by `name` or by `time`, as the list calls these.
    pub(super) fn sorted_page(
        &self,
        rest: &Rest,
        prefer: &Prefer,
        name: &'static str,
        time: &'static str,
    ) -> Result<PageRequest, Problem> {
        let sort = self.text("sort").unwrap_or(name);
        let (key, descending) = sort.strip_prefix('-').map_or((sort, false), |key| (key, true));
        let by = match key {
            key if key == name => SortKey::Name,
            key if key == time => SortKey::Time,
            _ => {
                let expected = format!("invalid sort: expected {name}, -{name}, {time} or -{time}");
                return Err(Problem::invalid("sort", expected));
            }
        };
        Ok(PageRequest { order: Order { by, descending }, ..self.page(rest, prefer)? })
    }

    /// The page that is asked for, and its size where the request limits it.
    pub(super) fn page(&self, rest: &Rest, prefer: &Prefer) -> Result<PageRequest, Problem> {
        let asked = self.number("page_size")?.map(|size| u32::try_from(size).unwrap_or(u32::MAX));
        if asked == Some(0) {
            return Err(Problem::invalid("page_size", "invalid page_size: expected a number from 1 to 1000"));
        }
        let size = asked.into_iter().chain(prefer.max_page_size).min();
        let token = self.text("cursor").map(|cursor| rest.cursors.open(cursor)).transpose()?;
        Ok(PageRequest { size, token, ..PageRequest::default() })
    }
}

/// Parses a revision, or a time of RFC 3339.
pub(super) fn point_in_time(field: &'static str, text: &str) -> Result<PointInTime, Problem> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(PointInTime::Revision).map_err(|_| not_a_point(field));
    }
    text.parse().map(PointInTime::Time).map_err(|_| not_a_point(field))
}

fn not_a_point(field: &'static str) -> Problem {
    Problem::invalid(
        field,
        format!("invalid {field}: expected a revision, or a time such as 2026-05-01T12:00:00Z"),
    )
}

fn not_a_time(field: &'static str) -> Problem {
    Problem::invalid(field, format!("invalid {field}: expected a time such as 2026-05-01T12:00:00Z"))
}

/// Does not repeat the name: it may be a credential in the wrong place.
fn unknown(name: &str, known: &[&'static str]) -> Problem {
    if matches!(name, "access_token" | "token" | "oauth_token" | "client_secret") {
        return Refusal::invalid("query", "credentials in the URL are refused: proxies and logs keep them")
            .remedy("send the token in the header Authorization, and replace the one that was sent")
            .into();
    }
    let expected = match known {
        [] => "the resource has no parameters".to_owned(),
        known => format!("expected one of {}", known.join(", ")),
    };
    Problem::invalid("query", format!("unknown parameter; {expected}"))
}

/// The id of a batch: a UUID, in quotes or without. `None`: the client named none.
pub(super) struct IdempotencyKey(Option<Uuid>);

impl IdempotencyKey {
    /// Returns the client's id, or a new one.
    pub(super) fn or_new(self) -> Uuid {
        self.0.unwrap_or_else(Uuid::now_v7)
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(sent) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(Self(None)) };
        let text = sent.to_str().unwrap_or_default().trim();
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        match Uuid::parse_str(text) {
            Ok(id) if !id.is_nil() => Ok(Self(Some(id))),
            _ => Err(Refusal::invalid("idempotency-key", "invalid header Idempotency-Key: expected a UUID")
                .remedy("send a new UUID with each batch, and the same one again only to repeat that batch")
                .into()),
        }
    }
}
