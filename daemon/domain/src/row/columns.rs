//! The columns of every log, declared once. From here follow the order in which rows are hashed, and, in a store, how they
//! are appended and read, and the tables themselves.

use std::borrow::Cow;

use uuid::Uuid;

use super::{super::hash::FieldHasher, Row};

/// One log, which a store keeps in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The name of the table.
    pub table: &'static str,
    /// The version of the tables that had it first.
    pub since: u32,
    /// The columns that it has besides [`Log::COMMON`].
    pub own: &'static [Column],
}

/// One column of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub of: ColumnType,
    /// Whether it may be NULL.
    pub optional: bool,
    /// The version of the tables that had it first.
    pub since: u32,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A UUID.
    Uuid,
    /// A number of 64 bits.
    Number,
    /// A number of 32 bits.
    Count,
    /// Microseconds since 1970, UTC.
    Time,
    /// True or false.
    Flag,
}

/// What a row holds in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// Nothing.
    Null,
    /// [`ColumnType::Text`]
    Text(&'a str),
    /// [`ColumnType::Bytes`]
    Bytes(&'a [u8]),
    /// [`ColumnType::Uuid`]
    Uuid(Uuid),
    /// [`ColumnType::Number`]
    Number(u64),
    /// [`ColumnType::Count`]
    Count(u32),
    /// [`ColumnType::Time`]
    Time(i64),
    /// [`ColumnType::Flag`]
    Flag(bool),
}

/// Reads the columns of one row, one after the other. An optional column is None where it is NULL.
pub trait FieldReader {
    /// Why a column cannot be read.
    type Error;

    /// Reads a text.
    fn text(&mut self) -> Result<String, Self::Error>;
    /// Reads an optional text.
    fn optional_text(&mut self) -> Result<Option<String>, Self::Error>;
    /// Reads bytes.
    fn bytes(&mut self) -> Result<Vec<u8>, Self::Error>;
    /// Reads optional bytes.
    fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, Self::Error>;
    /// Reads a UUID.
    fn uuid(&mut self) -> Result<Uuid, Self::Error>;
    /// Reads an optional UUID.
    fn optional_uuid(&mut self) -> Result<Option<Uuid>, Self::Error>;
    /// Reads a number of 64 bits.
    fn number(&mut self) -> Result<u64, Self::Error>;
    /// Reads a number of 32 bits.
    fn count(&mut self) -> Result<u32, Self::Error>;
    /// Reads an optional number of 32 bits.
    fn optional_count(&mut self) -> Result<Option<u32>, Self::Error>;
    /// Reads a time.
    fn time(&mut self) -> Result<i64, Self::Error>;
    /// Reads a flag.
    fn flag(&mut self) -> Result<bool, Self::Error>;
}

/// A type of Rust for a type of column.
trait Value: Sized {
    const TYPE: ColumnType;
    const OPTIONAL: bool = false;
    /// The same, borrowing nothing.
    type Static;

    fn hash(&self, hasher: FieldHasher) -> FieldHasher;
    fn field(&self) -> Field<'_>;
    fn read<R: FieldReader>(reader: &mut R) -> Result<Self, R::Error>;
    fn into_owned(self) -> Self::Static;
}

impl Value for Cow<'_, str> {
    const TYPE: ColumnType = ColumnType::Text;
    type Static = Cow<'static, str>;

    fn hash(&self, hasher: FieldHasher) -> FieldHasher {
        hasher.text(self)
    }

    fn field(&self) -> Field<'_> {
        Field::Text(self)
    }

    fn read<R: FieldReader>(reader: &mut R) -> Result<Self, R::Error> {
        reader.text().map(Cow::Owned)
    }

    fn into_owned(self) -> Self::Static {
        Cow::Owned(self.into_owned())
    }
}

impl Value for Option<Cow<'_, str>> {
    const TYPE: ColumnType = ColumnType::Text;
    const OPTIONAL: bool = true;
    type Static = Option<Cow<'static, str>>;

    fn hash(&self, hasher: FieldHasher) -> FieldHasher {
        hasher.optional(self.as_deref().map(str::as_bytes))
    }

    fn field(&self) -> Field<'_> {
        self.as_deref().map_or(Field::Null, Field::Text)
    }

    fn read<R: FieldReader>(reader: &mut R) -> Result<Self, R::Error> {
        Ok(reader.optional_text()?.map(Cow::Owned))
    }

    fn into_owned(self) -> Self::Static {
        self.map(|text| Cow::Owned(text.into_owned()))
    }
}

