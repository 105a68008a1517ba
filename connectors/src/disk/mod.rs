//! The disk, as far as durable state needs it: so that tests can take one that loses, tears and fails.
//!
//! # Semantics
//! What was written is there after a crash only once [`DiskFile::sync`] has come back; a file is found under its name only
//! once [`Disk::sync_folder`] has. A sync that failed is never tried again: the kernel may have dropped the pages.

mod real;
mod space;

#[cfg(any(test, feature = "fault-disk"))]
pub mod fault;

pub use real::RealDisk;
pub use space::free_bytes;

use std::fmt::Debug;
use std::io::{self, Read};
use std::path::Path;

/// A file that grows at its end.
pub trait DiskFile: Send {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Brings everything appended so far to disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// What durable state does with a disk.
pub trait Disk: Send + Sync + Debug {
    /// Names of the files in a folder, sorted; of a folder that is not there, none.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Makes a folder and those above it.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// A new file; it is an error if it exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// A file that exists, to be grown behind its first `length` bytes; what follows them is cut off.
    fn reopen(&self, path: &Path, length: u64) -> io::Result<Box<dyn DiskFile>>;

    /// A file's bytes from its beginning.
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// The same from an offset on.
    fn read_from(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = self.read(path)?;
        io::copy(&mut file.by_ref().take(offset), &mut io::sink())?;
        Ok(file)
    }

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name; a file of that name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Brings the names in a folder to disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// Writes a file whole or not at all, and brings it to disk: beside its name, then renamed.
pub fn write_whole(disk: &dyn Disk, folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let partial = folder.join(format!(".{name}.partial"));
    if disk.list(folder)?.iter().any(|n| partial.file_name().is_some_and(|p| p == n.as_str())) {
        disk.remove(&partial)?;
    }
    let mut file = disk.create(&partial)?;
    file.append(bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&partial, &folder.join(name))?;
    disk.sync_folder(folder)
}

/// The whole of a file.
pub fn read_whole(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    disk.read(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
