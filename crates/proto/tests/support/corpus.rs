//! The corpus as cases: what `tests/conformance/corpus/README.md` describes, read from its files.

use std::fs;
use std::path::{Path, PathBuf};

use longma_proto::h1::{HeaderMap, Limits, SchemeField, Trust, Version};
use toml::{Table, Value};

pub struct Case {
    /// `file.toml: name`
    pub title: String,
    pub name: String,
    pub source: String,
    pub input: Vec<u8>,
    pub limits: Limits,
    pub requests: Vec<Expected>,
    pub end: End,
}

/// How the input leaves the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it was requests.
    Complete,
    /// Its rest is the start of a request.
    Partial,
    Refused(u16),
}

/// What is known of a request; None is what the case does not say.
pub struct Expected {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub version: Version,
    pub body: Vec<u8>,
    pub close: bool,
    pub path: Option<Vec<u8>>,
    pub query: Option<Vec<u8>>,
    pub authority: Option<Vec<u8>>,
    pub expects_continue: Option<bool>,
    pub upgrade: Option<bool>,
    pub fields: Option<Vec<(Vec<u8>, Vec<u8>)>>,
}

/// All cases, file by file.
pub fn load(folder: &Path) -> Vec<Case> {
    let entries = fs::read_dir(folder).expect("the corpus is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.iter().flat_map(|path| load_file(path)).collect()
}

fn load_file(path: &Path) -> Vec<Case> {
    let file = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("it can be read");
    let mut table: Table = text.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
    let Some(Value::Array(cases)) = table.remove("case") else { panic!("{file}: no cases") };
    assert!(table.is_empty(), "{file}: nothing but cases");
    cases.into_iter().map(|case| read_case(&file, table_of(case, &file))).collect()
}

fn read_case(file: &str, mut case: Table) -> Case {
    let name = text(case.remove("name"), file);
    let title = format!("{file}: {name}");
    let source = text(case.remove("source"), &title);
    let input = bytes(&case.remove("input").unwrap_or_else(|| panic!("{title}: no input")), &title);
    let settings = case.remove("settings").map_or_else(Table::new, |value| table_of(value, &title));
    let limits = limits(settings, &title);
    let mut expect = table_of(case.remove("expect").unwrap_or_else(|| panic!("{title}: no expect")), &title);
    let requests = match expect.remove("requests") {
        Some(Value::Array(requests)) => requests.into_iter().map(|one| expected(table_of(one, &title), &title)).collect(),
        Some(_) => panic!("{title}: requests is a list"),
        None => Vec::new(),
    };
    let end = match (expect.remove("refused"), expect.remove("partial")) {
        (Some(Value::Integer(status)), None) => End::Refused(u16::try_from(status).expect("a status")),
        (None, Some(Value::Boolean(true))) => End::Partial,
        (None, None) => End::Complete,
        _ => panic!("{title}: refused is a status, partial is true, and only one of them is there"),
    };
    assert!(end != End::Complete || !requests.is_empty(), "{title}: expects something");
    assert!(case.is_empty() && expect.is_empty(), "{title}: unknown keys {case:?} {expect:?}");
    Case { title, name, source, input, limits, requests, end }
}

fn expected(mut table: Table, title: &str) -> Expected {
    let mut optional_bytes = |key: &str| table.remove(key).map(|value| bytes(&value, title));
    let (method, target) = (optional_bytes("method"), optional_bytes("target"));
    let (body, path) = (optional_bytes("body"), optional_bytes("path"));
    let (query, authority) = (optional_bytes("query"), optional_bytes("authority"));
    let version = match optional_bytes("version").as_deref() {
        None | Some(b"1.1") => Version::Http11,
        Some(b"1.0") => Version::Http10,
        Some(_) => panic!("{title}: a version is 1.0 or 1.1"),
    };
    let mut optional_flag = |key: &str| table.remove(key).map(|value| value.as_bool().expect("a flag is a boolean"));
    let close = optional_flag("close").unwrap_or(false);
    let (expects_continue, upgrade) = (optional_flag("expects_continue"), optional_flag("upgrade"));
    let fields = table.remove("fields").map(|value| fields(&value, title));
    assert!(table.is_empty(), "{title}: unknown keys {table:?}");
    Expected {
        method: method.unwrap_or_else(|| panic!("{title}: a request has a method")),
        target: target.unwrap_or_else(|| panic!("{title}: a request has a target")),
        version,
        body: body.unwrap_or_default(),
        close,
        path,
        query,
        authority,
        expects_continue,
        upgrade,
        fields,
    }
}

fn fields(value: &Value, title: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pair = |field: &Value| match field.as_array().map(Vec::as_slice) {
        Some([name, value]) => (bytes(name, title), bytes(value, title)),
        _ => panic!("{title}: a field is a name and a value"),
    };
    value.as_array().expect("fields is a list").iter().map(pair).collect()
}

fn limits(settings: Table, title: &str) -> Limits {
    let mut limits = Limits { trust: usual_trust(), ..Limits::default() };
    for (name, value) in settings {
        let flag = || value.as_bool().expect("a flag");
        let number = || usize::try_from(value.as_integer().expect("a number")).expect("a size");
        match name.as_str() {
            "limit_request_line" => limits.request_line = number(),
            "limit_request_fields" => limits.fields = number(),
            "limit_request_field_size" => limits.field_size = number(),
            "forwarded_allow_ips" if value.as_str() == Some("") => limits.trust = Trust::default(),
            "forwarder_headers" if value.as_str() == Some("*") => limits.trust = trust(&["*"]),
            "permit_obsolete_folding" => limits.permits.obsolete_folding = flag(),
            "strip_header_spaces" => limits.permits.spaces_before_colon = flag(),
            "permit_unconventional_http_method" => limits.permits.unconventional_method = flag(),
            "permit_unconventional_http_version" => limits.permits.unconventional_version = flag(),
            "casefold_http_method" => limits.permits.casefold_method = flag(),
            "header_map" => {
                limits.header_map = match value.as_str() {
                    Some("drop") => HeaderMap::Drop,
                    Some("refuse") => HeaderMap::Refuse,
                    Some("dangerous") => HeaderMap::Dangerous,
                    _ => panic!("{title}: no such header_map"),
                }
            }
            _ => panic!("{title}: no such setting: {name}"),
        }
    }
    limits
}

/// What a proxy is believed by default. The cases come from one.
pub fn usual_trust() -> Trust {
    trust(&["SCRIPT_NAME", "PATH_INFO"])
}

fn trust(names: &[&str]) -> Trust {
    let field = |(name, https): (&str, &str)| SchemeField { name: name.as_bytes().into(), https: https.as_bytes().into() };
    let fields = [("X-FORWARDED-PROTOCOL", "ssl"), ("X-FORWARDED-PROTO", "https"), ("X-FORWARDED-SSL", "on")];
    Trust::new(fields.map(field).into(), names.iter().map(|name| name.as_bytes().into()).collect())
}

/// A string's characters as bytes, or the bytes of a list of parts.
fn bytes(value: &Value, title: &str) -> Vec<u8> {
    let latin_1 = |text: &str| -> Vec<u8> {
        text.chars().map(|char| u8::try_from(char).unwrap_or_else(|_| panic!("{title}: {char} is no byte"))).collect()
    };
    match value {
        Value::String(text) => latin_1(text),
        Value::Array(parts) => parts.iter().flat_map(|part| bytes(part, title)).collect(),
        Value::Table(part) => match (part.get("repeat"), part.get("times"), part.get("hex")) {
            (Some(unit), Some(Value::Integer(times)), None) => {
                bytes(unit, title).repeat(usize::try_from(*times).expect("a count"))
            }
            (None, None, Some(Value::String(digits))) => hex(digits, title),
            _ => panic!("{title}: a part has repeat and times, or hex"),
        },
        _ => panic!("{title}: bytes are a string or a list of parts"),
    }
}

fn hex(digits: &str, title: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter(|char| *char != ' ').map(|char| char as u8).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{title}: {pair} is not hexadecimal"))
    };
    digits.chunks(2).map(byte).collect()
}

fn table_of(value: Value, title: &str) -> Table {
    match value {
        Value::Table(table) => table,
        other => panic!("{title}: {other:?} is no table"),
    }
}

fn text(value: Option<Value>, title: &str) -> String {
    match value {
        Some(Value::String(text)) if !text.is_empty() => text,
        other => panic!("{title}: a text is missing: {other:?}"),
    }
}
