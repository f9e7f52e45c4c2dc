//! A provider for tests: books that can be created, read, changed, deleted and lost.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tfplugin_proto::value::{Type, Value};

use crate::framework::fields::Fields;
use crate::framework::{
    Attr, Attribute, Block, Catalog, Context, DataSource, Diagnostic, Diagnostics, EphemeralResource,
    Failure, Function, FunctionError, OpenResult, Parameter, Provider, RawFields, ReadResult, Readiness,
    Resource, Schema, Signature,
};
use crate::model;

model! {
    /// The provider block.
    pub(crate) struct Config {
        /// Unknown: not ready.
        root: String,
    }
}

model! {
    /// A book.
    pub(crate) struct Book {
        /// Its id, by its title.
        id: String,
        /// Compared without regard to case; a new title is a new book.
        title: String,
        /// How many; 100 by default.
        pages: u64,
        /// Anything.
        note: String,
        /// Given by the shelf when the author does not.
        place: u64,
        /// Nested values.
        tags: Vec<Attr<String>>,
        /// Grows with each change of title or pages.
        edition: u64,
    }
}

/// The stored books, by title in lower case.
pub(crate) struct Shelf {
    pub(crate) books: Mutex<BTreeMap<String, Book>>,
    ready: bool,
}

pub(crate) struct Library;

pub(crate) struct BookResource;

fn not_empty(value: &Value) -> Result<(), String> {
    if value.as_str() == Some("") { Err("It has at least one character.".to_owned()) } else { Ok(()) }
}

pub(crate) fn book_schema() -> Schema {
    fn same_title(prior: &Fields, planned: &Fields) -> bool {
        let title = |fields: &Fields| fields.get("title").and_then(Value::as_str).map(str::to_lowercase);
        title(prior).is_some() && title(prior) == title(planned)
    }
    fn same_note(prior: &Fields, planned: &Fields) -> bool {
        let note =
            |fields: &Fields| fields.get("note").and_then(Value::as_str).unwrap_or_default().to_owned();
        note(prior) == note(planned)
    }
    Schema::new(
        "A book.",
        vec![
            Attribute::computed("id", Type::String, "The id."),
            Attribute::required("title", Type::String, "The title.")
                .requires_replace()
                .validator(not_empty)
                .semantic_equality(same_title),
            Attribute::optional("pages", Type::Number, "Pages.").default(Value::from(100_u64)),
            Attribute::optional("note", Type::String, "Anything.").semantic_equality(same_note),
            Attribute::optional_computed("place", Type::Number, "The place."),
            Attribute::optional("tags", Type::list(Type::String), "Tags."),
            Attribute::computed("edition", Type::Number, "The edition.").recomputed_when(&["title", "pages"]),
        ],
    )
    .version(2)
}

fn known(book: &mut Book, edition: u64) {
    book.edition = Attr::Known(edition);
    if book.place.is_unknown() {
        book.place = Attr::Known(7);
    }
}

#[async_trait]
impl Resource<Shelf> for BookResource {
    type State = Book;

    fn type_name(&self) -> &'static str {
        "shelf_book"
    }

    fn schema(&self) -> Schema {
        book_schema()
    }

    fn validate(&self, config: &Book) -> Diagnostics {
        if config.note.known().is_some() && config.note == config.title {
            return Diagnostic::error("The note repeats the title", "Say something else.").at("note").into();
        }
        Diagnostics::new()
    }

    fn refine(&self, planned: &mut Book) {
        if let Some(title) = planned.title.known() {
            planned.id = Attr::Known(title.to_lowercase());
        }
    }

    async fn create(&self, cx: &mut Context<Shelf>, mut planned: Book) -> Result<Book, Failure<Book>> {
        cx.private.set("receipt", format!("for {}", planned.title.text()));
        match planned.title.text() {
            "refused" => return Err(Diagnostic::error("Refused", "There is no room.").into()),
            "half" => {
                let diagnostics = Diagnostic::error("Half done", "The label is missing.").into();
                return Err(Failure { diagnostics, state: Some(planned) });
            }
            "vague" => return Ok(planned),
            _ => known(&mut planned, 1),
        }
        let mut books = cx.session.books.lock().unwrap();
        books.insert(planned.id.text().to_owned(), planned.clone());
        Ok(planned)
    }

    async fn read(&self, cx: &mut Context<Shelf>, state: Book) -> Result<Option<Book>, Diagnostics> {
        if state.title.text() == "slow" {
            std::future::pending::<()>().await;
        }
        if state.title.text() == "burning" {
            return Err(Diagnostic::error("On fire", "Call someone.").into());
        }
        cx.private.set("read", "yes");
        Ok(cx.session.books.lock().unwrap().get(state.id.text()).cloned())
    }

    async fn update(
        &self,
        cx: &mut Context<Shelf>,
        prior: Book,
        mut planned: Book,
    ) -> Result<Book, Failure<Book>> {
        if planned.note.text() == "refused" {
            return Err(Diagnostic::error("Refused", "Not that note.").into());
        }
        if planned.edition.is_unknown() {
            known(&mut planned, prior.edition.known().unwrap_or(&0) + 1);
        }
        let mut books = cx.session.books.lock().unwrap();
        books.insert(planned.id.text().to_owned(), planned.clone());
        Ok(planned)
    }

    async fn delete(&self, cx: &mut Context<Shelf>, prior: Book) -> Result<(), Diagnostics> {
        if prior.note.text() == "chained" {
            return Err(Diagnostic::error("Chained", "Find the key.").into());
        }
        cx.session.books.lock().unwrap().remove(prior.id.text());
        Ok(())
    }

    fn import(&self, id: &str) -> Result<Book, Diagnostics> {
        if id == "?" {
            return Err(Diagnostic::error("No such id", "Ask.").into());
        }
        Ok(Book { id: id.into(), title: id.into(), ..Book::default() })
    }

    /// Version 1 called the title a name.
    fn upgrade(&self, version: i64, mut state: RawFields) -> Result<RawFields, Diagnostics> {
        if version != 1 {
            return Err(Diagnostic::error("Too old", "Begin again.").into());
        }
        if let Some(name) = state.remove("name") {
            state.insert("title".to_owned(), name);
        }
        Ok(state)
    }
}

