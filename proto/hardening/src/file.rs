//! Opening files that decide what this process does, or that hold its secrets.
//!
//! A file is trusted if nobody but this process's user and root can have written it. What is checked is the file that was
//! opened, so nobody can exchange it in between.

use std::{
    fmt,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::{fcntl::OFlag, unistd::geteuid};

/// Rights of the group and of others to write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// The right of everyone to read.
const READABLE_BY_ALL: u32 = 0o004;

/// What a file is for, which decides what is accepted.
///
/// Each file belongs to this process's user or to root, and neither its group nor others may write it. Devices are the
/// exception: writing to one does not change what is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Data that this process writes: a regular file with a single name. Links are not followed, because a write through a
    /// link that another user planted would destroy a file that it leads to.
    Data,
    /// Configuration, certificates, and credentials that are meant to be readable. It may be a link of this user's or of
    /// root's: Kubernetes mounts ConfigMaps, Secrets and the tokens of service accounts as links into `..data`, which is
    /// itself a link, to files of mode 0644 that root owns.
    Trusted,
    /// As [`Self::Trusted`], and a private key: refused where all users can read it. Its group may, as on Debian (`ssl-cert`) and
    /// in Kubernetes (`fsGroup`).
    PrivateKey,
    /// As [`Self::Trusted`], and holds a secret. A file that all users can read is used with a warning, and not refused as
    /// ssh(1) does, because 0644 is the mode in which Kubernetes mounts Secrets.
    Secret,
}

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another user may have written it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
}

/// Why a file is not trusted, and what to do: a predicate whose subject is the file's path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Untrusted(Reason);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Owner { found: u32, expected: u32 },
    LinkOwner { found: u32, expected: u32 },
    Mode(u32),
    Readable(u32),
    Link,
    HardLinks(u64),
    NotAFile,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner { found, expected } => write!(
                f,
                "is owned by uid {found}; expected uid {expected} or root. Check its content and run `chown {expected}` on \
                 it, or run this program as its owner"
            ),
            Self::LinkOwner { found, expected } => write!(
                f,
                "is a symbolic link that is owned by uid {found}; expected uid {expected} or root. Remove it, or name the \
                 file itself"
            ),
            Self::Mode(mode) => write!(
                f,
                "has mode {mode:04o}, which lets other users change it. Check its content and run `chmod go-w` on it"
            ),
            Self::Readable(mode) => write!(
                f,
                "has mode {mode:04o}, which lets all users read a private key. Replace the key if others may have read it, and \
                 run `chmod 600` on it"
            ),
            Self::Link => f.write_str("is a symbolic link. Remove it, or replace it with the file itself"),
            Self::HardLinks(names) => write!(
                f,
                "has {names} names (hard links), so that a write to it would change another file. Replace it with a copy"
            ),
            Self::NotAFile => f.write_str("is not a regular file. Remove it"),
        }
    }
}

/// Opens a file for reading.
pub fn open(path: &Path, rule: Rule) -> Result<File, OpenError> {
    open_with(OpenOptions::new().read(true), path, rule)
}

