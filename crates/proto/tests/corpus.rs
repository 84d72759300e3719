//! The corpus of accepted and refused bytes, run through the parser: whole, byte by byte, in two pieces cut anywhere,
//! and with more bytes after it.

use std::collections::HashSet;

use crate::support::cases;
use crate::support::connection::{Connection, Request, Standing};
use crate::support::corpus::{Case, End, Expected};

const TRAILING: &[u8] = b"GET /t HTTP/1.1\r\nHost: t\r\n\r\n";
/// Longer inputs are not cut at every place: that takes the square of their length.
const MAX_CUT_BYTES: usize = 700;

#[test]
fn every_case_has_a_name_of_its_own_and_there_are_many() {
    let cases = cases();
    let names: HashSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() >= 300, "{} cases", cases.len());
    for case in &cases {
        assert!(
            case.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{}",
            case.title
        );
        assert!(["RFC ", "PEP ", "Gunicorn: "].iter().any(|start| case.source.starts_with(start)), "{}", case.title);
    }
}

#[test]
fn every_case_given_whole() {
    check_all(|case| check(case, &Connection::after(&case.input, case.limits), "whole"));
}

#[test]
fn every_case_given_byte_by_byte() {
    check_all(|case| {
        let mut connection = Connection::new(case.limits);
        for byte in &case.input {
            connection.feed(&[*byte]);
        }
        check(case, &connection, "byte by byte")?;
        same(case, &connection, &Connection::after(&case.input, case.limits), "byte by byte")
    });
}

#[test]
fn every_case_cut_in_two_at_every_place() {
    check_all(|case| {
        let whole = Connection::after(&case.input, case.limits);
        let cuts = if case.input.len() <= MAX_CUT_BYTES { case.input.len() } else { 0 };
        (0..cuts).try_for_each(|cut| {
            let mut connection = Connection::new(case.limits);
            connection.feed(&case.input[..cut]);
            connection.feed(&case.input[cut..]);
            same(case, &connection, &whole, &format!("cut at {cut}"))
        })
    });
}

#[test]
fn every_case_with_more_bytes_after_it() {
    check_all(|case| {
        let at_once = Connection::after(&[&case.input[..], TRAILING].concat(), case.limits);
        let mut later = Connection::after(&case.input, case.limits);
        later.feed(TRAILING);
        same(case, &later, &at_once, "with trailing bytes later")?;
        check_trailing(case, &at_once)
    });
}

/// Run `check` on all cases and report all that fail.
fn check_all(check: impl Fn(&Case) -> Result<(), String>) {
    let failures: Vec<String> = cases().iter().filter_map(|case| check(case).err()).collect();
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn check(case: &Case, connection: &Connection, how: &str) -> Result<(), String> {
    let fail = |what: String| Err(format!("{} ({how}): {what}", case.title));
    let requests = connection.complete_requests();
    if requests.len() != case.requests.len() {
        return fail(format!("{} requests, {:?}", requests.len(), connection.standing()));
    }
    for (expected, request) in case.requests.iter().zip(requests) {
        if let Some(difference) = difference(expected, request) {
            return fail(difference);
        }
    }
    let is_closed = case.requests.last().is_some_and(|request| request.close);
    match (case.end, connection.standing()) {
        (End::Complete, Standing::Closed) if is_closed => Ok(()),
        (End::Complete, Standing::Idle) if !is_closed => Ok(()),
        (End::Partial, Standing::Partial) => Ok(()),
        (End::Refused(expected), Standing::Refused { status, .. }) if status == expected => Ok(()),
        (end, standing) => fail(format!("{standing:?} instead of {end:?}")),
    }
}

/// What the request has other than expected, if anything.
fn difference(expected: &Expected, request: &Request) -> Option<String> {
    let fits = |wanted: &Option<Vec<u8>>, got: &[u8]| wanted.as_deref().is_none_or(|wanted| wanted == got);
    let agrees = expected.method == request.method
        && expected.target == request.target
        && expected.version == request.version
        && expected.body == request.body
        && expected.close == request.close
        && fits(&expected.path, &request.path)
        && fits(&expected.query, &request.query)
        && fits(&expected.authority, &request.authority)
        && expected.expects_continue.is_none_or(|flag| flag == request.expects_continue)
        && expected.upgrade.is_none_or(|flag| flag == request.upgrade)
        && expected.fields.as_ref().is_none_or(|fields| *fields == request.fields);
    (!agrees).then(|| format!("another request: {request:?}"))
}

fn same(case: &Case, connection: &Connection, whole: &Connection, how: &str) -> Result<(), String> {
    let agrees = connection.complete_requests() == whole.complete_requests() && connection.standing() == whole.standing();
    if agrees {
        Ok(())
    } else {
        Err(format!("{} ({how}): {:?} instead of {:?}", case.title, connection.standing(), whole.standing()))
    }
}

/// After a refusal and after the last request nothing is a request; after any other whole one the next begins. What
/// is not whole takes the bytes as its own, in ways that differ.
fn check_trailing(case: &Case, connection: &Connection) -> Result<(), String> {
    let is_closed = case.requests.last().is_some_and(|request| request.close);
    match case.end {
        End::Partial => Ok(()),
        End::Complete if !is_closed => match connection.complete_requests().split_last() {
            Some((last, before)) if last.target == b"/t" && before.len() == case.requests.len() => Ok(()),
            _ => Err(format!("{}: the next request is not read: {:?}", case.title, connection.standing())),
        },
        End::Complete | End::Refused(_) => check(case, connection, "with trailing bytes"),
    }
}
