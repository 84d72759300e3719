//! Unlinked temporary files: what is too long for memory waits there, and is gone with its descriptor.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// A file without a name that is written at its end and read from its front.
#[derive(Debug)]
pub struct Spool {
    file: File,
    written: u64,
}

impl Spool {
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: create_unlinked(&std::env::temp_dir())?, written: 0 })
    }

    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.written)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    pub fn written(&self) -> u64 {
        self.written
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// The file and how many bytes it holds.
    pub fn into_parts(self) -> (File, u64) {
        (self.file, self.written)
    }
}

#[cfg(target_os = "linux")]
fn create_unlinked(directory: &Path) -> io::Result<File> {
    let nameless = OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(directory);
    match nameless {
        // Some file systems cannot make a file without a name.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::ENOENT)) => {
            create_and_unlink(directory)
        }
        other => other,
    }
}

#[cfg(not(target_os = "linux"))]
fn create_unlinked(directory: &Path) -> io::Result<File> {
    create_and_unlink(directory)
}

fn create_and_unlink(directory: &Path) -> io::Result<File> {
    for attempt in 0..100_u32 {
        let name = format!("longma-{}-{}-{attempt}", std::process::id(), crate::sys::clock::monotonic_ns());
        let path = directory.join(name);
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_in_order_and_no_name_is_left() {
        let mut spool = Spool::new().unwrap();
        spool.append(b"hello ").unwrap();
        spool.append(b"world").unwrap();
        let mut room = [0; 11];
        spool.file().read_exact_at(&mut room, 0).unwrap();
        assert_eq!(&room, b"hello world");
        assert_eq!(spool.written(), 11);
    }

    #[test]
    fn a_file_system_without_nameless_files_is_served_too() {
        let file = create_and_unlink(&std::env::temp_dir()).unwrap();
        file.write_all_at(b"x", 0).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 1);
    }
}