/// Implements [`Value`] for a type that is copied: its column, how it is hashed, and the [`FieldReader`]'s method for it.
macro_rules! copied_value {
    ($($type:ty: $column:ident, |$value:ident, $hasher:ident| $hashed:expr, $read:ident;)*) => {$(
        impl Value for $type {
            const TYPE: ColumnType = ColumnType::$column;
            type Static = Self;

            fn hash(&self, $hasher: FieldHasher) -> FieldHasher {
                let $value = self;
                $hashed
            }

            fn field(&self) -> Field<'_> {
                Field::$column(*self)
            }

            fn read<R: FieldReader>(reader: &mut R) -> Result<Self, R::Error> {
                reader.$read()
            }

            fn into_owned(self) -> Self {
                self
            }
        }
    )*};
}

copied_value! {
    Uuid: Uuid, |id, hasher| hasher.bytes(id.as_bytes()), uuid;
    u64: Number, |number, hasher| hasher.number(*number), number;
    u32: Count, |count, hasher| hasher.number(u64::from(*count)), count;
    bool: Flag, |flag, hasher| hasher.flag(*flag), flag;
}

type Text<'a> = Cow<'a, str>;
type OptionalText<'a> = Option<Cow<'a, str>>;
type Id<'a> = Uuid;
type Number<'a> = u64;
type Count<'a> = u32;
type Flag<'a> = bool;

/// What a column's value adds to the hash of its row.
#[derive(Clone, Copy)]
enum Hashing {
    /// Itself, at its place.
    Hashed,
    /// Nothing: it follows from the hash.
    Derived,
    /// Nothing here: [`Row::hash_after`] adds it at the end.
    Setting,
}

impl Hashing {
    fn hash(self, hasher: FieldHasher, value: &impl Value) -> FieldHasher {
        match self {
            Self::Hashed => value.hash(hasher),
            Self::Derived | Self::Setting => hasher,
        }
    }
}

/// Declares the logs: name of the variant, constant, table, first version; and for each column, in the order in which rows
/// are hashed, the field, its type, the column's name, its first version, and how it is hashed.
macro_rules! logs {
    ($(
        $(#[$doc:meta])*
        $variant:ident $constant:ident $table:literal since $since:literal {
            $($(#[$field_doc:meta])* $field:ident: $type:ident = $column:literal since $field_since:literal $hashing:ident,)*
        }
    )*) => {
        /// The columns that each log has of its own.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum RowBody<'a> {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type<'a>,)* },)*
        }

        impl Log {
            $($(#[$doc])* pub const $constant: Self = Self {
                table: $table,
                since: $since,
                own: &[$(Column {
                    name: $column,
                    of: <$type<'static> as Value>::TYPE,
                    optional: <$type<'static> as Value>::OPTIONAL,
                    since: $field_since,
                },)*],
            };)*
        }

        /// Every log.
        pub const LOGS: &[Log] = &[$(Log::$constant,)*];

        impl RowBody<'_> {
            /// Returns the log that such rows belong to.
            pub fn log(&self) -> &'static Log {
                match self {
                    $(Self::$variant { .. } => const { &Log::$constant },)*
                }
            }

            /// Adds the columns of its own to the hash of a row.
            pub(super) fn hash(&self, hasher: FieldHasher) -> FieldHasher {
                match self {
                    $(Self::$variant { $($field,)* } => {
                        $(let hasher = Hashing::$hashing.hash(hasher, $field);)*
                        hasher
                    })*
                }
            }

            /// Hands over what the row holds in the columns of its own, in their order.
            fn fields<'b>(&'b self, mut each: impl FnMut(Field<'b>)) {
                match self {
                    $(Self::$variant { $($field,)* } => { $(each($field.field());)* })*
                }
            }

            /// Returns the same, borrowing nothing.
            pub(super) fn into_owned(self) -> RowBody<'static> {
                match self {
                    $(Self::$variant { $($field,)* } => RowBody::$variant { $($field: Value::into_owned($field),)* },)*
                }
            }
        }

        impl RowBody<'static> {
            fn read<R: FieldReader>(log: &Log, reader: &mut R) -> Result<Self, R::Error> {
                $(if log.table == $table {
                    return Ok(Self::$variant { $($field: Value::read(reader)?,)* });
                })*
                unreachable!("there are no other logs than those declared here")
            }
        }
    };
}

