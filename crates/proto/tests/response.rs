//! Responses: what an application may say, how the body is framed, error answers, dates.

use longma_proto::h1::Version::{self, Http10, Http11};
use longma_proto::h1::date::imf_fixdate;
use longma_proto::h1::response::{
    FieldClass, Framing, FramingFacts, check_name, check_status, check_value, chunk_head, classify, error_response,
    forbids_length, frame, parse_length, reason,
};

#[test]
fn hop_by_hop_fields_and_ours_are_dropped_in_any_case() {
    let dropped = [
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "TE",
        "Trailers",
        "Transfer-Encoding",
        "Upgrade",
        "Server",
        "Date",
    ];
    for name in dropped {
        for spelt in [name.to_string(), name.to_lowercase(), name.to_uppercase()] {
            assert_eq!(classify(spelt.as_bytes()), FieldClass::Drop, "{spelt}");
        }
    }
    for name in ["Content-Length", "content-length", "CONTENT-LENGTH"] {
        assert_eq!(classify(name.as_bytes()), FieldClass::ContentLength);
    }
    for name in ["", "Trailer", "Content-Type", "Set-Cookie", "Content_Length", "X-Connection", "Dat", "Dates", "Via"] {
        assert_eq!(classify(name.as_bytes()), FieldClass::Pass, "{name}");
    }
}

#[test]
fn a_status_is_three_digits_and_perhaps_words() {
    for (status, code) in [("200 OK", 200), ("200", 200), ("404 ", 404), ("999 \u{e9}t\u{e9}", 999), ("100 a\tb", 100)] {
        assert_eq!(check_status(status.as_bytes()), Ok(code), "{status}");
    }
    let refused = [
        "",
        "2",
        "20",
        "2000",
        "200OK",
        "099 x",
        "000",
        " 200 OK",
        "+20 x",
        "20a",
        "200\tOK",
        "200 O\rK",
        "200 O\nK",
        "200 O\0K",
        "200 \x7f",
        "200 OK\r\nX: y",
        "-10",
    ];
    for status in refused {
        assert!(check_status(status.as_bytes()).is_err(), "{status:?}");
    }
}

#[test]
fn names_are_tokens_and_values_hold_no_controls() {
    for name in ["X", "x-y", "!#$%&'*+-.^_`|~09"] {
        assert!(check_name(name.as_bytes()).is_ok());
    }
    for name in ["", "X Y", "X:", "X\r", "X\n", "X\0", "caf\u{e9}", "(x)", "X\t"] {
        assert!(check_name(name.as_bytes()).is_err(), "{name:?}");
    }
    for value in [&b""[..], b" a\tb ", b"\x80\xff", b"a: b"] {
        assert!(check_value(value).is_ok());
    }
    for bad in (0..0x20).filter(|&byte| byte != b'\t').chain([0x7f]) {
        for length in [1, 8, 16, 33] {
            for at in [0, length / 2, length - 1] {
                let mut value = vec![b'v'; length];
                value[at] = bad;
                assert!(check_value(&value).is_err(), "{bad:#04x} at {at} of {length}");
            }
        }
    }
    let words = check_value(b"\n").expect_err("a line end is refused");
    assert_eq!((words.status(), words.to_string().is_empty()), (500, false));
}

#[test]
fn a_length_is_digits() {
    assert_eq!(parse_length(b"0"), Ok(0));
    assert_eq!(parse_length(b" 12\t"), Ok(12));
    assert_eq!(parse_length(b"18446744073709551615"), Ok(u64::MAX));
    for bad in ["", " ", "-1", "+1", "1.0", "0x1", "1,1", "1 1", "18446744073709551616", "a"] {
        assert!(parse_length(bad.as_bytes()).is_err(), "{bad}");
    }
}

fn facts(version: Version, status: u16, content_length: Option<u64>) -> FramingFacts {
    FramingFacts {
        version,
        head_request: false,
        connect_request: false,
        status,
        content_length,
        keep_alive: true,
        gateway: false,
    }
}

