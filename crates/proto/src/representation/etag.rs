//! Entity tags: `"…"`, weak ones `W/"…"` (RFC 9110 §8.8.3).

/// Whether this one is weak.
pub(super) fn is_weak(tag: &[u8]) -> bool {
    tag.starts_with(b"W/")
}

/// Equal, whether weak or not.
fn weakly(one: &[u8], other: &[u8]) -> bool {
    opaque(one) == opaque(other)
}

/// Equal, and neither is weak.
pub(super) fn strongly(one: &[u8], other: &[u8]) -> bool {
    !is_weak(one) && !is_weak(other) && one == other
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// How tags are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Weak,
    Strong,
}

/// Whether a list of tags, or `*`, has this one. What follows a mistake in the list does not count.
pub(super) fn lists(list: &[u8], tag: &[u8], comparison: Comparison) -> bool {
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    loop {
        rest = rest.trim_ascii_start();
        if let Some(behind) = rest.strip_prefix(b",") {
            rest = behind;
            continue;
        }
        let Some(length) = length_of(rest) else { return false };
        let (one, behind) = rest.split_at(length);
        let is_same = if comparison == Comparison::Weak { weakly(one, tag) } else { strongly(one, tag) };
        if is_same {
            return true;
        }
        rest = behind;
    }
}

/// The length of the tag at the front. A comma may be part of it.
fn length_of(bytes: &[u8]) -> Option<usize> {
    let opening = if is_weak(bytes) { 2 } else { 0 };
    if bytes.get(opening) != Some(&b'"') {
        return None;
    }
    let closing = bytes[opening + 1..].iter().position(|&byte| byte == b'"')?;
    Some(opening + 1 + closing + 1)
}