/// Opens a file. The options must not truncate it: that would happen before it is checked.
pub fn open_with(options: &mut OpenOptions, path: &Path, rule: Rule) -> Result<File, OpenError> {
    let uid = geteuid().as_raw();
    let link = fs::symlink_metadata(path).ok().filter(Metadata::is_symlink);
    match (rule, link) {
        (Rule::Data, Some(_)) => return Err(Untrusted(Reason::Link).into()),
        (_, Some(link)) if !is_trusted_owner(link.uid(), uid) => {
            return Err(Untrusted(Reason::LinkOwner { found: link.uid(), expected: uid }).into());
        }
        _ => {}
    }
    if rule == Rule::Data {
        // A FIFO in the file's place must not make the open wait for its other end.
        options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    check(&metadata, rule, uid)?;
    if rule == Rule::Secret && metadata.mode() & READABLE_BY_ALL != 0 {
        let mode = format!("{:04o}", metadata.mode() & 0o7777);
        tracing::warn!(
            path = %path.display(),
            mode,
            "all users can read a file that holds a secret; run `chmod o-r` on it"
        );
    }
    Ok(file)
}

/// Opens a file and reads it.
pub fn read(path: &Path, rule: Rule) -> Result<Vec<u8>, OpenError> {
    let mut content = Vec::new();
    open(path, rule)?.read_to_end(&mut content)?;
    Ok(content)
}

/// Opens a file and reads it as UTF-8.
pub fn read_to_string(path: &Path, rule: Rule) -> Result<String, OpenError> {
    let mut content = String::new();
    open(path, rule)?.read_to_string(&mut content)?;
    Ok(content)
}

/// Checks what lies in a directory that only this process's user can write to: a file by [`Rule::Data`], a directory by its
/// owner and mode. `metadata` is that of the entry, and not of what a link leads to.
pub fn check_entry(metadata: &Metadata) -> Result<(), Untrusted> {
    let uid = geteuid().as_raw();
    if metadata.is_dir() { check(metadata, Rule::Trusted, uid) } else { check(metadata, Rule::Data, uid) }
}

fn check(metadata: &Metadata, rule: Rule, uid: u32) -> Result<(), Untrusted> {
    if rule == Rule::Data && metadata.is_symlink() {
        return Err(Untrusted(Reason::Link));
    }
    if !is_trusted_owner(metadata.uid(), uid) {
        return Err(Untrusted(Reason::Owner { found: metadata.uid(), expected: uid }));
    }
    if rule == Rule::Data && !metadata.is_file() {
        return Err(Untrusted(Reason::NotAFile));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 && !metadata.file_type().is_char_device() {
        return Err(Untrusted(Reason::Mode(metadata.mode() & 0o7777)));
    }
    if rule == Rule::PrivateKey && metadata.mode() & READABLE_BY_ALL != 0 {
        return Err(Untrusted(Reason::Readable(metadata.mode() & 0o7777)));
    }
    if rule == Rule::Data && metadata.nlink() > 1 {
        return Err(Untrusted(Reason::HardLinks(metadata.nlink())));
    }
    Ok(())
}

fn is_trusted_owner(owner: u32, uid: u32) -> bool {
    owner == uid || owner == 0
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::{PermissionsExt as _, chown, symlink},
        path::PathBuf,
    };

    use nix::{sys::stat::Mode, unistd::mkfifo};
    use tempfile::TempDir;

    use super::*;

    const RULES: [Rule; 4] = [Rule::Data, Rule::Trusted, Rule::Secret, Rule::PrivateKey];

    /// Returns a file of mode 0600 in a directory of its own.
    fn scene() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "content").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        (folder, path)
    }

    fn refusal(path: &Path, rule: Rule) -> String {
        match open(path, rule) {
            Err(OpenError::Untrusted(untrusted)) => untrusted.to_string(),
            other => panic!("{rule:?}: {other:?}"),
        }
    }

    #[test]
    fn a_file_that_others_can_write_is_refused_and_one_that_they_can_read_is_not() {
        let (_folder, path) = scene();
        for rule in RULES {
            for good in [0o600, 0o400, 0o640, 0o644] {
                if rule == Rule::PrivateKey && good == 0o644 {
                    continue;
                }
                fs::set_permissions(&path, fs::Permissions::from_mode(good)).unwrap();
                assert_eq!(read_to_string(&path, rule).unwrap(), "content", "{good:o}");
            }
            for bad in [0o620, 0o602, 0o666, 0o664] {
                fs::set_permissions(&path, fs::Permissions::from_mode(bad)).unwrap();
                let refusal = refusal(&path, rule);
                assert!(
                    refusal.contains(&format!("mode {bad:04o}")) && refusal.contains("chmod go-w"),
                    "{refusal}"
                );
            }
        }
    }

    #[test]
    fn a_private_key_that_all_can_read_is_refused() {
        let (_folder, path) = scene();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        insta::assert_snapshot!(refusal(&path, Rule::PrivateKey), @"has mode 0644, which lets all users read a private key. Replace the key if others may have read it, and run `chmod 600` on it");
    }

    #[test]
    fn data_is_a_regular_file_with_one_name_and_nothing_is_followed() {
        let (folder, path) = scene();
        let planted = |name: &str| folder.path().join(name);
        symlink(&path, planted("link")).unwrap();
        symlink(planted("nothing"), planted("dangling")).unwrap();
        mkfifo(&planted("fifo"), Mode::S_IRWXU).unwrap();
        insta::assert_snapshot!(refusal(&planted("link"), Rule::Data), @"is a symbolic link. Remove it, or replace it with the file itself");
        insta::assert_snapshot!(refusal(&planted("dangling"), Rule::Data), @"is a symbolic link. Remove it, or replace it with the file itself");
        insta::assert_snapshot!(refusal(&planted("fifo"), Rule::Data), @"is not a regular file. Remove it");
        let mut create = OpenOptions::new();
        create.write(true).create(true);
        assert!(matches!(
            open_with(&mut create, &planted("dangling"), Rule::Data),
            Err(OpenError::Untrusted(_))
        ));
        assert!(!planted("nothing").exists());
        fs::hard_link(&path, planted("other name")).unwrap();
        insta::assert_snapshot!(refusal(&path, Rule::Data), @"has 2 names (hard links), so that a write to it would change another file. Replace it with a copy");
        for entry in fs::read_dir(folder.path()).unwrap() {
            assert!(check_entry(&entry.unwrap().metadata().unwrap()).is_err());
        }
    }

    /// As Kubernetes mounts the token of a service account: links of root's to a file that all can read.
    #[test]
    fn a_projected_token_is_read_through_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("..2026_05_01")).unwrap();
        fs::write(at("..2026_05_01/token"), "jwt").unwrap();
        fs::set_permissions(at("..2026_05_01/token"), fs::Permissions::from_mode(0o644)).unwrap();
        symlink("..2026_05_01", at("..data")).unwrap();
        symlink("..data/token", at("token")).unwrap();
        assert_eq!(read(&at("token"), Rule::Trusted).unwrap(), b"jwt");
        assert_eq!(read(&at("token"), Rule::Secret).unwrap(), b"jwt");
    }

    #[test]
    fn a_device_is_read_although_all_can_write_to_it() {
        assert_eq!(read(Path::new("/dev/null"), Rule::Trusted).unwrap(), b"");
    }

    #[test]
    fn a_missing_file_is_an_error_of_the_system() {
        let (folder, _) = scene();
        let missing = open(&folder.path().join("missing"), Rule::Data);
        assert!(matches!(missing, Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound));
    }

    #[test]
    fn a_file_or_a_link_of_another_user_is_refused() {
        let (folder, path) = scene();
        let uid = geteuid().as_raw();
        let other = uid + 1;
        let metadata = fs::metadata(&path).unwrap();
        if uid != 0 {
            // What belongs to us belongs to another user for everyone else.
            for rule in RULES {
                assert!(check(&metadata, rule, other).is_err());
            }
            eprintln!("only root can give a file to another user: that part is skipped");
            return;
        }
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(other), None).unwrap();
        for rule in [Rule::Trusted, Rule::Secret] {
            assert!(refusal(&link, rule).starts_with("is a symbolic link that is owned by uid 1;"));
        }
        chown(&path, Some(other), None).unwrap();
        for rule in RULES {
            insta::allow_duplicates! {
                insta::assert_snapshot!(refusal(&path, rule), @"is owned by uid 1; expected uid 0 or root. Check its content and run `chown 0` on it, or run this program as its owner");
            }
        }
    }
}
