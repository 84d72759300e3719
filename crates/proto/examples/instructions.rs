//! Reads one head again and again, to be counted: run it twice under callgrind with different counts; the difference
//! of the totals, divided by that of the counts, is what one head costs.
//!
//! `valgrind --tool=callgrind instructions hello 1000`

use std::hint::black_box;

use longma_proto::h1::{HeadParser, Limits, Progress};

const HELLO: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: wrk/4.2.0\r\n\r\n";

const BROWSER: &[u8] = b"GET /articles/2026/spring?page=2 HTTP/1.1\r\n\
    Host: www.example.com\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
    Cookie: sessionid=0123456789abcdef0123456789abcdef; csrftoken=abcdefghijklmnopqrstuvwxyz012345\r\n\r\n";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut head = match arguments.next().as_deref() {
        Some("hello") => HELLO.to_vec(),
        Some("browser") => BROWSER.to_vec(),
        _ => panic!("give hello or browser, and a count"),
    };
    let count: usize = arguments.next().and_then(|text| text.parse().ok()).expect("a count");
    let mut parser = HeadParser::new();
    let limits = Limits::default();
    for _ in 0..count {
        parser.reset();
        let progress = parser.advance(black_box(&mut head), &limits);
        assert!(matches!(progress, Ok(Progress::Complete { .. })));
        black_box(parser.fields());
    }
}
