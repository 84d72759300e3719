//! Conditions, ranges, codings, dates: what a client may say about the thing it asks for.

use longma_proto::h1::date::{imf_fixdate, parse_date};
use longma_proto::representation::codings::preferred;
use longma_proto::representation::{Coding, Conditions, Selection, Validators, Verdict};
use proptest::prelude::*;

const NOW: i64 = 1_700_000_000;
/// Sun, 06 Nov 1994 08:49:37 GMT
const MODIFIED: i64 = 784_111_777;
const STRONG: Validators<'static> = Validators { etag: b"\"a,b\"", modified: MODIFIED };
const WEAK: Validators<'static> = Validators { etag: b"W/\"a,b\"", modified: MODIFIED };

fn conditions(fields: &[(&str, &str)]) -> Conditions {
    let mut conditions = Conditions::default();
    for (name, value) in fields {
        conditions.notice(name.as_bytes(), value.as_bytes());
    }
    conditions
}

#[test]
fn a_date_is_read_in_each_of_its_forms() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
    ] {
        assert_eq!(parse_date(text.as_bytes(), NOW), Some(MODIFIED), "{text}");
    }
    assert_eq!(parse_date(b"Saturday, 06-Nov-73 08:49:37 GMT", NOW), Some(3_277_183_777), "at most 50 years ahead");
    assert_eq!(parse_date(b"Tuesday, 06-Nov-74 08:49:37 GMT", NOW), Some(152_959_777), "else it has been");
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "",
        ",",
        "Sun",
        "Sun, ",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun Nov  6 08:49:37 19x4",
        "784111777",
    ] {
        assert_eq!(parse_date(text.as_bytes(), NOW), None, "{text}");
    }
}

#[test]
fn a_condition_is_judged_by_tag_first_and_by_date_where_there_is_none() {
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let cases: &[(&[(&str, &str)], Verdict)] = &[
        (&[], Verdict::Met),
        (&[("If-None-Match", "\"a,b\"")], Verdict::NotModified),
        (&[("If-None-Match", "W/\"a,b\"")], Verdict::NotModified),
        (&[("if-none-match", " , \"x\" ,W/\"y\",, \"a,b\"")], Verdict::NotModified),
        (&[("If-None-Match", "\"x\""), ("If-None-Match", "\"a,b\"")], Verdict::NotModified),
        (&[("If-None-Match", "*")], Verdict::NotModified),
        (&[("If-None-Match", "\"a\", \"b\"")], Verdict::Met),
        (&[("If-None-Match", "a,b")], Verdict::Met),
        (&[("If-None-Match", "\"x\" oops \"a,b\"")], Verdict::Met),
        (&[("If-None-Match", "\"unfinished")], Verdict::Met),
        (&[("If-None-Match", "\"x\""), ("If-Modified-Since", THEN)], Verdict::Met),
        (&[("If-Modified-Since", THEN)], Verdict::NotModified),
        (&[("If-Modified-Since", BEFORE)], Verdict::Met),
        (&[("If-Modified-Since", "yesterday")], Verdict::Met),
        (&[("If-Modified-Since", THEN), ("If-Modified-Since", THEN)], Verdict::Met),
        (&[("If-Match", "\"a,b\"")], Verdict::Met),
        (&[("If-Match", "*")], Verdict::Met),
        (&[("If-Match", "W/\"a,b\"")], Verdict::Failed),
        (&[("If-Match", "\"x\"")], Verdict::Failed),
        (&[("If-Match", "")], Verdict::Failed),
        (&[("If-Match", "\"a,b\""), ("If-None-Match", "\"a,b\"")], Verdict::NotModified),
        (&[("If-Unmodified-Since", BEFORE)], Verdict::Failed),
        (&[("If-Unmodified-Since", THEN)], Verdict::Met),
        (&[("If-Unmodified-Since", "oops")], Verdict::Met),
        (&[("If-Match", "\"a,b\""), ("If-Unmodified-Since", BEFORE)], Verdict::Met),
    ];
    for (fields, expected) in cases {
        assert_eq!(conditions(fields).judge(STRONG, NOW), *expected, "{fields:?}");
    }
    assert_eq!(conditions(&[("If-Match", "W/\"a,b\"")]).judge(WEAK, NOW), Verdict::Failed);
    assert_eq!(conditions(&[("If-None-Match", "\"a,b\"")]).judge(WEAK, NOW), Verdict::NotModified);
}