logs! {
    /// Projects.
    Project PROJECTS "project_log" since 1 {
        /// The name.
        name: Text = "project" since 1 Hashed,
        /// The word of a [`crate::ProjectOperation`].
        operation: Text = "operation" since 1 Hashed,
        /// Afterwards.
        description: Text = "description" since 1 Hashed,
        /// Afterwards.
        implicit: Flag = "implicit" since 1 Hashed,
        /// Afterwards.
        protected: Flag = "deletion_protection" since 2 Setting,
    }
    /// Environments.
    Environment ENVIRONMENTS "environment_log" since 1 {
        /// The environment.
        id: Id = "env_id" since 1 Hashed,
        /// Its project's name.
        project: Text = "project" since 1 Hashed,
        /// Its name.
        env: Text = "env" since 1 Hashed,
        /// The word of a [`crate::EnvironmentOperation`].
        operation: Text = "operation" since 1 Hashed,
        /// Afterwards.
        revision: Number = "revision" since 1 Hashed,
        /// Afterwards.
        description: Text = "description" since 1 Hashed,
        /// Afterwards.
        implicit: Flag = "implicit" since 1 Hashed,
        /// Afterwards.
        protected: Flag = "deletion_protection" since 2 Setting,
        /// Afterwards: a JSON array of `project/env`. None: it imports nothing.
        imports: OptionalText = "imports" since 2 Setting,
    }
    /// Variables and secret references.
    Variable VARIABLES "audit_variable_writes" since 1 {
        /// The row's own id. It follows from the row's hash ([`crate::Hash::to_uuid`]), so the chain covers it too.
        id: Id = "id" since 1 Derived,
        /// The environment.
        environment: Id = "env_id" since 1 Hashed,
        /// The key.
        key: Text = "key" since 1 Hashed,
        /// The word of a [`crate::VariableOperation`].
        operation: Text = "operation" since 1 Hashed,
        /// The environment's, afterwards.
        revision: Number = "revision" since 1 Hashed,
        /// The word of a [`crate::VariableKind`].
        value_type: Text = "type" since 1 Hashed,
        /// None: the key did not exist.
        old_value: OptionalText = "old_value" since 1 Hashed,
        /// None: the key was deleted.
        new_value: OptionalText = "new_value" since 1 Hashed,
        /// Of the new value, or of the deleted one.
        description: Text = "description" since 1 Hashed,
        /// Of the new value.
        protected: Flag = "deletion_protection" since 2 Setting,
    }
    /// Schemas of projects.
    Schema SCHEMAS "schema_log" since 2 {
        /// The project's name.
        project: Text = "project" since 2 Hashed,
        /// The schema's name.
        name: Text = "name" since 2 Hashed,
        /// The word of a [`crate::SchemaOperation`].
        operation: Text = "operation" since 2 Hashed,
        /// Afterwards; for a deletion, before.
        key_pattern: Text = "key_pattern" since 2 Hashed,
        /// Afterwards; for a deletion, before.
        schema: Text = "schema" since 2 Hashed,
    }
    /// Results of batches.
    Batch BATCHES "batch_log" since 1 {
        /// How many items the batch had.
        items: Count = "items" since 1 Hashed,
        /// Their results, encoded.
        results: Text = "results" since 1 Hashed,
    }
    /// Versions of secrets: the lockfile.
    Version VERSIONS "secret_version_log" since 3 {
        /// The environment.
        environment: Id = "env_id" since 3 Hashed,
        /// The key.
        key: Text = "key" since 3 Hashed,
        /// The reference that was resolved.
        reference: Text = "reference" since 3 Hashed,
        /// The vault's name for the version.
        version: Text = "version" since 3 Hashed,
    }
    /// Accesses to secrets, and denials.
    Access ACCESSES "audit_events" since 3 {
        /// The word of an [`crate::AccessOperation`]; for a denial of something else than a secret, the action follows it:
        /// `denied variable.write`.
        operation: Text = "operation" since 3 Hashed,
        /// None: the caller asked for a reference.
        project: OptionalText = "project" since 3 Hashed,
        /// None: the caller asked for a reference.
        env: OptionalText = "env" since 3 Hashed,
        /// None: the caller asked for no single key.
        key: OptionalText = "key" since 3 Hashed,
        /// The reference that was resolved; empty for none.
        reference: Text = "reference" since 3 Hashed,
        /// The vault's name for the version; empty for none.
        version: Text = "version" since 3 Hashed,
        /// From where; empty where it is unknown.
        peer: Text = "peer" since 3 Hashed,
        /// The number of equal accesses.
        count: Number = "count" since 3 Hashed,
        /// The word of a [`crate::Code`].
        problem: OptionalText = "problem" since 3 Hashed,
    }
    /// Role bindings.
    RoleBinding ROLE_BINDINGS "role_binding_log" since 4 {
        /// The word of a [`crate::RoleBindingOperation`].
        operation: Text = "operation" since 4 Hashed,
        /// The role's name.
        role: Text = "role" since 4 Hashed,
        /// To whom.
        subject: Text = "subject" since 4 Hashed,
        /// On what.
        pattern: Text = "pattern" since 4 Hashed,
    }
    /// Service accounts.
    ServiceAccount SERVICE_ACCOUNTS "service_account_log" since 4 {
        /// The name.
        name: Text = "name" since 4 Hashed,
        /// The word of a [`crate::ServiceAccountOperation`].
        operation: Text = "operation" since 4 Hashed,
        /// Its identifier at the token endpoint.
        client_id: Text = "client_id" since 4 Hashed,
        /// Afterwards.
        description: Text = "description" since 4 Hashed,
        /// Afterwards: names with blanks between them.
        scopes: Text = "scopes" since 4 Hashed,
        /// Afterwards: a JSON array of hashes, first characters and times. None: it has none.
        secrets: OptionalText = "secrets" since 4 Hashed,
        /// Afterwards, in PEM.
        public_key: OptionalText = "public_key" since 4 Hashed,
    }
    /// Readable names of actors.
    Actor ACTORS "actor_log" since 5 {
        /// The name that the row's own actor has from then on.
        display_name: Text = "display_name" since 5 Hashed,
    }
}

