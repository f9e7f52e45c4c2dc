//! Every limit of the API, in one place. It owns the figures; the checks live beside what they check.

/// A value's text, in bytes of UTF-8: 64 KiB. Holds for the author's text and for the canonical text alike.
pub const MAX_VALUE_BYTES: usize = 65_536;

/// A description, in bytes of UTF-8.
pub const MAX_DESCRIPTION_BYTES: usize = 1_024;

/// The name of a project or an environment, in characters; all of them are ASCII.
pub const MAX_NAME_CHARS: usize = 63;

/// A variable's key, in characters; all of them are ASCII.
pub const MAX_KEY_CHARS: usize = 255;

/// Significant digits of a number, leading and trailing zeros not counted.
pub const MAX_NUMBER_DIGITS: usize = 1_000;

/// The power of ten of a number's first significant digit lies between minus this and this.
pub const MAX_NUMBER_EXPONENT: i64 = 1_000;

/// Arrays and objects inside each other in a JSON value.
pub const MAX_JSON_DEPTH: usize = 128;

/// Environments that one environment imports directly.
pub const MAX_IMPORTS: usize = 64;

/// The text of a JSON Schema, in bytes of UTF-8: 64 KiB.
pub const MAX_SCHEMA_BYTES: usize = 65_536;

/// The regular expression that says which keys a schema is for, in bytes of UTF-8.
pub const MAX_KEY_PATTERN_BYTES: usize = 1_024;

/// JSON Schemas of one project.
pub const MAX_SCHEMAS: usize = 256;

/// A secret reference, in bytes of UTF-8: 4 KiB.
pub const MAX_REFERENCE_BYTES: usize = 4_096;

/// A secret in one message, in bytes: 64 KiB.
pub const MAX_SECRET_MESSAGE_BYTES: usize = 65_536;

/// A secret that is streamed, in bytes: 16 MiB.
pub const MAX_SECRET_BYTES: usize = 16 * 1024 * 1024;

/// Secrets of one request.
pub const MAX_SECRET_TARGETS: usize = 1_000;

/// Items of one batch.
pub const MAX_BATCH_ITEMS: usize = 10_000;

/// One request, in bytes: 64 MiB.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// One answer, in bytes: 1 GiB. Wider than a request, because a snapshot holds a whole environment.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024 * 1024;

/// Entries of one page of a list.
pub const MAX_PAGE_SIZE: u32 = 1_000;

/// Entries of one page of the log where the request does not say.
pub const DEFAULT_AUDIT_PAGE_SIZE: u32 = 100;

/// The subject of a role binding, in bytes of UTF-8.
pub const MAX_SUBJECT_BYTES: usize = 512;

/// Role bindings of one daemon: each is in memory, and those of a caller are looked at in every request.
pub const MAX_ROLE_BINDINGS: usize = 100_000;

/// Role bindings of one subject.
pub const MAX_ROLE_BINDINGS_OF_SUBJECT: usize = 1_000;

/// Service accounts of one daemon.
pub const MAX_SERVICE_ACCOUNTS: usize = 10_000;

/// The public key of a service account, in bytes of PEM.
pub const MAX_PUBLIC_KEY_BYTES: usize = 8_192;

/// Readable names of actors of one daemon: each is in memory.
pub const MAX_DISPLAY_NAMES: usize = 100_000;

/// How many names a refusal lists before it only counts.
pub const MAX_LISTED_NAMES: usize = 20;

/// The name that a client gives itself in the metadata [`VIA_METADATA`], in characters of `[a-z0-9-]`.
pub const MAX_VIA_CHARS: usize = 32;

/// The metadata key under which a client says what it is (`terraform`, `ktr`).
pub const VIA_METADATA: &str = "kontraktor-via";

/// The client's name in the log where a client did not send one.
pub const DEFAULT_VIA: &str = "api";
