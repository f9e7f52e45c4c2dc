//! Reproducible zip files: they contain no times, users or directory order.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::PackageError;

/// One file in an archive.
pub(crate) struct Entry<'a> {
    /// The name in the archive.
    pub(crate) name: String,
    /// The path of its content.
    pub(crate) source: &'a Path,
    /// Its permissions.
    pub(crate) mode: u32,
}

/// Writes the entries in order.
pub(crate) fn write(path: &Path, entries: &[Entry<'_>]) -> Result<(), PackageError> {
    let failed = |source| PackageError::Archive { path: path.to_path_buf(), source };
    let file = File::create(path).map_err(PackageError::write(path))?;
    let mut archive = ZipWriter::new(io::BufWriter::new(file));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            // The oldest moment that the format knows.
            .last_modified_time(DateTime::default())
            .unix_permissions(entry.mode);
        archive.start_file(&entry.name, options).map_err(failed)?;
        let mut source = File::open(entry.source).map_err(PackageError::read(entry.source))?;
        io::copy(&mut source, &mut archive).map_err(PackageError::write(path))?;
    }
    let mut writer = archive.finish().map_err(failed)?;
    writer.flush().map_err(PackageError::write(path))
}
