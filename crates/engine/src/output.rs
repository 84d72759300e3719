//! An answer on its way out: chunks in order, sent as far as the socket takes them. What a slow client leaves
//! beyond the memory bound waits in temporary files, so that the application is not held up.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use longma_proto::fastcgi::write_stdout;

use crate::host::Host;
use crate::spool::Spool;
use crate::transport::Transport;

/// How much of a file one sendfile call may move, so that one fast client does not keep the others waiting.
pub const FILE_STEP: u64 = 4 << 20;
/// How much of a file is read at a time where it goes out in records.
const RECORDS_STEP: u64 = 1 << 18;
/// How much of one answer is written before the other connections get their turn.
const TURN_BYTES: u64 = 16 << 20;
/// How many blocks one sendmsg call takes.
pub const MAX_BLOCKS: usize = 64;

/// How much one temporary file takes. Then the next one is begun, so that of an answer that never ends the disk holds
/// what the client has not taken, and not all there ever was.
const SPOOL_BYTES: u64 = 64 << 20;

enum Chunk<H: Host> {
    Bytes(Vec<u8>, usize),
    Block(H::Block, usize),
    File {
        file: Arc<File>,
        offset: u64,
        remaining: u64,
    },
    /// A part of a file that goes out in records, those of this request.
    Records {
        request: u16,
        file: Arc<File>,
        offset: u64,
        remaining: u64,
    },
    /// A temporary file, and how much of it is sent.
    Spool(Spool, u64),
}

/// What is still to be sent on a connection.
pub struct Output<H: Host> {
    chunks: VecDeque<Chunk<H>>,
    /// Bytes of `chunks` that this process pays for (files and the application's own blocks are not counted).
    in_memory: usize,
    /// Bytes of `chunks` that wait in temporary files.
    spooled: u64,
    /// How much of it the reactor counts as lying in memory for a slow client.
    pub counted: usize,
}

impl<H: Host> Default for Output<H> {
    fn default() -> Self {
        Self { chunks: VecDeque::new(), in_memory: 0, spooled: 0, counted: 0 }
    }
}

/// How far a write got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Everything,
    /// The socket is full, or others are to have their turn.
    Stuck,
}

impl<H: Host> Output<H> {
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes held in memory.
    pub fn in_memory(&self) -> usize {
        self.in_memory
    }

    /// Bytes waiting in temporary files.
    pub fn spooled(&self) -> u64 {
        self.spooled
    }

    /// Queue bytes, in a file once `bound` bytes are in memory.
    pub fn push(&mut self, bytes: &[u8], bound: usize) -> io::Result<()> {
        if matches!(self.chunks.back(), Some(Chunk::Spool(..))) || self.in_memory + bytes.len() > bound {
            return self.push_to_spool(bytes);
        }
        self.in_memory += bytes.len();
        match self.chunks.back_mut() {
            Some(Chunk::Bytes(tail, _)) => tail.extend_from_slice(bytes),
            _ => self.chunks.push_back(Chunk::Bytes(bytes.to_vec(), 0)),
        }
        Ok(())
    }

    fn push_to_spool(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.chunks.back_mut() {
            Some(Chunk::Spool(spool, _)) if spool.written() < SPOOL_BYTES => spool.append(bytes)?,
            _ => {
                let mut spool = Spool::new()?;
                spool.append(bytes)?;
                self.chunks.push_back(Chunk::Spool(spool, 0));
            }
        }
        self.spooled += bytes.len() as u64;
        Ok(())
    }

    /// Bytes that lie in memory for this client, the host's blocks among them.
    pub fn held(&self) -> usize {
        let length = |chunk: &Chunk<H>| match chunk {
            Chunk::Bytes(bytes, _) => bytes.len(),
            Chunk::Block(block, _) => block.as_ref().len(),
            Chunk::File { .. } | Chunk::Spool(..) | Chunk::Records { .. } => 0,
        };
        self.chunks.iter().map(length).sum()
    }

