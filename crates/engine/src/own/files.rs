//! Files below the directories that the operator has named, kept open for a moment: what is asked for often is opened
//! once a second, and what has changed is seen within that.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use longma_proto::representation::{Coding, Validators};

use super::Moment;
use crate::sys::beneath;

/// How long what is known of a file, or of a directory, is taken for true.
const TRUE_MS: u64 = 1000;
/// How many files are known; each may be open once for itself and once for each coding.
const MAX_KNOWN: usize = 128;
/// A file that has just changed may change again within the same tick of its clock.
const SETTLED_SECONDS: i64 = 2;
/// Times before 1971 tell nothing: builds that are to be reproducible set all files to one.
const MEANINGLESS_SECONDS: i64 = 365 * 86_400;

/// An open file, as it was when it was opened.
#[derive(Debug)]
pub struct Found {
    pub file: Arc<File>,
    pub length: u64,
    /// Seconds since the epoch; not later than now (RFC 9110 §8.8.2.1).
    pub modified: i64,
    /// In quotation marks, weak where the file has just changed.
    pub etag: Vec<u8>,
}

impl Found {
    pub fn validators(&self) -> Validators<'_> {
        Validators { etag: &self.etag, modified: self.modified }
    }

    fn new(file: File, metadata: &Metadata, now: Moment) -> Self {
        let changed = metadata.mtime();
        let modified = changed.min(now.wall_seconds);
        let is_settled = changed.saturating_add(SETTLED_SECONDS) <= now.wall_seconds;
        let mut etag = Vec::with_capacity(48);
        // Writing to memory does not fail.
        let _ =
            write!(etag, "{}\"{changed:x}.{:x}-{:x}", if is_settled { "" } else { "W/" }, metadata.mtime_nsec(), metadata.size());
        if changed < MEANINGLESS_SECONDS {
            let _ = write!(etag, "-{:x}", metadata.ino());
        }
        etag.push(b'"');
        Self { file: Arc::new(file), length: metadata.size(), modified, etag }
    }
}

/// A file, and what lies beside it in other codings.
#[derive(Clone, Debug)]
pub struct Variants {
    pub plain: Arc<Found>,
    pub coded: [Option<Arc<Found>>; 3],
}

/// Why there is no file.
#[derive(Debug)]
pub enum Missing {
    /// There is none, or nothing that may be given away.
    NotThere,
    /// It may not be read.
    Denied(io::Error),
    /// The system is short of something, or the disk fails.
    Trouble(io::Error),
}

impl From<io::Error> for Missing {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EACCES) => Self::Denied(error),
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EIO | libc::EAGAIN) => Self::Trouble(error),
            // Among them EXDEV: it lies elsewhere.
            _ => Self::NotThere,
        }
    }
}

struct Known {
    variants: Variants,
    since_ms: u64,
    used_ms: u64,
}

struct Root {
    path: PathBuf,
    opened: Option<(OwnedFd, u64)>,
    known: HashMap<Box<[u8]>, Known>,
}

/// The directories, by number, and what is known of their files.
pub(crate) struct Files {
    roots: Vec<Root>,
    known: usize,
    swept_ms: u64,
}

impl Files {
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Self {
        let root = |path| Root { path, opened: None, known: HashMap::new() };
        Self { roots: roots.into_iter().map(root).collect(), known: 0, swept_ms: 0 }
    }

    /// The file at this path below a directory. `coded`: look for its codings, too.
    pub fn find(&mut self, root: usize, path: &[u8], coded: bool, now: Moment) -> Result<Variants, Missing> {
        if let Some(known) = self.roots[root].known.get_mut(path)
            && now.ms < known.since_ms + TRUE_MS
        {
            known.used_ms = now.ms;
            return Ok(known.variants.clone());
        }
        let opened = self.roots[root].look(path, coded, now);
        match &opened {
            Ok(variants) => self.remember(root, path, variants.clone(), now),
            Err(_) => self.known -= usize::from(self.roots[root].known.remove(path).is_some()),
        }
        opened
    }

    fn remember(&mut self, root: usize, path: &[u8], variants: Variants, now: Moment) {
        let known = Known { variants, since_ms: now.ms, used_ms: now.ms };
        if self.roots[root].known.insert(path.into(), known).is_none() {
            self.known += 1;
        }
        if self.known > MAX_KNOWN {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let all = self.roots.iter().enumerate();
        let used = all.flat_map(|(root, at)| at.known.iter().map(move |(path, known)| (known.used_ms, root, path.clone())));
        if let Some((_, root, path)) = used.min() {
            self.roots[root].known.remove(&path);
            self.known -= 1;
        }
    }

    /// Close what nobody has asked for: a file that was deleted keeps its place on the disk as long as it is open.
    pub fn sweep(&mut self, now_ms: u64) {
        if self.known == 0 || now_ms < self.swept_ms + TRUE_MS {
            return;
        }
        self.swept_ms = now_ms;
        for root in &mut self.roots {
            root.known.retain(|_, known| now_ms < known.since_ms + TRUE_MS);
        }
        self.known = self.roots.iter().map(|root| root.known.len()).sum();
    }
}

impl Root {
    fn look(&mut self, path: &[u8], coded: bool, now: Moment) -> Result<Variants, Missing> {
        let plain = Arc::new(self.open(path, now)?);
        let mut variants = Variants { plain, coded: [const { None }; 3] };
        if coded {
            let mut beside = path.to_vec();
            for (place, coding) in variants.coded.iter_mut().zip(Coding::ALL) {
                beside.truncate(path.len());
                beside.extend_from_slice(suffix(coding));
                // Whatever keeps it from being read, there is the file itself.
                *place = self.open(&beside, now).ok().map(Arc::new);
            }
        }
        Ok(variants)
    }

    fn open(&mut self, path: &[u8], now: Moment) -> Result<Found, Missing> {
        // The directory itself may have been replaced.
        if self.opened.as_ref().is_none_or(|(_, since_ms)| now.ms >= since_ms + TRUE_MS) {
            self.opened = Some((beneath::root(&self.path)?, now.ms));
        }
        let Some((root, _)) = &self.opened else { return Err(Missing::NotThere) };
        let file = beneath::open(root.as_fd(), path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok(Found::new(file, &metadata, now)) } else { Err(Missing::NotThere) }
    }
}

/// What the name of a file in this coding ends in.
const fn suffix(coding: Coding) -> &'static [u8] {
    match coding {
        Coding::Brotli => b".br",
        Coding::Zstandard => b".zst",
        Coding::Gzip => b".gz",
    }
}
