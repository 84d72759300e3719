use std::os::fd::AsFd;
use std::path::PathBuf;

use longma_proto::h1::{HeadParser, Limits};

use super::*;

/// A log, and the file it is written to.
fn log(style: Style<'_>) -> (AccessLog, PathBuf) {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("longma-access-{}-{number}", std::process::id()));
    let mut outlets = Outlets::default();
    outlets.add_file(&path).unwrap();
    (AccessLog::new(outlets, style), path)
}

/// What the log has written.
fn written(mut log: AccessLog, path: PathBuf) -> String {
    let mut outlets = log.take_outlets().unwrap();
    log.take(&mut outlets.gathered);
    outlets.finish(std::time::Duration::ZERO);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    text
}

fn outcome() -> Outcome {
    Outcome { status: Some(*b"200"), sent: 14, duration_ns: 1_234_567_890 }
}

/// The line of a request, composed at once, or with holes that are filled later.
fn line(style: Style<'_>, request: &[u8], drafted: bool) -> String {
    let mut head = HeadParser::new();
    // What is refused is logged as far as it was understood.
    let _ = head.advance(&mut request.to_vec(), &Limits::default());
    let mut environ = |name: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(b"value of ");
        out.extend_from_slice(name.as_bytes());
        name == "user"
    };
    let mut record = Record {
        peer: Some("192.0.2.1:99".parse().unwrap()),
        bytes: request,
        head: &head,
        response_head: b"HTTP/1.1 200 OK\r\nX-Kind: tea pot\r\n\r\n",
        environ: &mut environ,
        outcome: outcome(),
    };
    let (mut log, path) = log(style);
    if drafted {
        record.outcome = Outcome::default();
        let mut draft = log.draft(&mut record, 0);
        draft.outcome = outcome();
        log.complete(&draft, 0, 0);
    } else {
        log.record(&mut record, 0, 0);
    }
    assert_eq!(log.due_in(0), Some(MAX_WAIT_MS));
    written(log, path)
}

fn plain(format: &str, request: &[u8]) -> String {
    let [at_once, later] = [false, true].map(|drafted| line(Style::Plain(format), request, drafted));
    assert_eq!(at_once, later);
    at_once
}

const REQUEST: &[u8] = b"GET /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: \"curl\"\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n";

#[test]
fn the_default_format_is_the_combined_one() {
    let text = plain(r#"%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#, REQUEST);
    assert_eq!(text, "192.0.2.1 - user \"GET /a%20b?q=1 HTTP/1.1\" 200 14 \"-\" \"\\\"curl\\\"\"\n");
}

#[test]
fn every_other_atom_has_its_value() {
    let text =
        plain("%(m)s %(U)s %(q)s %(H)s %(B)s %(T)s %(M)s %(D)s %(L)s %({host}i)s %({x-kind}o)s %({USER}e)s %({none}e)s", REQUEST);
    assert_eq!(text, "GET /a b q=1 HTTP/1.1 14 1 1234 1234567 1.234567 x tea pot value of user -\n");
}

#[test]
fn of_a_field_that_came_twice_there_is_the_last_or_all() {
    let request = b"GET / HTTP/1.1\r\nHost: x\r\nX-A: one\r\nUser-Agent: a\r\nX-a: two\r\nUser-Agent: b\r\n\r\n";
    assert_eq!(plain("%({x-a}i)s %({user-agent}i)s %(a)s %(f)s", request), "two b a,b -\n");
}

#[test]
fn a_user_without_a_name_is_none() {
    let request = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic OnNlY3JldA==\r\n\r\n";
    assert_eq!(plain("%(u)s", request), "-\n");
}

#[test]
fn atoms_are_filled_up_to_their_width() {
    assert_eq!(plain("%(h)12s|%(m)-5s|%(s)5s|%(B)05d|%(U)2s", REQUEST), "   192.0.2.1|GET  |  200|00014|/a b\n");
}

#[test]
fn what_a_client_sends_stays_on_its_line() {
    let text = plain("%(U)s", b"GET /%0a%ff%22 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(text, "/\\x0a\\xff\\\"\n");
}

#[test]
fn of_a_line_that_is_none_what_came_is_told() {
    let format = "\"%(r)s\" %(m)s %(U)s %(q)s %(H)s %({host}i)s %(s)s";
    assert_eq!(
        plain(format, b"\x16\x03\x01\" \x1b[2Jmore\r\nHost: x\r\n"),
        "\"\\x16\\x03\\x01\\\" \\x1b[2Jmore\" - - - - - 200\n"
    );
    assert_eq!(plain(format, b"GET /half"), "\"GET /half\" - - - - - 200\n");
    assert_eq!(plain(format, b"GET / HTTP/1.1\r\nHost: x\r\nHo"), "\"GET / HTTP/1.1\" GET /  HTTP/1.1 x 200\n");
    assert_eq!(plain("%(r)s", &[b'x'; 5000]).len(), 1025);
}

#[test]
fn a_json_line_is_an_object() {
    let text = line(Style::Json, REQUEST, true);
    let (time, rest) = text.split_once(",\"level\"").unwrap();
    assert!(time.starts_with("{\"time\":\"") && time.ends_with("Z\""), "{time}");
    let expected = format!(
        ":\"INFO\",\"logger\":\"gunicorn.access\",\"pid\":{},\"remote_addr\":\"192.0.2.1\",\"method\":\"GET\",\
         \"path\":\"/a%20b\",\"query\":\"q=1\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":14,\
         \"duration_us\":1234567,\"referer\":null,\"user_agent\":\"\\\"curl\\\"\",\"host\":\"x\"}}\n",
        std::process::id()
    );
    assert_eq!(rest, expected);
    let refused = line(Style::Json, b"nonsense\xff\r\n", false);
    assert!(refused.ends_with(",\"host\":null,\"request\":\"nonsense\\u00ff\"}\n"), "{refused}");
    let traced = b"GET / HTTP/1.1\r\nHost: x\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
    let traced = line(Style::Json, traced, false);
    assert!(
        traced.ends_with(",\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":\"b7ad6b7169203331\"}\n"),
        "{traced}"
    );
}

#[test]
fn a_pipe_nobody_reads_makes_nobody_wait() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut outlets = Outlets::default();
    outlets.add_standard_output(writer.as_fd()).unwrap();
    drop(writer);
    let line = b"a line of which there are many\n";
    for _ in 0..100 {
        outlets.gathered.lines = line.repeat(1000);
        outlets.write();
    }
    assert!(outlets.is_behind());
    let told: Vec<String> = outlets.take_notices().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["The access log cannot be written to standard output: its reader is too slow"]);
    let reading = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
    outlets.finish(std::time::Duration::from_secs(10));
    let notices = outlets.take_notices();
    drop(outlets);
    let text = reading.join().unwrap();
    assert!(text.as_bytes().chunks(line.len()).all(|chunk| chunk == line));
    let lost = 100_000 - text.lines().count();
    assert!(lost > 0);
    assert_eq!(notices[0].to_string(), format!("{lost} lines of the access log to standard output were lost"));
}
