//! One release: its files, and the order in which they are written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::archive::{self, Entry};
use crate::{PackageError, Platform, manifest, signature};

/// The provider's name, with which every file name starts.
pub const PROVIDER: &str = "terraform-provider-kontraktor";

/// The inputs of a release.
#[derive(Debug, Clone)]
pub struct Release {
    /// The version, without a `v`.
    pub version: String,
    /// The provider's binaries.
    pub providers: BTreeMap<Platform, PathBuf>,
    /// The registry's manifest.
    pub manifest: PathBuf,
    /// The license, which is added to every archive.
    pub license: PathBuf,
    /// The gpg key to sign with.
    pub key: Option<String>,
}

impl Release {
    /// Writes the release to a directory, replacing an earlier one of the same version, and returns the paths of its files: the
    /// archives, the manifest, the checksums and, if there is a key, their signature.
    ///
    /// An earlier signature is removed first, and the checksums are written last: a release with checksums is complete.
    pub fn write(&self, out: &Path) -> Result<Vec<PathBuf>, PackageError> {
        let manifest = manifest::read(&self.manifest)?;
        for (platform, binary) in &self.providers {
            self.check_version(platform, binary)?;
        }
        fs::create_dir_all(out).map_err(PackageError::write(out))?;
        // In the same folder, so that a rename puts each file in place.
        let work = tempfile::tempdir_in(out).map_err(PackageError::write(out))?;

        let mut names = Vec::new();
        for (platform, binary) in &self.providers {
            let name = self.name(&format!("{platform}.zip"));
            archive::write(&work.path().join(&name), &self.entries(platform, binary))?;
            names.push(name);
        }
        let name = self.name("manifest.json");
        write(&work.path().join(&name), &manifest)?;
        names.push(name);
        names.sort();

        let sums = self.name("SHA256SUMS");
        let mut text = String::new();
        for name in &names {
            text.push_str(&format!("{}  {name}\n", sha256(&work.path().join(name))?));
        }
        write(&work.path().join(&sums), text.as_bytes())?;
        let signed = format!("{sums}.sig");
        if let Some(key) = &self.key {
            signature::sign(&work.path().join(&sums), &work.path().join(&signed), key)?;
        }

        for stale in [&signed, &sums] {
            remove(&out.join(stale))?;
        }
        names.push(sums);
        if self.key.is_some() {
            names.push(signed);
        }
        let mut written = Vec::new();
        for name in names {
            let path = out.join(&name);
            fs::rename(work.path().join(&name), &path).map_err(PackageError::write(&path))?;
            written.push(path);
        }
        Ok(written)
    }

    fn name(&self, rest: &str) -> String {
        format!("{PROVIDER}_{}_{rest}", self.version)
    }

    fn entries<'a>(&'a self, platform: &Platform, binary: &'a Path) -> [Entry<'a>; 2] {
        let name = format!("{PROVIDER}_v{}{}", self.version, platform.executable_suffix());
        [
            Entry { name: "LICENSE".to_owned(), source: &self.license, mode: 0o644 },
            Entry { name, source: binary, mode: 0o755 },
        ]
    }

    /// Only binaries for this machine's platform can be run.
    fn check_version(&self, platform: &Platform, binary: &Path) -> Result<(), PackageError> {
        if *platform != Platform::host() {
            return Ok(());
        }
        // A name without a folder would be looked for on the PATH.
        let program = fs::canonicalize(binary).map_err(PackageError::read(binary))?;
        let output = Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(PackageError::read(binary))?;
        let reported = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && reported == format!("{PROVIDER} {}", self.version) {
            return Ok(());
        }
        Err(PackageError::Stale { path: binary.to_path_buf(), reported, version: self.version.clone() })
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PackageError> {
    fs::write(path, bytes).map_err(PackageError::write(path))
}

fn remove(path: &Path) -> Result<(), PackageError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PackageError::write(path)(error)),
        _ => Ok(()),
    }
}

fn sha256(path: &Path) -> Result<String, PackageError> {
    let mut file = File::open(path).map_err(PackageError::read(path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = io::Read::read(&mut file, &mut buffer).map_err(PackageError::read(path))?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}
