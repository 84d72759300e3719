//! Files that are served under a path of their own.

use std::io::Write;
use std::path::PathBuf;

use super::Moment;
use super::answer::Answer;
use super::asked::Asked;
use super::files::{Files, Missing};
use super::paths::{Place, Prefix};
use super::{kinds, serving};
use crate::notice::Notice;

/// What is served, and how.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub mounts: Vec<(Prefix, PathBuf)>,
    /// For how many seconds a client need not ask again.
    pub max_age: u32,
    /// Whether the application is asked for what is no file.
    pub falls_through: bool,
}

/// The directories and their files.
pub(super) struct Statics {
    /// With the number of its directory, the longest prefix first.
    prefixes: Vec<(Prefix, usize)>,
    files: Files,
    /// Cache-Control, as it is sent.
    caching: Vec<u8>,
    falls_through: bool,
}

impl Statics {
    pub fn of(settings: &Settings) -> Self {
        let mut prefixes: Vec<_> =
            settings.mounts.iter().enumerate().map(|(number, (prefix, _))| (prefix.clone(), number)).collect();
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let mut caching = Vec::new();
        let _ = match settings.max_age {
            0 => write!(caching, "Cache-Control: no-cache\r\n"),
            seconds => write!(caching, "Cache-Control: public, max-age={seconds}\r\n"),
        };
        let files = Files::new(settings.mounts.iter().map(|(_, path)| path.clone()));
        Self { prefixes, files, caching, falls_through: settings.falls_through }
    }

    /// The answer, and what the operator should know. `None`: the application's to give.
    pub fn answer(&mut self, asked: &Asked<'_>, now: Moment) -> Option<(Answer, Option<Notice>)> {
        let path = asked.path();
        let (place, root) = self.prefixes.iter().find_map(|(prefix, root)| Some((prefix.place(path)?, *root)))?;
        if !matches!(asked.method(), b"GET" | b"HEAD") {
            return if self.falls_through { None } else { Some((Answer::not_allowed(b"GET, HEAD"), None)) };
        }
        let Place::File(path) = place else { return self.missing(Missing::NotThere, b"") };
        let variants = match self.files.find(root, &path, true, now) {
            Ok(variants) => variants,
            Err(why) => return self.missing(why, &path),
        };
        let conditions = asked.conditions();
        let (found, coding) = serving::choose(&variants, &conditions);
        let mut fields = Vec::with_capacity(320);
        fields.extend_from_slice(&self.caching);
        if variants.coded.iter().any(Option::is_some) {
            fields.extend_from_slice(b"Vary: Accept-Encoding\r\n");
        }
        if let Some(coding) = coding {
            serving::put(&mut fields, b"Content-Encoding: ", coding.name());
        }
        Some((serving::answer(found, kinds::of(&path), &conditions, now, fields), None))
    }

    fn missing(&self, why: Missing, path: &[u8]) -> Option<(Answer, Option<Notice>)> {
        let notice = |why: std::io::Error| Some(Notice::file(path, &why));
        match why {
            Missing::NotThere if self.falls_through => None,
            Missing::NotThere => Some((Answer::plain(404), None)),
            Missing::Denied(why) => Some((Answer::plain(403), notice(why))),
            Missing::Trouble(why) => Some((Answer::plain(503), notice(why))),
        }
    }

    /// Let go of what nobody has asked for.
    pub fn sweep(&mut self, now_ms: u64) {
        self.files.sweep(now_ms);
    }
}
