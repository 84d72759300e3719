//! SCRIPT_NAME and PATH_INFO (RFC 3875 §4.1.5, §4.1.13), from what web servers make of them.
//!
//! nginx' files of parameters say three things: for uwsgi PATH_INFO is the whole path, mount point included; for
//! FastCGI SCRIPT_NAME is, and there is no PATH_INFO; for SCGI there is neither. All of them are decoded already.

use crate::h1::target::{percent_decode, split};

/// What a request says of its path; None where it does not say it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    pub script_name: Option<&'a [u8]>,
    pub path_info: Option<&'a [u8]>,
    /// Decoded.
    pub document_uri: Option<&'a [u8]>,
    /// As the client sent it.
    pub request_uri: Option<&'a [u8]>,
}

/// Where the application is mounted, None where that is not said, and the path below that.
pub(super) fn divide(told: Told<'_>) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
    let whole = told.document_uri.map(<[u8]>::to_vec).or_else(|| told.request_uri.map(decoded_path));
    let script = told.script_name.map(without_last_slash);
    if let Some(path) = told.path_info {
        let script = script.map(<[u8]>::to_vec);
        let below = match (&script, &whole) {
            // What both begin with is said twice, unless the path really goes on with it.
            (Some(script), Some(whole)) if !is_same(&[script, path].concat(), whole) => below(path, script),
            _ => None,
        };
        return Some((script, below.unwrap_or(path).to_vec()));
    }
    let Some(whole) = whole else { return script.map(|script| (None, script.to_vec())) };
    // A script that is all of the path, or has an index file's name in it, is no mount point.
    match script.and_then(|script| Some((script, below(&whole, script).filter(|rest| !rest.is_empty())?))) {
        Some((script, rest)) => Some((Some(script.to_vec()), rest.to_vec())),
        None => Some((None, whole)),
    }
}

/// What of the path is below the mount point: `/ab` is not below `/a`.
fn below<'a>(path: &'a [u8], script: &[u8]) -> Option<&'a [u8]> {
    path.strip_prefix(script).filter(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// Whether two paths are the same but for slashes that follow slashes.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let merged = |path: &[u8]| {
        let mut path = path.to_vec();
        path.dedup_by(|next, before| *next == b'/' && *before == b'/');
        path
    };
    merged(one) == merged(other)
}

fn decoded_path(target: &[u8]) -> Vec<u8> {
    let mut path = Vec::new();
    percent_decode(split(target).path.of(target), &mut path);
    path
}

/// The slash between SCRIPT_NAME and PATH_INFO is PATH_INFO's.
fn without_last_slash(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |at| at + 1);
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(script: Option<&str>, path: Option<&str>, document: Option<&str>, uri: Option<&str>) -> Option<(String, String)> {
        let told = Told {
            script_name: script.map(str::as_bytes),
            path_info: path.map(str::as_bytes),
            document_uri: document.map(str::as_bytes),
            request_uri: uri.map(str::as_bytes),
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        divide(told).map(|(script, path)| (script.map_or_else(|| "-".to_owned(), text), text(path)))
    }

    #[test]
    fn each_web_servers_way_of_telling_a_path_is_understood() {
        for (script, path, document, uri, expected) in [
            // uwsgi_params
            (None, Some("/a b"), None, Some("/a%20b?c"), ("-", "/a b")),
            // ... with a SCRIPT_NAME of the operator's
            (Some("/app"), Some("/app/b"), None, Some("/app//b"), ("/app", "/b")),
            (Some("/app/"), Some("/app"), None, Some("/app"), ("/app", "")),
            (Some("/app"), Some("/apple"), None, Some("/apple"), ("/app", "/apple")),
            (Some(""), Some("/b"), None, Some("/b"), ("", "/b")),
            // CGI
            (Some("/a"), Some("/b"), None, Some("/a/b"), ("/a", "/b")),
            (Some("/a"), Some("/a/b"), None, Some("/a/a/b"), ("/a", "/a/b")),
            (Some("/a"), Some("/a/b"), Some("/a//a/b"), None, ("/a", "/a/b")),
            (Some("/a"), Some("/a/b"), None, None, ("/a", "/a/b")),
            // fastcgi_params
            (Some("/a/b"), None, Some("/a/b"), Some("/a/%62"), ("-", "/a/b")),
            (Some("/index.py"), None, Some("/"), Some("/"), ("-", "/")),
            (Some("/a/b"), None, None, None, ("-", "/a/b")),
            // ... with a SCRIPT_NAME of the operator's
            (Some("/app"), None, Some("/app/b"), None, ("/app", "/b")),
            // scgi_params
            (None, None, Some("/a b"), Some("/a%20b"), ("-", "/a b")),
            (None, None, None, Some("/a%2520b?c%20"), ("-", "/a%20b")),
        ] {
            let expected = Some((expected.0.to_owned(), expected.1.to_owned()));
            assert_eq!(divided(script, path, document, uri), expected, "{script:?} {path:?} {document:?} {uri:?}");
        }
        assert_eq!(divided(None, None, None, None), None);
    }
}
