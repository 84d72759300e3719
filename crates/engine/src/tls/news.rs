//! How certificates that the master has read again reach the workers: by a file in memory that they have inherited. The
//! master writes each reading behind the ones before, and workers read from where they have come to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::sys::memory;
use crate::tls::certificate::Identity;

const LENGTH_BYTES: usize = 8;

/// The file, and how much of it is known.
#[derive(Debug)]
pub struct News {
    file: File,
    known: AtomicU64,
}

impl News {
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: File::from(memory::anonymous_file(c"longma-certificates")?), known: AtomicU64::new(0) })
    }

    /// In the one process that does so: tell the others.
    pub fn publish(&self, identities: &[Identity]) -> io::Result<()> {
        let mut record = vec![0; LENGTH_BYTES];
        for identity in identities {
            put(&mut record, &(identity.chain.len() as u64).to_ne_bytes());
            identity.chain.iter().for_each(|der| put(&mut record, der));
            put(&mut record, &[kind(&identity.key)]);
            put(&mut record, identity.key.secret_der());
        }
        let length = (record.len() - LENGTH_BYTES) as u64;
        record[..LENGTH_BYTES].copy_from_slice(&length.to_ne_bytes());
        let at = self.known.load(Ordering::SeqCst);
        // The length last: until then nobody reads on.
        self.file.write_all_at(&record[LENGTH_BYTES..], at + LENGTH_BYTES as u64)?;
        self.file.write_all_at(&record[..LENGTH_BYTES], at)?;
        // Whoever is forked from now on has what it says.
        self.known.store(at + record.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    /// The last reading, if there is one that is not known yet.
    pub fn latest(&self) -> Option<Vec<Identity>> {
        let mut latest = None;
        loop {
            let at = self.known.load(Ordering::SeqCst);
            let mut length = [0; LENGTH_BYTES];
            if self.file.read_exact_at(&mut length, at).is_err() {
                return latest;
            }
            let length = u64::from_ne_bytes(length);
            if length == 0 {
                return latest;
            }
            let mut record = vec![0; usize::try_from(length).ok()?];
            self.file.read_exact_at(&mut record, at + LENGTH_BYTES as u64).ok()?;
            self.known.store(at + LENGTH_BYTES as u64 + length, Ordering::SeqCst);
            latest = identities(&record);
        }
    }
}

fn put(record: &mut Vec<u8>, bytes: &[u8]) {
    record.extend_from_slice(&(bytes.len() as u64).to_ne_bytes());
    record.extend_from_slice(bytes);
}

fn take<'a>(record: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = record.split_first_chunk::<LENGTH_BYTES>()?;
    let (bytes, rest) = rest.split_at_checked(usize::try_from(u64::from_ne_bytes(*length)).ok()?)?;
    *record = rest;
    Some(bytes)
}

fn identities(mut record: &[u8]) -> Option<Vec<Identity>> {
    let mut identities = Vec::new();
    while !record.is_empty() {
        let count = u64::from_ne_bytes(*take(&mut record)?.first_chunk()?);
        let chain = (0..count).map(|_| take(&mut record).map(|der| CertificateDer::from(der.to_vec())));
        let chain = chain.collect::<Option<Vec<_>>>()?;
        let kind = *take(&mut record)?.first()?;
        identities.push(Identity { chain, key: key(kind, take(&mut record)?.to_vec())? });
    }
    Some(identities)
}

fn kind(key: &PrivateKeyDer<'_>) -> u8 {
    match key {
        PrivateKeyDer::Pkcs1(_) => 1,
        PrivateKeyDer::Sec1(_) => 2,
        _ => 8,
    }
}

fn key(kind: u8, der: Vec<u8>) -> Option<PrivateKeyDer<'static>> {
    match kind {
        1 => Some(PrivateKeyDer::Pkcs1(der.into())),
        2 => Some(PrivateKeyDer::Sec1(der.into())),
        8 => Some(PrivateKeyDer::Pkcs8(der.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(mark: u8) -> Identity {
        let chain = vec![vec![mark, 1].into(), vec![mark, 2].into()];
        Identity { chain, key: key(1, vec![mark, 3]).unwrap() }
    }

    #[test]
    fn what_is_told_last_is_heard_once() {
        let news = News::new().unwrap();
        let reader = News { file: news.file.try_clone().unwrap(), known: AtomicU64::new(0) };
        assert!(reader.latest().is_none());
        news.publish(&[identity(1)]).unwrap();
        news.publish(&[identity(2), identity(3)]).unwrap();
        let heard = reader.latest().unwrap();
        assert_eq!(heard.iter().map(|one| one.chain[1][0]).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(heard[0].key.secret_der(), [2, 3]);
        assert!(reader.latest().is_none());
        assert!(news.latest().is_none(), "whoever tells knows");
    }
}
