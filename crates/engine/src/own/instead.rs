//! Files that the application names to be sent in the place of its answer's body.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use longma_proto::representation::Conditions;

use super::Moment;
use super::answer::{Answer, Content};
use super::files::{Files, Missing};
use super::paths::{Place, Prefix};
use super::{kinds, serving};

/// Where such files may lie.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// For those that are named by their absolute paths.
    pub roots: Vec<PathBuf>,
    /// For those that are named by the path of a URL.
    pub mounts: Vec<(Prefix, PathBuf)>,
}

/// How the application names a file.
#[derive(Clone, Copy, Debug)]
pub enum Named<'a> {
    /// `X-Sendfile`: by its absolute path.
    Path(&'a [u8]),
    /// `X-Accel-Redirect`: by the path of a URL, percent-encoded.
    Url(&'a [u8]),
}

/// What is known of the answer that the file belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub conditions: &'a Conditions,
    /// Whether it is a 200: only such a one can become that the client has it already, or a part.
    pub is_ok: bool,
    /// Whether it says what the file is.
    pub has_kind: bool,
}

/// Why there is no such file.
#[derive(Debug)]
pub enum Refused {
    /// It lies where none may.
    Elsewhere,
    Missing(Missing),
}

pub(crate) struct Instead {
    roots: Vec<PathBuf>,
    /// With the number of its directory, the longest prefix first.
    prefixes: Vec<(Prefix, usize)>,
    files: Files,
}

impl Instead {
    /// `None`: the application's fields are nobody's business.
    pub fn of(settings: &Settings) -> Option<Box<Self>> {
        if settings.roots.is_empty() && settings.mounts.is_empty() {
            return None;
        }
        let count = settings.roots.len();
        let numbered = |(number, (prefix, _)): (usize, &(Prefix, PathBuf))| (prefix.clone(), count + number);
        let mut prefixes: Vec<_> = settings.mounts.iter().enumerate().map(numbered).collect();
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let directories = settings.roots.iter().chain(settings.mounts.iter().map(|(_, path)| path)).cloned();
        Some(Box::new(Self { roots: settings.roots.clone(), prefixes, files: Files::new(directories) }))
    }

    /// The answer with the file, as far as it is not the application's.
    pub fn answer(&mut self, named: Named<'_>, around: Around<'_>, now: Moment) -> Result<Answer, Refused> {
        let (root, path) = self.place(named).ok_or(Refused::Elsewhere)?;
        let found = self.files.find(root, &path, false, now).map_err(Refused::Missing)?.plain;
        let kind = if around.has_kind { b"" } else { kinds::of(&path) };
        if around.is_ok {
            return Ok(serving::answer(&found, kind, around.conditions, now, Vec::new()));
        }
        let mut fields = Vec::new();
        if !kind.is_empty() {
            serving::put(&mut fields, b"Content-Type: ", kind);
        }
        let content = Content::File { found: Arc::clone(&found), offset: 0, length: found.length };
        Ok(Answer { status: 200, fields, content })
    }

    /// The number of the directory, and the path below it.
    fn place(&self, named: Named<'_>) -> Option<(usize, Vec<u8>)> {
        match named {
            Named::Path(path) => self.roots.iter().enumerate().find_map(|(number, root)| {
                let rest = path.strip_prefix(root.as_os_str().as_bytes())?;
                let rest = if root.as_os_str() == "/" { rest } else { rest.strip_prefix(b"/")? };
                let is_odd = |part: &[u8]| matches!(part, b"" | b"." | b"..");
                (!rest.split(|&byte| byte == b'/').any(is_odd)).then(|| (number, rest.to_vec()))
            }),
            Named::Url(url) => {
                let path = url.split(|&byte| byte == b'?').next().unwrap_or_default();
                let (place, number) = self.prefixes.iter().find_map(|(prefix, number)| Some((prefix.place(path)?, *number)))?;
                match place {
                    Place::File(path) => Some((number, path.into_owned())),
                    Place::Nowhere => None,
                }
            }
        }
    }

    /// Whether a file may be named in this way at all.
    pub fn knows(&self, named: Named<'_>) -> bool {
        match named {
            Named::Path(_) => !self.roots.is_empty(),
            Named::Url(_) => !self.prefixes.is_empty(),
        }
    }

    /// Let go of what nobody has asked for.
    pub fn sweep(&mut self, now_ms: u64) {
        self.files.sweep(now_ms);
    }
}
