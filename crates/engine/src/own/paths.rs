//! From the path of a request to that of a file.

use std::borrow::Cow;

use longma_proto::h1::target::percent_decode;

/// A path of a URL under which a directory is served: `/static`, or nothing for `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(Vec<u8>);

/// What a path means below a prefix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// This file, if it is there; relative to the directory.
    File(Cow<'a, [u8]>),
    /// It lies below the prefix, and nothing that it could mean is ever given away.
    Nowhere,
}

impl Prefix {
    pub fn new(path: &str) -> Self {
        Self(path.trim_end_matches('/').as_bytes().to_vec())
    }

    /// How long it is: of several that fit, the longest one is meant.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it stands for everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What of a decoded path lies below it.
    fn below<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        path.strip_prefix(&self.0[..]).filter(|rest| rest.first().is_none_or(|&byte| byte == b'/'))
    }

    /// What a path means that came with a request, still percent-encoded. `None`: it does not lie below the prefix.
    pub(crate) fn place<'a>(&self, path: &'a [u8]) -> Option<Place<'a>> {
        if !path.contains(&b'%') {
            return self.below(path).map(|rest| place(Cow::Borrowed(rest)));
        }
        let mut decoded = Vec::with_capacity(path.len());
        percent_decode(path, &mut decoded);
        let rest = self.below(&decoded)?;
        // A slash that was encoded is none that divides, and a name cannot hold one.
        let has_hidden_slash = path.windows(3).any(|part| part.eq_ignore_ascii_case(b"%2f"));
        Some(if has_hidden_slash { Place::Nowhere } else { place(Cow::Owned(rest.to_vec())) })
    }
}

/// `/css/site.css` to `css/site.css`, `/docs/` to `docs/index.html`. Nothing is made regular that is not: an empty part,
/// one that begins with a dot, or a NUL is in no name.
fn place(rest: Cow<'_, [u8]>) -> Place<'_> {
    const INDEX: &[u8] = b"index.html";
    let Some(path) = rest.strip_prefix(b"/") else { return Place::Nowhere };
    let is_directory = path.is_empty() || path.ends_with(b"/");
    let named = if path.is_empty() { path } else { path.strip_suffix(b"/").unwrap_or(path) };
    let is_odd = |part: &[u8]| part.is_empty() || part[0] == b'.';
    if path.contains(&0) || !path.is_empty() && named.split(|&byte| byte == b'/').any(is_odd) {
        return Place::Nowhere;
    }
    if is_directory {
        return Place::File(Cow::Owned([path, INDEX].concat()));
    }
    Place::File(match rest {
        Cow::Borrowed(rest) => Cow::Borrowed(&rest[1..]),
        Cow::Owned(rest) => Cow::Owned(rest[1..].to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Option<Place<'static>> {
        Some(Place::File(Cow::Owned(path.as_bytes().to_vec())))
    }

    #[test]
    fn a_path_means_one_file_or_none() {
        let prefix = Prefix::new("/static/");
        for (path, expected) in [
            ("/static/a.css", file("a.css")),
            ("/static/a/b.css", file("a/b.css")),
            ("/%73tatic/a%2ecss", file("a.css")),
            ("/static/a%20b", file("a b")),
            ("/static/a%25b", file("a%b")),
            ("/static/a%2525b", file("a%25b")),
            ("/static/%zz", file("%zz")),
            ("/static/", file("index.html")),
            ("/static/a/", file("a/index.html")),
            ("/static/a..b", file("a..b")),
            ("/static", Some(Place::Nowhere)),
            ("/staticx/a", None),
            ("/stati", None),
            ("/", None),
            ("", None),
            ("/STATIC/a", None),
            ("/x/static/a", None),
        ] {
            assert_eq!(prefix.place(path.as_bytes()), expected, "{path}");
        }
    }

    #[test]
    fn what_could_lead_out_means_nothing() {
        let prefix = Prefix::new("/static");
        for path in [
            "/static/..",
            "/static/../x",
            "/static/a/../../x",
            "/static/%2e%2e/x",
            "/static/.%2E/x",
            "/static/./x",
            "/static/.htaccess",
            "/static/a/.git/config",
            "/static/%2ehidden",
            "/static//x",
            "/static/a//b",
            "/static//",
            "/static/a%2fb",
            "/static/..%2F..%2fx",
            "/static/%2fetc/passwd",
            "/static//etc/passwd",
            "/static/a%00.css",
            "/static/%00",
            "/static/.",
            "/static/...",
        ] {
            assert_eq!(prefix.place(path.as_bytes()), Some(Place::Nowhere), "{path}");
        }
    }

    #[test]
    fn the_root_of_the_site_can_be_a_directory() {
        let prefix = Prefix::new("/");
        assert!(prefix.is_empty());
        assert_eq!(prefix.place(b"/"), file("index.html"));
        assert_eq!(prefix.place(b"/favicon.ico"), file("favicon.ico"));
        assert_eq!(prefix.place(b"//x"), Some(Place::Nowhere));
        assert_eq!(prefix.place(b""), Some(Place::Nowhere));
        assert_eq!(prefix.place(b"*"), None);
    }
}
