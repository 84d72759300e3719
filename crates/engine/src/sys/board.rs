//! The board: shared memory with a page a worker, written by its worker, read by everybody; and a page of the master's.
//!
//! Plain relaxed stores: each word stands for itself and has one writer, so readers need no order among them.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Bytes of one worker's page.
pub const PAGE_BYTES: usize = 4096;

/// Where a page's text begins: what the call says that has lasted for long.
const TEXT_AT: usize = 512;
const TEXT_BYTES: usize = 1016;

/// How long after its last heartbeat a waiting worker is believed to be alive; it beats every second.
const LIVELY_MS: u64 = 3000;

/// A word of a page, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Word {
    Pid = 0,
    State = 1,
    Heartbeat = 2,
    CallStarted = 3,
    Connections = 4,
    Requests = 5,
    /// Requests that the application, or whoever answers in its place, was given.
    Begun = 6,
    HandedOut = 7,
    HandedIn = 8,
    Stalls = 9,
    Accepted = 10,
    Refused = 11,
    BytesOut = 12,
    BytesIn = 13,
    /// Not 0: the worker is to finish and leaves newcomers to the others.
    Draining = 14,
    /// How many requests wait for the application.
    Queued = 15,
    /// Final answers by the first digit of their status; the four classes behind this one follow it.
    Answered1xx = 16,
    /// Which queue it takes connections from: workers that listen on other things, or speak otherwise, have another.
    Queue = 21,
    /// Nanoseconds that calls of the application have taken, where that is measured.
    CallTime = 22,
    /// Such calls by how long they took: those within the first of `CALL_BOUNDS_US`; the others follow, and the longest.
    CallsWithin = 23,
    /// Not 0: the master is about to end the worker, whatever it is doing. Only the master writes this one.
    Condemned = 38,
}

/// How many classes of statuses there are (RFC 9110 §15).
pub const CLASSES: usize = 5;
/// Into which lengths calls are sorted, in microseconds; one that takes a bound exactly is within it.
pub const CALL_BOUNDS_US: [u64; 14] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
    30_000_000,
];
/// Where the master's page says that it is being changed: an odd number while it is.
const CHANGES_AT: usize = 1;
/// Where it counts the workers that were started.
const STARTED_AT: usize = 2;
/// Where it has the counters of workers that are gone, added up, each as far behind this as it lies on a worker's page.
const GONE_AT: usize = 64;
/// How often a reading is tried that the master changes something under: it does so for microseconds.
const MAX_READINGS: usize = 1000;

/// What a worker is doing, as its siblings and the master see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum WorkerState {
    Free = 0,
    Booting = 1,
    Idle = 2,
    Active = 3,
    Stalled = 4,
    Retiring = 5,
}

/// All pages, and which of them is ours.
#[derive(Debug)]
pub struct Board {
    base: NonNull<AtomicU64>,
    slots: usize,
    slot: usize,
    /// Which page is the master's.
    master: Option<usize>,
}

// SAFETY: the memory is only ever touched through atomics, and outlives the board by the contract of `new`.
unsafe impl Send for Board {}
// SAFETY: as above.
unsafe impl Sync for Board {}

impl Board {
    /// Use `slots` pages at `base`, the worker's own at `slot`.
    ///
    /// # Safety
    /// `base` is 8-byte aligned and stays readable and writable for `slots * PAGE_BYTES` bytes as long as the
    /// board lives, and whoever else touches the memory does so word by word.
    pub unsafe fn new(base: NonNull<u8>, slots: usize, slot: usize) -> Self {
        assert!(slot < slots, "a worker's slot lies on the board");
        Self { base: base.cast(), slots, slot, master: None }
    }

    /// As well, read what the master writes on this page, which lies behind those of the workers.
    ///
    /// # Safety
    /// As of `new`, for `(page + 1) * PAGE_BYTES` bytes.
    #[must_use]
    pub unsafe fn with_master(self, page: usize) -> Self {
        assert!(page >= self.slots, "the master's page is no worker's");
        Self { master: Some(page), ..self }
    }

    /// Whether the master has said that the server is about to stop.
    pub fn is_leaving(&self) -> bool {
        self.of_master(0, Ordering::Relaxed) != 0
    }