/// As old as can be: it upgrades nothing.
pub(crate) struct Scroll;

model! {
    /// What closes a scroll.
    pub(crate) struct Seal {
        /// Not empty.
        color: String,
    }
}

model! {
    /// A scroll.
    pub(crate) struct ScrollState {
        /// Its text.
        text: String,
        /// Its seal.
        seal: Seal,
    }
}

pub(crate) fn scroll_schema() -> Schema {
    let color = Attribute::required("color", Type::String, "Its color.").validator(not_empty);
    Schema::new("A scroll.", vec![Attribute::optional("text", Type::String, "The text.")])
        .block(Block::single("seal", "The seal.", vec![color]))
        .version(1)
}

#[async_trait]
impl Resource<Shelf> for Scroll {
    type State = ScrollState;

    fn type_name(&self) -> &'static str {
        "shelf_scroll"
    }

    fn schema(&self) -> Schema {
        scroll_schema()
    }

    async fn create(
        &self,
        _cx: &mut Context<Shelf>,
        planned: ScrollState,
    ) -> Result<ScrollState, Failure<ScrollState>> {
        Ok(planned)
    }

    async fn read(
        &self,
        _cx: &mut Context<Shelf>,
        state: ScrollState,
    ) -> Result<Option<ScrollState>, Diagnostics> {
        Ok(Some(state))
    }

    async fn update(
        &self,
        _cx: &mut Context<Shelf>,
        _prior: ScrollState,
        planned: ScrollState,
    ) -> Result<ScrollState, Failure<ScrollState>> {
        Ok(planned)
    }

    async fn delete(&self, _cx: &mut Context<Shelf>, _prior: ScrollState) -> Result<(), Diagnostics> {
        Ok(())
    }

    fn import(&self, _id: &str) -> Result<ScrollState, Diagnostics> {
        Ok(ScrollState::default())
    }
}

pub(crate) struct Count;

model! {
    /// How many books.
    pub(crate) struct CountModel {
        /// Whose titles begin with this.
        prefix: String,
        /// The answer.
        count: u64,
    }
}

#[async_trait]
impl DataSource<Shelf> for Count {
    type Model = CountModel;

    fn type_name(&self) -> &'static str {
        "shelf_count"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "How many.",
            vec![
                Attribute::optional("prefix", Type::String, "Beginning."),
                Attribute::computed("count", Type::Number, "The answer."),
            ],
        )
    }

    async fn read(&self, session: &Shelf, config: CountModel) -> Result<ReadResult<CountModel>, Diagnostics> {
        let books = session.books.lock().unwrap();
        let count = books.keys().filter(|title| title.starts_with(config.prefix.text())).count();
        let mut found = ReadResult::from(CountModel { count: Attr::Known(count as u64), ..config });
        if found.result.prefix.text() == "the " {
            let warning = Diagnostic::warning("Counted by their articles", "Leave them out.").at("prefix");
            found.warnings.push(warning);
        }
        Ok(found)
    }
}

pub(crate) struct Loan;

model! {
    /// A book in someone's hand.
    pub(crate) struct LoanModel {
        /// The reader.
        reader: String,
        /// The slip.
        slip: String,
    }
}

/// When loans are renewed.
pub(crate) fn due(renewals: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 * (renewals + 1))
}

