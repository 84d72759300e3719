//! A host whose memory knows whether it is let go of where it may be.

use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use longma_engine::host::{BodyBuffer, Host};
use longma_engine::sys::memory::Filling;

thread_local! {
    static LETTING_GO: Cell<bool> = const { Cell::new(false) };
    static LEDGER: RefCell<Option<Ledger>> = const { RefCell::new(None) };
}

/// What one worker's host has lent to the engine, and what was dropped where only the host may drop.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Counts>);

#[derive(Default)]
struct Counts {
    lent: AtomicUsize,
    returned: AtomicUsize,
    astray: AtomicUsize,
}

impl Ledger {
    /// Something of the host's that is written down here.
    pub fn lend(&self) -> Lent {
        self.0.lent.fetch_add(1, Ordering::SeqCst);
        Lent(Some(self.clone()))
    }

    /// Buffers asked for in this thread are written down here.
    pub fn use_in_this_thread(&self) {
        LEDGER.with_borrow_mut(|ledger| *ledger = Some(self.clone()));
    }

    pub fn lent(&self) -> usize {
        self.0.lent.load(Ordering::SeqCst)
    }

    /// What the engine still has.
    pub fn outstanding(&self) -> usize {
        self.lent() - self.0.returned.load(Ordering::SeqCst)
    }

    /// How many things were dropped by somebody else than the host.
    pub fn astray(&self) -> usize {
        self.0.astray.load(Ordering::SeqCst)
    }
}

/// Run what lets go of the host's things: the host itself.
pub fn letting_go<R>(run: impl FnOnce() -> R) -> R {
    let before = LETTING_GO.replace(true);
    let result = run();
    LETTING_GO.set(before);
    result
}

/// One entry of the ledger.
#[derive(Default)]
pub struct Lent(Option<Ledger>);

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(Ledger(counts)) = &self.0 else { return };
        counts.returned.fetch_add(1, Ordering::SeqCst);
        if !LETTING_GO.get() {
            counts.astray.fetch_add(1, Ordering::SeqCst);
        }
    }
}

pub struct Block {
    bytes: Vec<u8>,
    _lent: Lent,
}

impl Block {
    pub fn new(bytes: Vec<u8>, ledger: &Ledger) -> Self {
        Self { bytes, _lent: ledger.lend() }
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What is remembered of a connection: how many requests it has brought.
#[derive(Default)]
pub struct Memo {
    pub requests: u32,
    pub lent: Lent,
}

pub struct Buffer {
    filling: Filling,
    _lent: Lent,
}

impl Buffer {
    pub fn bytes(&self) -> &[u8] {
        self.filling.bytes()
    }
}

impl BodyBuffer for Buffer {
    fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        self.filling.spare()
    }

    fn advance(&mut self, count: usize) {
        self.filling.advance(count);
    }
}

/// The host.
pub struct Fake;

impl Host for Fake {
    type Block = Block;
    type Memo = Memo;
    type Buffer = Buffer;

    fn buffer(length: usize) -> Option<Buffer> {
        // Nobody has a ledger where the engine must not ask.
        let lent = LEDGER.with_borrow(|ledger| ledger.as_ref().map(Ledger::lend));
        let lent = lent.expect("a buffer is asked for by the thread that calls the application");
        Some(Buffer { filling: Filling::new(length), _lent: lent })
    }
}