#[test]
fn a_body_is_framed_by_length_or_chunks_or_the_end_of_the_connection() {
    assert_eq!(frame(facts(Http11, 200, Some(5))), (Framing::Length(5), true));
    assert_eq!(frame(facts(Http10, 200, Some(5))), (Framing::Length(5), true));
    assert_eq!(frame(facts(Http11, 200, None)), (Framing::Chunked, true));
    assert_eq!(frame(facts(Http10, 200, None)), (Framing::Close, false));
    let handed_over = |keep_alive| FramingFacts { keep_alive, gateway: true, ..facts(Http10, 200, None) };
    assert_eq!(frame(handed_over(true)), (Framing::Close, true));
    assert_eq!(frame(handed_over(false)), (Framing::Close, false));
    let closing = FramingFacts { keep_alive: false, ..facts(Http11, 404, None) };
    assert_eq!(frame(closing), (Framing::Chunked, false));
}

#[test]
fn some_responses_have_no_body_whatever_they_say() {
    for status in [100, 102, 103, 204, 304] {
        for length in [None, Some(7)] {
            assert_eq!(frame(facts(Http11, status, length)), (Framing::None, true), "{status}");
            assert_eq!(frame(facts(Http10, status, length)), (Framing::None, true), "{status}");
        }
    }
    let to_head = FramingFacts { head_request: true, ..facts(Http11, 200, Some(9)) };
    assert_eq!(frame(to_head), (Framing::None, true));
    assert_eq!(frame(facts(Http11, 101, None)), (Framing::None, false));
    assert!(forbids_length(204) && forbids_length(100) && !forbids_length(304) && !forbids_length(200));
}

#[test]
fn a_tunnel_ends_with_its_connection() {
    let to_connect = |status| FramingFacts { connect_request: true, ..facts(Http11, status, Some(3)) };
    assert_eq!(frame(to_connect(200)), (Framing::Close, false));
    assert_eq!(frame(to_connect(403)), (Framing::Length(3), true));
}

#[test]
fn chunk_heads_are_hexadecimal() {
    for (len, expected) in
        [(0, "0\r\n"), (1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (500, "1f4\r\n"), (usize::MAX, "ffffffffffffffff\r\n")]
    {
        let mut out = b">".to_vec();
        chunk_head(len, &mut out);
        assert_eq!(out, [b">", expected.as_bytes()].concat());
    }
}

#[test]
fn an_error_answer_is_whole_and_closes() {
    let date = imf_fixdate(784_111_777);
    let answer = error_response(431, "too much", &date, false);
    let expected = "HTTP/1.1 431 Request Header Fields Too Large\r\nServer: longma\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 46\r\n\r\n\
        431 Request Header Fields Too Large: too much\n";
    assert_eq!(String::from_utf8(answer), Ok(expected.to_string()));
    let to_head = error_response(431, "too much", &date, true);
    assert_eq!(to_head, expected.as_bytes()[..expected.find("\r\n\r\n").expect("a head ends") + 4]);
    assert!(error_response(500, "", &date, false).ends_with(b"\r\n\r\n500 Internal Server Error\n"));
}

#[test]
fn reasons_are_found_for_all_statuses_that_have_one() {
    for (status, words) in [
        (100, "Continue"),
        (200, "OK"),
        (404, "Not Found"),
        (505, "HTTP Version Not Supported"),
        (511, "Network Authentication Required"),
    ] {
        assert_eq!(reason(status), words);
    }
    assert_eq!(reason(299), "Unknown");
    assert_eq!((100..600).filter(|&status| reason(status) != "Unknown").count(), 62);
}

#[test]
fn dates_are_those_of_the_calendar() {
    let known = [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (i64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (i64::MIN, "Sat, 01 Jan 0000 00:00:00 GMT"),
    ];
    for (seconds, text) in known {
        assert_eq!(String::from_utf8_lossy(&imf_fixdate(seconds)), text);
    }
}

#[test]
fn dates_follow_each_other_day_by_day() {
    let months = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let mut day = 0_i64;
    for year in 1970..2410 {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for (month, length) in months {
            for day_of_month in 1..=length + i64::from(is_leap && month == "Feb") {
                let weekday = weekdays[usize::try_from(day % 7).expect("after 1970")];
                let expected = format!("{weekday}, {day_of_month:02} {month} {year} 13:59:01 GMT");
                assert_eq!(String::from_utf8_lossy(&imf_fixdate(day * 86_400 + 50_341)), expected);
                day += 1;
            }
        }
    }
}