#[async_trait]
impl EphemeralResource<Shelf> for Loan {
    type Model = LoanModel;

    fn type_name(&self) -> &'static str {
        "shelf_loan"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A loan.",
            vec![
                Attribute::required("reader", Type::String, "The reader."),
                Attribute::computed("slip", Type::String, "The slip.").sensitive(),
            ],
        )
    }

    fn validate(&self, config: &LoanModel) -> Diagnostics {
        if config.reader.known().is_some_and(String::is_empty) {
            return Diagnostic::error("No reader", "Say who reads.").at("reader").into();
        }
        Diagnostics::new()
    }

    async fn open(
        &self,
        cx: &mut Context<Shelf>,
        config: LoanModel,
    ) -> Result<OpenResult<LoanModel>, Diagnostics> {
        cx.private.set("renewals", "0");
        let slip = Attr::Known(format!("slip of {}", config.reader.text()));
        let mut opened = OpenResult::new(LoanModel { slip, ..config });
        if opened.result.reader.text() == "forgetful" {
            opened.warnings.push(Diagnostic::warning("Lent before", "Ask for it back.").at("reader"));
        }
        opened.renew_at = Some(due(0));
        Ok(opened)
    }

    async fn renew(&self, cx: &mut Context<Shelf>) -> Result<Option<SystemTime>, Diagnostics> {
        let renewals: u64 = cx.private.get("renewals").unwrap_or_default().parse().map_err(|_| {
            Diagnostics::from(Diagnostic::error("The loan is lost", "Its renewals are not a number."))
        })?;
        cx.private.set("renewals", (renewals + 1).to_string());
        Ok(Some(due(renewals + 1)))
    }

    async fn close(&self, cx: &mut Context<Shelf>) -> Result<(), Diagnostics> {
        match cx.private.get("renewals") {
            Some(_) => Ok(()),
            None => Err(Diagnostic::error("Not a loan", "It was never opened.").into()),
        }
    }
}

/// It is never renewed, and closing needs nothing.
pub(crate) struct Glance;

#[async_trait]
impl EphemeralResource<Shelf> for Glance {
    type Model = LoanModel;

    fn type_name(&self) -> &'static str {
        "shelf_glance"
    }

    fn schema(&self) -> Schema {
        Loan.schema()
    }

    async fn open(
        &self,
        _cx: &mut Context<Shelf>,
        config: LoanModel,
    ) -> Result<OpenResult<LoanModel>, Diagnostics> {
        Ok(OpenResult::new(LoanModel { slip: "seen".into(), ..config }))
    }
}

pub(crate) struct Join;

impl Function for Join {
    fn name(&self) -> &'static str {
        "join_titles"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "Joins titles.",
            description: "Joins titles with a separator.",
            parameters: vec![Parameter::new("separator", Type::String, "Between titles.")],
            variadic: Some(Parameter::new("titles", Type::String, "The titles.")),
            returns: Type::String,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let texts: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
        let (separator, titles) = texts.split_first().expect("the framework checks the number of arguments");
        if let Some(position) = titles.iter().position(|title| title.is_empty()) {
            return Err(FunctionError::argument(position + 1, "A title has at least one character."));
        }
        Ok(Value::from(titles.join(separator)))
    }
}

#[async_trait]
impl Provider for Library {
    type Config = Config;
    type Session = Shelf;

    fn schema(&self) -> Schema {
        fn absolute(value: &Value) -> Result<(), String> {
            let absolute = value.as_str().is_some_and(|text| text.starts_with('/'));
            absolute.then_some(()).ok_or_else(|| "The root begins with a slash.".to_owned())
        }
        Schema::new(
            "A library.",
            vec![Attribute::optional("root", Type::String, "The root.").validator(absolute)],
        )
    }

    fn validate(&self, config: &Config) -> Diagnostics {
        if config.root.text() == "/dev/null" {
            return Diagnostic::warning("Nothing will last", "Choose another root.").at("root").into();
        }
        Diagnostics::new()
    }

    async fn configure(&self, terraform_version: &str, config: Config) -> Result<Shelf, Diagnostics> {
        if terraform_version == "0.11.0" {
            return Err(Diagnostic::error("Too old", "Use a newer host.").into());
        }
        Ok(Shelf { books: Mutex::default(), ready: !config.root.is_unknown() })
    }

    fn readiness(&self, session: &Shelf) -> Readiness {
        if session.ready {
            Readiness::Ready
        } else {
            Readiness::NotYet(Diagnostic::error("The root is not known yet", "Wait."))
        }
    }

    fn catalog(&self) -> Catalog<Shelf> {
        Catalog::new()
            .resource(BookResource)
            .resource(Scroll)
            .data_source(Count)
            .ephemeral(Loan)
            .ephemeral(Glance)
            .function(Join)
    }
}
