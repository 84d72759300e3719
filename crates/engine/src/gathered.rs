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
}

impl Gathered {
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.measures.is_empty()
    }

    pub fn clear(&mut self) {
        self.lines.clear();
        self.measures.clear();
    }
}
