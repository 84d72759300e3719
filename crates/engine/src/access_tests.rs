use std::io::{Read, Seek};

use longma_proto::h1::Limits;

use super::*;

fn line(format: &str, request: &[u8]) -> String {
    let mut head = HeadParser::new();
    head.advance(request, &Limits::default()).unwrap();
    let mut environ = |name: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(b"value of ");
        out.extend_from_slice(name.as_bytes());
        name == "user"
    };
    let mut record = Record {
        peer: Some("192.0.2.1:99".parse().unwrap()),
        bytes: request,
        head: &head,
        status: b"200",
        response_head: b"HTTP/1.1 200 OK\r\nX-Kind: tea pot\r\n\r\n",
        sent: 14,
        duration_ns: 1_234_567_890,
        environ: &mut environ,
    };
    let mut file = crate::spool::Spool::new().unwrap().into_parts().0;
    let mut log = AccessLog::new(file.try_clone().unwrap(), format);
    log.record(&mut record, 0);
    assert!(log.has_pending());
    log.flush();
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

const REQUEST: &[u8] = b"GET /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: \"curl\"\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n";

#[test]
fn the_default_format_is_the_combined_one() {
    let text = line(r#"%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#, REQUEST);
    assert_eq!(text, "192.0.2.1 - user \"GET /a%20b?q=1 HTTP/1.1\" 200 14 \"-\" \"\\\"curl\\\"\"\n");
}

#[test]
fn every_other_atom_has_its_value() {
    let text =
        line("%(m)s %(U)s %(q)s %(H)s %(B)s %(T)s %(M)s %(D)s %(L)s %({host}i)s %({x-kind}o)s %({USER}e)s %({none}e)s", REQUEST);
    assert_eq!(text, "GET /a b q=1 HTTP/1.1 14 1 1234 1234567 1.234567 x tea pot value of user -\n");
}

#[test]
fn what_a_client_sends_stays_on_its_line() {
    let text = line("%(U)s", b"GET /%0a%ff%22 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(text, "/\\x0a\\xff\\\"\n");
}