    /// How many workers the master has started.
    pub fn started(&self) -> u64 {
        self.of_master(STARTED_AT, Ordering::Relaxed)
    }

    /// What the workers have counted in this word: those that are there, and those that are gone.
    pub fn total(&self, word: Word, further: usize) -> u64 {
        let gone = self.of_master(GONE_AT + word as usize + further, Ordering::Relaxed);
        (0..self.slots).map(|slot| self.at(slot, word as usize + further).load(Ordering::Relaxed)).fold(gone, u64::wrapping_add)
    }

    /// What stands in a word of this worker's page.
    pub fn read(&self, slot: usize, word: Word) -> u64 {
        self.word(slot, word).load(Ordering::Relaxed)
    }

    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Read while the master adds no page to those of workers that are gone: what it counts would be seen twice.
    pub fn steadily<T>(&self, read: impl Fn(&Self) -> T) -> T {
        for _ in 0..MAX_READINGS {
            let before = self.of_master(CHANGES_AT, Ordering::Acquire);
            if before.is_multiple_of(2) {
                let found = read(self);
                fence(Ordering::Acquire);
                if self.of_master(CHANGES_AT, Ordering::Relaxed) == before {
                    return found;
                }
            }
            std::thread::yield_now();
        }
        read(self)
    }

    fn of_master(&self, place: usize, order: Ordering) -> u64 {
        let Some(page) = self.master else { return 0 };
        debug_assert!(place < PAGE_BYTES / 8);
        // SAFETY: a word of the page that `with_master` was promised to be valid.
        unsafe { self.base.add(page * (PAGE_BYTES / 8) + place).as_ref() }.load(order)
    }

    /// The boards of `slots` workers in one process, on memory of their own that is never given back.
    pub fn in_process(slots: usize) -> Vec<Self> {
        let words = (0..(slots + 1) * PAGE_BYTES / 8).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
        let base = NonNull::from(words.leak()).cast::<u8>();
        // SAFETY: aligned as its words are, leaked, so valid for ever, and touched through boards alone.
        (0..slots).map(|slot| unsafe { Self::new(base, slots, slot).with_master(slots) }).collect()
    }

    #[inline]
    fn word(&self, slot: usize, word: Word) -> &AtomicU64 {
        self.at(slot, word as usize)
    }

    #[inline]
    fn at(&self, slot: usize, place: usize) -> &AtomicU64 {
        debug_assert!(slot < self.slots && place < PAGE_BYTES / 8);
        // SAFETY: `slot` is below `slots` and the place lies in its page, which `new` was promised to be valid.
        unsafe { self.base.add(slot * (PAGE_BYTES / 8) + place).as_ref() }
    }