    /// Put what lies in memory into temporary files; blocks that are done with go to `done`.
    ///
    /// # Errors
    /// There is no room for it: all is as it was.
    pub fn spill(&mut self, done: &mut Vec<H::Block>) -> io::Result<()> {
        // One file for what lies side by side: an answer can be thousands of blocks.
        let (mut spools, mut is_beside) = (VecDeque::new(), false);
        for chunk in &self.chunks {
            let bytes = match chunk {
                Chunk::Bytes(bytes, sent) => &bytes[*sent..],
                Chunk::Block(block, sent) => &block.as_ref()[*sent..],
                Chunk::File { .. } | Chunk::Spool(..) | Chunk::Records { .. } => {
                    is_beside = false;
                    continue;
                }
            };
            if !std::mem::replace(&mut is_beside, true) {
                spools.push_back(Spool::new()?);
            }
            if let Some(spool) = spools.back_mut() {
                spool.append(bytes)?;
            }
        }
        is_beside = false;
        for chunk in std::mem::take(&mut self.chunks) {
            if matches!(chunk, Chunk::File { .. } | Chunk::Spool(..) | Chunk::Records { .. }) {
                self.chunks.push_back(chunk);
                is_beside = false;
                continue;
            }
            if !std::mem::replace(&mut is_beside, true)
                && let Some(spool) = spools.pop_front()
            {
                self.spooled += spool.written();
                self.chunks.push_back(Chunk::Spool(spool, 0));
            }
            if let Chunk::Block(block, _) = chunk {
                done.push(block);
            }
        }
        self.in_memory = 0;
        Ok(())
    }

    /// Queue a block of the host's, the first `sent` bytes of which are out already.
    pub fn push_block(&mut self, block: H::Block, sent: usize) {
        self.chunks.push_back(Chunk::Block(block, sent));
    }

    /// Queue a part of a file.
    pub fn push_file(&mut self, file: Arc<File>, offset: u64, remaining: u64) {
        self.chunks.push_back(Chunk::File { file, offset, remaining });
    }

    /// Queue a part of a file that is to go out in records.
    pub fn push_records(&mut self, request: u16, file: Arc<File>, offset: u64, remaining: u64) {
        self.chunks.push_back(Chunk::Records { request, file, offset, remaining });
    }

    /// Make the next records of the file at the front, in front of it.
    fn make_records(&mut self) -> io::Result<()> {
        let Some(Chunk::Records { request, file, offset, remaining }) = self.chunks.front_mut() else { return Ok(()) };
        if *remaining == 0 {
            self.chunks.pop_front();
            return Ok(());
        }
        let mut content = vec![0; RECORDS_STEP.min(*remaining) as usize];
        file.read_exact_at(&mut content, *offset)?;
        *offset += content.len() as u64;
        *remaining -= content.len() as u64;
        let mut records = Vec::with_capacity(content.len() + 64);
        write_stdout(*request, &content, &mut records);
        self.in_memory += records.len();
        self.chunks.push_front(Chunk::Bytes(records, 0));
        Ok(())
    }

    /// Send as far as the socket takes it. Blocks that are done with go to `done`; `count` counts bytes sent.
    pub fn write(
        &mut self,
        transport: &mut Transport,
        done: &mut Vec<H::Block>,
        count: &mut u64,
        last: bool,
    ) -> io::Result<Written> {
        let enough = *count + TURN_BYTES;
        while !self.chunks.is_empty() {
            if *count > enough {
                return Ok(Written::Stuck);
            }
            let stuck = match self.chunks.front() {
                Some(Chunk::File { .. } | Chunk::Spool(..)) => self.write_file(transport, count)?,
                Some(Chunk::Records { .. }) => {
                    self.make_records()?;
                    false
                }
                _ => self.write_memory(transport, done, count, last)?,
            };
            if stuck {
                return Ok(Written::Stuck);
            }
        }
        Ok(Written::Everything)
    }

