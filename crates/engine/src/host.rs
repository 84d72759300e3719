//! What the engine asks of whoever calls the application: three kinds of memory it owns and we only carry.
//!
//! The engine never looks inside. It moves them, reads their bytes, and gives them back to be dropped where
//! dropping is allowed: what the standby thread lets go of lands in the reactor's graveyard.

use std::mem::MaybeUninit;

/// The side that calls the application.
pub trait Host: 'static {
    /// Response bytes that stay where the application made them until they are sent.
    type Block: AsRef<[u8]> + Send;
    /// What the host remembers of a connection from one exchange to the next.
    type Memo: Default + Send;
    /// A request body of known length, received straight into the memory the application will read.
    type Buffer: BodyBuffer + Send;

    /// Allocate a body buffer. Called only in `Mode::Direct`; `None`: no memory.
    fn buffer(length: usize) -> Option<Self::Buffer>;
}

/// A buffer of fixed length that is filled from its beginning.
pub trait BodyBuffer {
    /// The part not filled yet.
    fn spare(&mut self) -> &mut [MaybeUninit<u8>];
    /// Count the next `count` bytes as filled.
    fn advance(&mut self, count: usize);
}

/// Something of the host's that may only be dropped by the host.
pub enum Remains<H: Host> {
    Block(H::Block),
    Memo(H::Memo),
    Buffer(H::Buffer),
}
