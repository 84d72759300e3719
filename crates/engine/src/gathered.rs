//! What has gathered for the access log and waits to be written out.

/// What the counters are told of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    pub status: Option<[u8; 3]>,
    pub duration_us: u64,
}

/// Lines and measures that wait to be written out.
#[derive(Debug, Default)]
pub struct Gathered {
    pub lines: Vec<u8>,
    pub measures: Vec<Measure>,
    /// Lines there was no room for: whoever writes has not come back for long.
    pub lost: u64,
}

/// The most that gathers.
const MAX_BYTES: usize = 1 << 20;
const MAX_MEASURES: usize = 1 << 16;
/// Room that is kept when it is written out.
const KEPT_BYTES: usize = 64 * 1024;

impl Gathered {
    /// End the line that began at `start`, if there is one, and the measure of its request.
    pub fn end(&mut self, start: usize, measure: Option<Measure>) {
        if self.lines.len() > MAX_BYTES {
            self.lines.truncate(start);
            self.lost += 1;
        }
        self.measures.extend(measure.filter(|_| self.measures.len() < MAX_MEASURES));
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.measures.is_empty() && self.lost == 0
    }

    pub fn clear(&mut self) {
        self.lines.clear();
        self.lines.shrink_to(KEPT_BYTES);
        self.measures.clear();
        self.lost = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_writes_out_is_bounded_and_counted() {
        let mut gathered = Gathered::default();
        for _ in 0..MAX_BYTES / 1000 + 10 {
            let start = gathered.lines.len();
            gathered.lines.extend_from_slice(&[b'x'; 999]);
            gathered.lines.push(b'\n');
            gathered.end(start, None);
        }
        assert_eq!((gathered.lines.len() / 1000, gathered.lost), (MAX_BYTES / 1000, 10));
        gathered.clear();
        assert!(gathered.is_empty() && gathered.lines.capacity() <= KEPT_BYTES);
    }
}