#[test]
fn a_part_is_selected_where_it_is_there() {
    use Selection::{Part, Unsatisfiable, Whole};
    for (range, expected) in [
        ("bytes=0-0", Part { first: 0, length: 1 }),
        ("bytes=0-", Part { first: 0, length: 100 }),
        ("BYTES = 10-19", Part { first: 10, length: 10 }),
        ("bytes=90-1000", Part { first: 90, length: 10 }),
        ("bytes=0-99999999999999999999999999", Part { first: 0, length: 100 }),
        ("bytes=-1", Part { first: 99, length: 1 }),
        ("bytes=-1000", Part { first: 0, length: 100 }),
        ("bytes=,5-6,", Part { first: 5, length: 2 }),
        ("bytes=100-", Unsatisfiable),
        ("bytes=99999999999999999999999999-", Unsatisfiable),
        ("bytes=-0", Unsatisfiable),
        ("bytes=0-1,5-6", Whole),
        ("bytes=6-5", Whole),
        ("bytes=", Whole),
        ("bytes=-", Whole),
        ("bytes=a-b", Whole),
        ("bytes=+1-2", Whole),
        ("bytes=1-2-3", Whole),
        ("bytes 1-2", Whole),
        ("lines=1-2", Whole),
        ("", Whole),
    ] {
        assert_eq!(conditions(&[("Range", range)]).select(100, STRONG, NOW), expected, "{range}");
    }
    assert_eq!(conditions(&[("Range", "bytes=0-")]).select(0, STRONG, NOW), Unsatisfiable);
    assert_eq!(conditions(&[("Range", "bytes=-5")]).select(0, STRONG, NOW), Unsatisfiable);
    assert_eq!(conditions(&[("Range", "bytes=0-1"), ("Range", "bytes=0-1")]).select(100, STRONG, NOW), Whole);
}

#[test]
fn a_part_is_only_of_the_state_that_the_client_has() {
    let part = Selection::Part { first: 0, length: 2 };
    for (if_range, of_strong, of_weak) in [
        ("\"a,b\"", true, false),
        ("W/\"a,b\"", false, false),
        ("\"x\"", false, false),
        ("Sun, 06 Nov 1994 08:49:37 GMT", true, false),
        ("Sun, 06 Nov 1994 08:49:38 GMT", false, false),
        ("oops", false, false),
    ] {
        let wanted = conditions(&[("Range", "bytes=0-1"), ("If-Range", if_range)]);
        for (validators, expected) in [(STRONG, of_strong), (WEAK, of_weak)] {
            let expected = if expected { part } else { Selection::Whole };
            assert_eq!(wanted.select(9, validators, NOW), expected, "{if_range}");
        }
    }
}

#[test]
fn codings_are_preferred_by_their_weight() {
    use Coding::{Brotli, Gzip, Zstandard};
    let cases: &[(&str, &[Coding])] = &[
        ("", &[]),
        ("gzip", &[Gzip]),
        ("X-GZIP", &[Gzip]),
        ("gzip, deflate, br, zstd", &[Brotli, Zstandard, Gzip]),
        ("gzip;q=1.0, br;q=0.5", &[Gzip, Brotli]),
        ("gzip ; q=0.001,br;Q=0.01", &[Brotli, Gzip]),
        ("br;q=0, *", &[Zstandard, Gzip]),
        ("*;q=0", &[]),
        ("*", &[Brotli, Zstandard, Gzip]),
        ("identity, gzip;q=0.5", &[]),
        ("identity;q=0.5, gzip;q=0.5, br;q=0.4", &[Gzip]),
        ("gzip;q=2, br;q=1.001, zstd;q=0.1234", &[]),
        ("gzip;q=, br;level=3", &[]),
        (";;,,=, br", &[Brotli]),
        ("compress, brotli", &[]),
    ];
    for (field, expected) in cases {
        assert_eq!(preferred(field.as_bytes()).collect::<Vec<_>>(), *expected, "{field}");
    }
}

proptest! {
    #[test]
    fn every_moment_is_read_as_it_was_written(moment in -62_167_219_200..253_402_300_799_i64) {
        prop_assert_eq!(parse_date(&imf_fixdate(moment), NOW), Some(moment));
    }

    #[test]
    fn nothing_that_a_client_says_is_too_much(
        value in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "[bytes=0-9,;q.* \"W/a-]{0,60}".prop_map(String::into_bytes),
            "(Sun|Sunday)?,? ?[0-9]{0,3}[ -]Nov[ -][0-9]{0,5} [0-9:]{0,9} ?(GMT)?".prop_map(String::into_bytes),
        ],
        length in any::<u64>(),
        now in any::<i64>(),
    ) {
        let mut conditions = Conditions::default();
        for name in ["Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"] {
            conditions.notice(name.as_bytes(), &value);
        }
        conditions.judge(STRONG, now);
        if let Selection::Part { first, length: count } = conditions.select(length, STRONG, now) {
            prop_assert!(count > 0 && first.checked_add(count).is_some_and(|end| end <= length));
        }
        conditions.notice(b"If-Range", &value);
        conditions.select(length, STRONG, now);
        prop_assert!(preferred(&value).count() <= 3);
        if let Some(moment) = parse_date(&value, now) {
            prop_assert!(parse_date(&imf_fixdate(moment), now) == Some(moment));
        }
    }
}
