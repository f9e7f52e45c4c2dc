//! Credentials on their way from files and environment variables into requests, in buffers that are wiped. It does not know
//! what they are for.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use bytes::Bytes;
use kontraktor_hardening::file::{OpenError, Rule, open};
use serde::Serialize;
use zeroize::Zeroizing;

/// The largest file of a credential or of certificates.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a file. The error names the setting, the file and what is wrong, with the remedy where others may have written it.
pub(super) fn file(setting: &str, path: &Path, rule: Rule) -> Result<Zeroizing<Vec<u8>>, String> {
    let failed =
        |error: &io::Error| format!("`{setting}` {} cannot be read: {}", path.display(), error.kind());
    let file = open(path, rule).map_err(|error| match error {
        OpenError::Io(error) => failed(&error),
        OpenError::Untrusted(untrusted) => format!("`{setting}` {} {untrusted}", path.display()),
    })?;
    let length = file.metadata().map_err(|error| failed(&error))?.len().min(MAX_FILE_BYTES);
    // One byte more than expected, so that the vector never grows.
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content).map_err(|error| failed(&error))?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(format!(
            "`{setting}` {} is larger than the limit of {MAX_FILE_BYTES} bytes",
            path.display()
        ));
    }
    Ok(content)
}

/// Reads a credential of one line from a file, without surrounding blanks and newlines.
pub(super) fn line(setting: &str, path: &Path, rule: Rule) -> Result<Zeroizing<String>, String> {
    let content = file(setting, path, rule)?;
    single(&content)
        .ok_or_else(|| format!("`{setting}` {} must contain one line of printable ASCII", path.display()))
}

/// Reads a credential from an environment variable.
pub(super) fn variable(setting: &str, name: &str) -> Result<Zeroizing<String>, String> {
    use std::os::unix::ffi::OsStringExt as _;

    let value = std::env::var_os(name).map(|value| Zeroizing::new(value.into_vec()));
    let value = value.ok_or_else(|| format!("`{setting}`: environment variable {name} is not set"))?;
    single(&value)
        .ok_or_else(|| format!("`{setting}`: environment variable {name} must contain printable ASCII"))
}

fn single(content: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(content.trim_ascii()).ok()?;
    let printable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    printable.then(|| Zeroizing::new(text.to_owned()))
}

/// Identifies the state of a file without reading it. Two stamps of a missing file are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(Option<[i128; 4]>);

impl Stamp {
    pub(super) fn of(path: &Path) -> Self {
        let metadata = fs::metadata(path).ok();
        Self(metadata.map(|metadata| {
            let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
            [metadata.dev().into(), metadata.ino().into(), metadata.len().into(), modified]
        }))
    }
}

/// Serializes the JSON of a request into a buffer that is wiped after the request.
pub(super) fn json(body: &impl Serialize) -> Bytes {
    let mut size = Size(0);
    let mut text = Zeroizing::new(Vec::new());
    // Twice, because a vector that grows leaves unwiped copies behind.
    let written = serde_json::to_writer(&mut size, body).and_then(|()| {
        text.reserve_exact(size.0);
        serde_json::to_writer(&mut *text, body)
    });
    written.expect("maps with string keys serialize to JSON in memory");
    Bytes::from_owner(text)
}

struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0 += piece.len();
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_one_line_without_trailing_newlines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credential");
        let read = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            line("auth.token_file", &path, Rule::Secret).map(|text| text.to_string())
        };
        assert_eq!(read(b" hvs.abc\r\n\n").unwrap(), "hvs.abc");
        for wrong in [&b""[..], b"\n", b"hunter2\nhunter2", b"hunter2 \x07hunter2", b"hunter2\xff"] {
            let problem = read(wrong).unwrap_err();
            assert!(
                problem.contains("one line of printable ASCII") && !problem.contains("hunter2"),
                "{problem}"
            );
        }
        assert!(read(&vec![b'a'; 1024 * 1024]).is_ok());
        let problem = read(&vec![b'a'; 1024 * 1024 + 1]).unwrap_err();
        assert!(problem.ends_with("is larger than the limit of 1048576 bytes"), "{problem}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let missing = line("auth.jwt_file", &folder.path().join("jwt"), Rule::Trusted).unwrap_err();
        assert!(
            missing.starts_with("`auth.jwt_file` /")
                && missing.ends_with("/jwt cannot be read: entity not found")
        );
        assert!(line("auth.jwt_file", folder.path(), Rule::Trusted).unwrap_err().contains("cannot be read"));
        let problem = variable("auth.token_env", "KONTRAKTOR_NO_SUCH_VARIABLE").unwrap_err();
        assert_eq!(problem, "`auth.token_env`: environment variable KONTRAKTOR_NO_SUCH_VARIABLE is not set");
    }

    #[test]
    fn a_file_that_others_can_write_is_refused_with_its_setting() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "hunter2").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
        let problem = line("auth.token_file", &path, Rule::Secret).unwrap_err();
        insta::assert_snapshot!(problem.replace(&path.display().to_string(), "FILE"), @"`auth.token_file` FILE has mode 0622, which lets other users change it. Check its content and run `chmod go-w` on it");
    }

    #[test]
    fn a_replaced_file_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (path, new) = (folder.path().join("token"), folder.path().join("new"));
        let none = Stamp::of(&path);
        assert_eq!(none, Stamp::of(&path));
        fs::write(&path, "a").unwrap();
        let first = Stamp::of(&path);
        assert_ne!(none, first);
        assert_eq!(first, Stamp::of(&path));
        // Of the same length and, on a coarse clock, of the same time.
        fs::write(&new, "b").unwrap();
        fs::rename(&new, &path).unwrap();
        assert_ne!(first, Stamp::of(&path));
    }
}