const fn common(name: &'static str, of: ColumnType, optional: bool) -> Column {
    Column { name, of, optional, since: 1 }
}

impl Log {
    /// The columns that every log has.
    pub const COMMON: &[Column] = &[
        common("seq", ColumnType::Number, false),
        common("ts", ColumnType::Time, false),
        common("actor", ColumnType::Text, false),
        common("via", ColumnType::Text, false),
        common("batch_id", ColumnType::Uuid, true),
        common("batch_digest", ColumnType::Bytes, true),
        common("batch_item", ColumnType::Count, true),
        common("hash", ColumnType::Bytes, false),
    ];

    /// Returns all columns, in the order of [`Row::fields`] and [`Row::read`].
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        Self::COMMON.iter().chain(self.own)
    }
}

impl Row<'_> {
    /// Returns what the row holds in each of [`Log::columns`].
    pub fn fields(&self) -> Vec<Field<'_>> {
        let mut fields = Vec::with_capacity(Log::COMMON.len() + self.body.log().own.len());
        fields.extend([
            Field::Number(self.seq),
            Field::Time(self.at_us),
            Field::Text(&self.actor),
            Field::Text(&self.via),
            self.batch_id.map_or(Field::Null, Field::Uuid),
            self.batch_digest.as_deref().map_or(Field::Null, Field::Bytes),
            self.batch_item.map_or(Field::Null, Field::Count),
            Field::Bytes(&self.hash),
        ]);
        self.body.fields(|field| fields.push(field));
        fields
    }
}

impl Row<'static> {
    /// Reads a row of a log, column by column in the order of [`Log::columns`].
    pub fn read<R: FieldReader>(log: &Log, reader: &mut R) -> Result<Self, R::Error> {
        Ok(Self {
            seq: reader.number()?,
            at_us: reader.time()?,
            actor: Cow::Owned(reader.text()?),
            via: Cow::Owned(reader.text()?),
            batch_id: reader.optional_uuid()?,
            batch_digest: reader.optional_bytes()?.map(Cow::Owned),
            batch_item: reader.optional_count()?,
            hash: Cow::Owned(reader.bytes()?),
            body: RowBody::read(log, reader)?,
        })
    }
}
