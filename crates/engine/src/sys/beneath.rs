//! Files below a directory, and nothing that is anywhere else, however a path or a link puts it.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::check;

/// How often a path is looked up again that was changed meanwhile (openat2(2), EAGAIN).
const ATTEMPTS: usize = 8;
/// A FIFO or a device is neither waited for nor becomes our terminal.
const READING: libc::c_int = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
const PASSING: libc::c_int = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;

/// The directory, to open what is below it.
///
/// # Errors
/// There is no such directory.
pub fn root(path: &Path) -> io::Result<OwnedFd> {
    OpenOptions::new().read(true).custom_flags(PASSING).open(path).map(OwnedFd::from)
}

/// Open a file to read. Symbolic links are followed as far as they stay below the directory; where the system cannot see
/// to that (before Linux 5.6), none is.
///
/// # Errors
/// There is no such file, or it is not below the directory (EXDEV, or ELOOP where no link is followed).
pub fn open(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<File> {
    match open_confined(root, path) {
        // EPERM comes from filters of system calls that are older than this one.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => open_stepwise(root, path),
        opened => opened,
    }
}

fn open_confined(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<File> {
    let path = CString::new(path)?;
    // SAFETY: all-zero bytes are a valid open_how.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = READING as u64;
    how.resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS;
    let mut attempts = ATTEMPTS;
    loop {
        // SAFETY: the path ends in NUL, and both it and `how`, whose size is told, are readable during the call.
        let number =
            unsafe { libc::syscall(libc::SYS_openat2, root.as_raw_fd(), path.as_ptr(), &raw const how, size_of_val(&how)) };
        if number >= 0 {
            // SAFETY: just opened, and nobody else's.
            return Ok(unsafe { File::from_raw_fd(number as libc::c_int) });
        }
        let error = io::Error::last_os_error();
        attempts -= 1;
        if attempts == 0 || !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) {
            return Err(error);
        }
    }
}

/// The same without following any link: each part of the path by itself.
fn open_stepwise(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<File> {
    let mut parts = path.split(|&byte| byte == b'/').peekable();
    let mut above: Option<OwnedFd> = None;
    while let Some(part) = parts.next() {
        if matches!(part, b"" | b"." | b"..") {
            return Err(io::Error::from(ErrorKind::InvalidInput));
        }
        let name = CString::new(part)?;
        let directory = above.as_ref().map_or(root, AsFd::as_fd);
        let flags = libc::O_NOFOLLOW | if parts.peek().is_some() { PASSING } else { READING };
        // SAFETY: the name ends in NUL and is readable during the call.
        let number = check(unsafe { libc::openat(directory.as_raw_fd(), name.as_ptr(), flags) })?;
        // SAFETY: just opened, and nobody else's.
        above = Some(unsafe { OwnedFd::from_raw_fd(number) });
    }
    above.map(File::from).ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Tree(std::path::PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let above = std::env::temp_dir().join(format!("longma-{name}-{}", std::process::id()));
            fs::create_dir_all(above.join("root/folder")).unwrap();
            fs::write(above.join("secret"), "secret").unwrap();
            fs::write(above.join("root/file"), "file").unwrap();
            fs::write(above.join("root/folder/inner"), "inner").unwrap();
            for (target, link) in [
                ("file", "inside"),
                ("../file", "folder/up"),
                ("folder", "directory"),
                ("../secret", "outside"),
                ("/etc/passwd", "absolute"),
                ("..", "above"),
                ("loop", "loop"),
            ] {
                symlink(target, above.join("root").join(link)).unwrap();
            }
            Self(above)
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    const NEVER: [&str; 14] = [
        "../secret",
        "folder/../../secret",
        "outside",
        "absolute",
        "above/secret",
        "/etc/passwd",
        "loop",
        "missing",
        "file/",
        "file/x",
        "",
        "..",
        "fi\0le",
        "folder/../../root/file",
    ];

    #[test]
    fn nothing_outside_is_opened() {
        let tree = Tree::new("beneath");
        let root = root(&tree.0.join("root")).unwrap();
        for path in NEVER {
            assert!(open_confined(root.as_fd(), path.as_bytes()).is_err(), "{path}");
            assert!(open_stepwise(root.as_fd(), path.as_bytes()).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_inside_is_opened_and_by_links_where_these_can_be_followed() {
        let tree = Tree::new("inside");
        let root = root(&tree.0.join("root")).unwrap();
        for (path, expected) in [("file", "file"), ("folder/inner", "inner")] {
            for opened in [open_confined(root.as_fd(), path.as_bytes()), open_stepwise(root.as_fd(), path.as_bytes())] {
                assert_eq!(io::read_to_string(opened.unwrap()).unwrap(), expected);
            }
        }
        for (path, expected) in [("inside", "file"), ("folder/up", "file"), ("directory/inner", "inner")] {
            assert_eq!(io::read_to_string(open_confined(root.as_fd(), path.as_bytes()).unwrap()).unwrap(), expected);
            assert!(open_stepwise(root.as_fd(), path.as_bytes()).is_err(), "{path}");
        }
    }

    #[test]
    fn a_fifo_is_not_waited_for() {
        let tree = Tree::new("fifo");
        let path = CString::new(tree.0.join("root/fifo").into_os_string().into_encoded_bytes()).unwrap();
        // SAFETY: the path ends in NUL and is readable during the call.
        check(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }).unwrap();
        let root = root(&tree.0.join("root")).unwrap();
        assert!(!open(root.as_fd(), b"fifo").unwrap().metadata().unwrap().is_file());
    }

    #[test]
    fn a_root_is_a_directory() {
        let tree = Tree::new("root");
        assert!(root(&tree.0.join("root/file")).is_err());
        assert!(root(&tree.0.join("nowhere")).is_err());
    }
}
