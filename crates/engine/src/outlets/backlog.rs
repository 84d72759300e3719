//! Lines on their way out, and those that were too many.

/// The most that is kept for a reader that is too slow.
const MAX_BYTES: usize = 1 << 20;
/// Room that is kept when everything is out.
const KEPT_BYTES: usize = 64 * 1024;

/// Whole lines, of which the first may have been written in part.
#[derive(Debug, Default)]
pub struct Backlog {
    bytes: Vec<u8>,
    at: usize,
    lost: u64,
}

impl Backlog {
    /// Add whole lines, as many as there is room for.
    pub fn add(&mut self, lines: &[u8]) {
        let room = MAX_BYTES.saturating_sub(self.rest().len());
        let fits = if lines.len() <= room { lines.len() } else { end_of_lines(&lines[..room]) };
        self.bytes.extend_from_slice(&lines[..fits]);
        self.lost += count(&lines[fits..]);
    }

    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// What is to be written.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// As many whole lines as `limit` bytes hold, or a part of one that is longer.
    pub fn piece(&self, limit: usize) -> &[u8] {
        let rest = self.rest();
        let first = &rest[..rest.len().min(limit)];
        match end_of_lines(first) {
            0 => first,
            end => &first[..end],
        }
    }

    /// So much has been written.
    pub fn advance(&mut self, count: usize) {
        self.at += count;
        if self.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT_BYTES);
            self.at = 0;
        } else if self.at > KEPT_BYTES {
            let begun = end_of_lines(&self.bytes[..self.at]);
            self.bytes.drain(..begun);
            self.at -= begun;
        }
    }

    /// Go back to the beginning of the line that was written in part: its reader will not see the rest.
    pub fn rewind(&mut self) {
        self.at = end_of_lines(&self.bytes[..self.at]);
    }

    /// Count lines that were lost on their way here.
    pub fn lose(&mut self, lines: u64) {
        self.lost += lines;
    }

    /// Give up the first line.
    pub fn lose_line(&mut self) {
        let length = self.rest().iter().position(|&byte| byte == b'\n').map_or(self.rest().len(), |at| at + 1);
        self.lost += u64::from(length > 0);
        self.advance(length);
    }

    /// Give everything up.
    pub fn lose_all(&mut self) {
        self.lost += count(self.rest());
        self.advance(self.rest().len());
    }

    /// How many lines have been lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

fn end_of_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_counted_line_by_line() {
        let mut backlog = Backlog::default();
        let lines = b"0123456789\n".repeat(MAX_BYTES / 11 + 3);
        backlog.add(&lines);
        assert_eq!(backlog.lost(), 3);
        assert!(backlog.rest().ends_with(b"9\n"));
        backlog.add(b"more\n");
        assert_eq!(backlog.take_lost(), 4);
        backlog.advance(11);
        backlog.add(b"more\n");
        assert_eq!(backlog.lost(), 0);
        backlog.lose_all();
        assert_eq!((backlog.lost(), backlog.is_empty()), ((MAX_BYTES / 11) as u64, true));
    }

    #[test]
    fn pieces_end_with_a_line_where_they_can() {
        let mut backlog = Backlog::default();
        backlog.add(b"one\ntwo\nthree\n");
        assert_eq!(backlog.piece(9), b"one\ntwo\n");
        assert_eq!(backlog.piece(3), b"one");
        backlog.advance(5);
        assert_eq!(backlog.rest(), b"wo\nthree\n");
        backlog.rewind();
        assert_eq!(backlog.rest(), b"two\nthree\n");
        backlog.lose_line();
        assert_eq!((backlog.rest(), backlog.lost()), (&b"three\n"[..], 1));
    }
}