    /// Count a final answer of ours; `digit` is the first one of its status, an ASCII digit.
    #[inline]
    pub fn count_answer(&self, digit: u8) {
        let class = usize::from(digit.wrapping_sub(b'1')).min(CLASSES - 1);
        let cell = self.at(self.slot, Word::Answered1xx as usize + class);
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Count a call of the application of ours that is over.
    pub fn count_call(&self, duration_ns: u64) {
        let bound = CALL_BOUNDS_US.partition_point(|bound_us| bound_us * 1000 < duration_ns);
        let cell = self.at(self.slot, Word::CallsWithin as usize + bound);
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.add(Word::CallTime, duration_ns);
    }

    /// The words of our own text, the first of them its length.
    fn text(&self) -> &[AtomicU64] {
        // SAFETY: the words lie in our own page, which `new` was promised to be valid.
        unsafe { std::slice::from_raw_parts(self.base.add((self.slot * PAGE_BYTES + TEXT_AT) / 8).as_ptr(), 1 + TEXT_BYTES / 8) }
    }

    /// Show a text, as much of it as there is room for; an empty one: none. Whoever reads it while it is replaced may
    /// see half of each.
    pub fn show_text(&self, text: &[u8]) {
        let text = &text[..text.len().min(TEXT_BYTES)];
        let [length, words @ ..] = self.text() else { return };
        length.store(0, Ordering::Release);
        for (word, bytes) in words.iter().zip(text.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
        }
        length.store(text.len() as u64, Ordering::Release);
    }

    /// The text that is shown.
    pub fn shown_text(&self) -> Vec<u8> {
        let [length, words @ ..] = self.text() else { return Vec::new() };
        let length = length.load(Ordering::Acquire) as usize;
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        bytes.truncate(length);
        bytes
    }

    #[inline]
    pub fn set(&self, word: Word, value: u64) {
        self.word(self.slot, word).store(value, Ordering::Relaxed);
    }

    #[inline]
    pub fn get(&self, word: Word) -> u64 {
        self.word(self.slot, word).load(Ordering::Relaxed)
    }

    /// Add to a counter of ours. Not one atomic step: a counter has one writer at a time.
    #[inline]
    pub fn add(&self, word: Word, amount: u64) {
        let cell = self.word(self.slot, word);
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    #[inline]
    pub fn set_state(&self, state: WorkerState) {
        self.set(Word::State, state as u64);
    }

    /// Whether a sibling waits for our work right now. One that is frozen or dead says so for ever, but its heart is still.
    fn is_idle(&self, slot: usize, now_ms: u64) -> bool {
        let read = |word| self.word(slot, word).load(Ordering::Relaxed);
        slot != self.slot
            && read(Word::State) == WorkerState::Idle as u64
            && read(Word::Draining) == 0
            && read(Word::Queue) == self.get(Word::Queue)
            && read(Word::Heartbeat) / 1_000_000 + LIVELY_MS > now_ms
    }

    /// Whether a sibling still takes newcomers.
    pub fn has_accepting_sibling(&self, now_ms: u64) -> bool {
        const ACCEPTING: [u64; 3] = [WorkerState::Idle as u64, WorkerState::Active as u64, WorkerState::Stalled as u64];
        (0..self.slots).filter(|&slot| slot != self.slot).any(|slot| {
            let read = |word| self.word(slot, word).load(Ordering::Relaxed);
            let is_alive = read(Word::Heartbeat) / 1_000_000 + LIVELY_MS > now_ms;
            is_alive && read(Word::Draining) == 0 && ACCEPTING.contains(&read(Word::State))
        })
    }

    /// How many siblings wait for work right now.
    pub fn idle_siblings(&self, now_ms: u64) -> usize {
        (0..self.slots).filter(|&slot| self.is_idle(slot, now_ms)).count()
    }

    /// The fewest connections any idle sibling has.
    pub fn least_connections_of_idle(&self, now_ms: u64) -> Option<u64> {
        let idle = (0..self.slots).filter(|&slot| self.is_idle(slot, now_ms));
        idle.map(|slot| self.word(slot, Word::Connections).load(Ordering::Relaxed)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_as_far_as_there_is_room() {
        let boards = Board::in_process(2);
        for text in [&b""[..], b"GET /", b"", b"POST /twice", &[b'x'; TEXT_BYTES]] {
            boards[1].show_text(text);
            assert_eq!((boards[0].shown_text(), &boards[1].shown_text()[..]), (Vec::new(), text));
        }
        boards[1].show_text(&[b'y'; 2000]);
        assert_eq!(boards[1].shown_text(), [b'y'; TEXT_BYTES]);
    }

    #[test]
    fn only_a_sibling_that_is_alive_waits_for_work() {
        let boards = Board::in_process(3);
        for (board, (state, heartbeat_ms)) in
            boards.iter().zip([(WorkerState::Idle, 9_000), (WorkerState::Idle, 5_000), (WorkerState::Active, 9_000)])
        {
            board.set_state(state);
            board.set(Word::Heartbeat, heartbeat_ms * 1_000_000);
            board.set(Word::Connections, heartbeat_ms);
        }
        let seen = |board: &Board, now_ms| (board.idle_siblings(now_ms), board.least_connections_of_idle(now_ms));
        assert_eq!(seen(&boards[2], 7_000), (2, Some(5_000)));
        assert_eq!(seen(&boards[2], 9_000), (1, Some(9_000)));
        assert_eq!(seen(&boards[0], 9_000), (0, None));
        boards[0].set(Word::Queue, 1);
        assert_eq!(seen(&boards[2], 7_000), (1, Some(5_000)));
        boards[1].set(Word::Draining, 1);
        assert_eq!(seen(&boards[2], 7_000), (0, None));
    }
}