    /// Send what lies in memory at the front. True: the socket is full.
    fn write_memory(
        &mut self,
        transport: &mut Transport,
        done: &mut Vec<H::Block>,
        count: &mut u64,
        last: bool,
    ) -> io::Result<bool> {
        let mut slices = [IoSlice::new(&[]); MAX_BLOCKS];
        let mut filled = 0;
        let mut total = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let bytes = match chunk {
                Chunk::Bytes(bytes, sent) => &bytes[*sent..],
                Chunk::Block(block, sent) => &block.as_ref()[*sent..],
                Chunk::File { .. } | Chunk::Spool(..) | Chunk::Records { .. } => break,
            };
            total += bytes.len();
            *slice = IoSlice::new(bytes);
            filled += 1;
        }
        let more = last && filled == self.chunks.len();
        let Some(sent) = unless_full(transport.send_vectored(&slices[..filled], more))? else { return Ok(true) };
        *count += sent as u64;
        self.consume(sent, done);
        Ok(sent < total)
    }

    fn consume(&mut self, mut sent: usize, done: &mut Vec<H::Block>) {
        while let Some(front) = self.chunks.front_mut() {
            let (length, at) = match front {
                Chunk::Bytes(bytes, at) => (bytes.len(), at),
                Chunk::Block(block, at) => (block.as_ref().len(), at),
                Chunk::File { .. } | Chunk::Spool(..) | Chunk::Records { .. } => return,
            };
            let left = length - *at;
            if sent < left {
                *at += sent;
                return;
            }
            sent -= left;
            match self.chunks.pop_front() {
                Some(Chunk::Bytes(bytes, _)) => self.in_memory -= bytes.len(),
                Some(Chunk::Block(block, _)) => done.push(block),
                _ => {}
            }
        }
    }

    /// Send from the file at the front. True: the socket is full.
    fn write_file(&mut self, transport: &mut Transport, count: &mut u64) -> io::Result<bool> {
        let enough = *count + TURN_BYTES;
        loop {
            let (file, offset, left) = match self.chunks.front() {
                Some(Chunk::File { file, offset, remaining }) => (&**file, *offset, *remaining),
                Some(Chunk::Spool(spool, sent)) => (spool.file(), *sent, spool.written() - sent),
                _ => return Ok(false),
            };
            if left == 0 {
                // Given back at once: an emptied file may be large, and most answers need none.
                self.chunks.pop_front();
                return Ok(false);
            }
            if *count > enough {
                return Ok(true);
            }
            let step = left.min(FILE_STEP) as usize;
            let Some(sent) = unless_full(transport.send_file(file.as_fd(), offset, step))? else { return Ok(true) };
            if sent == 0 {
                // The file is shorter than was announced: the framing can't be kept, so the connection ends.
                return Err(io::Error::from(ErrorKind::UnexpectedEof));
            }
            *count += sent as u64;
            self.consume_file(sent as u64);
        }
    }

    fn consume_file(&mut self, count: u64) {
        match self.chunks.front_mut() {
            Some(Chunk::File { offset, remaining, .. }) => {
                *offset += count;
                *remaining -= count;
            }
            Some(Chunk::Spool(_, sent)) => {
                *sent += count;
                self.spooled -= count;
            }
            _ => {}
        }
    }

    /// The blocks that nobody will send any more.
    pub fn into_blocks(self) -> impl Iterator<Item = H::Block> {
        self.chunks.into_iter().filter_map(|chunk| match chunk {
            Chunk::Block(block, _) => Some(block),
            _ => None,
        })
    }
}

/// `None` where the socket takes nothing now.
fn unless_full(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(sent) => Ok(Some(sent)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::testing::Plain;

    #[test]
    fn what_is_put_into_files_is_sent_in_its_order() {
        let (mut client, ours) = UnixStream::pair().unwrap();
        let mut transport = Transport::plain(ours.into());
        let mut output: Output<Plain> = Output::default();
        output.push(b"head ", 100).unwrap();
        for block in ["one ", "two ", "three "] {
            output.push_block(block.as_bytes().to_vec(), 0);
        }
        output.push_file(Arc::new(File::open("/dev/null").unwrap()), 0, 0);
        output.push_block(b"xxfour".to_vec(), 2);
        assert_eq!(output.held(), 25);
        let mut done = Vec::new();
        output.spill(&mut done).unwrap();
        assert_eq!((output.held(), output.in_memory(), output.spooled()), (0, 0, 23));
        assert_eq!((output.chunks.len(), done.len()), (3, 4), "one file for what lies side by side");
        output.push(b" five", 100).unwrap();
        let mut count = 0;
        assert_eq!(output.write(&mut transport, &mut done, &mut count, false).unwrap(), Written::Everything);
        assert_eq!((count, output.spooled()), (28, 0));
        let mut said = [0; 28];
        client.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"head one two three four five");
    }

    #[test]
    fn of_an_answer_without_end_the_disk_keeps_what_is_not_taken() {
        let (mut client, ours) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut transport = Transport::plain(ours.into());
        let mut output: Output<Plain> = Output::default();
        let mut room = vec![0; 1 << 20];
        let on_disk = |output: &Output<Plain>| {
            let files = output.chunks.iter().filter_map(|chunk| match chunk {
                Chunk::Spool(spool, _) => Some(spool.file().metadata().unwrap().len()),
                _ => None,
            });
            files.sum::<u64>()
        };
        for megabyte in 0..300 {
            output.push(&room, 0).unwrap();
            // The client is two megabytes behind, always.
            while output.spooled() > 2 << 20 {
                assert_eq!(output.write(&mut transport, &mut Vec::new(), &mut 0, false).unwrap(), Written::Stuck);
                let count = client.read(&mut room).unwrap();
                assert!(count > 0);
            }
            assert!(on_disk(&output) <= SPOOL_BYTES + (3 << 20), "after {megabyte} MB");
        }
    }
}
