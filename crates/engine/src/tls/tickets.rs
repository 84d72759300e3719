//! Session tickets (RFC 8446 §4.6.1, RFC 5077) that every worker, before and after a reload, can open: each process
//! makes the same keys of one secret, a new one every six hours, and forgets what older ones were made of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;

/// How long a key makes tickets. Its tickets are opened as long again.
const PERIOD: Duration = Duration::from_secs(6 * 3600);
const SECRET_BYTES: usize = 32;
const EPOCH_BYTES: usize = 8;

/// The secret of a period, from which the next one's follows, and nothing of the ones before.
struct Ratchet {
    period: u64,
    secret: [u8; SECRET_BYTES],
    current: LessSafeKey,
    previous: Option<LessSafeKey>,
}

impl Ratchet {
    fn advance(&mut self, period: u64) {
        while self.period < period {
            self.secret = derive(&self.secret, b"next period");
            self.period += 1;
            self.previous = Some(std::mem::replace(&mut self.current, key(&self.secret)));
        }
    }

    fn key_of(&self, period: u64) -> Option<&LessSafeKey> {
        if period == self.period {
            return Some(&self.current);
        }
        self.previous.as_ref().filter(|_| period + 1 == self.period)
    }
}

fn derive(secret: &[u8; SECRET_BYTES], purpose: &[u8]) -> [u8; SECRET_BYTES] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose);
    let mut made = [0; SECRET_BYTES];
    made.copy_from_slice(tag.as_ref());
    made
}

fn key(secret: &[u8; SECRET_BYTES]) -> LessSafeKey {
    let bytes = derive(secret, b"ticket key");
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).expect("a key of 32 bytes is what AES-256 takes"))
}

/// The keys that all workers share: made once, by the master, and inherited.
#[derive(Clone)]
pub struct TicketKeys {
    ratchet: Arc<Mutex<Ratchet>>,
}

impl std::fmt::Debug for TicketKeys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("TicketKeys")
    }
}

impl TicketKeys {
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> Result<Self, ring::error::Unspecified> {
        let mut secret = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut secret)?;
        Ok(Self::of(secret, period()))
    }

    fn of(secret: [u8; SECRET_BYTES], period: u64) -> Self {
        let ratchet = Ratchet { period, secret, current: key(&secret), previous: None };
        Self { ratchet: Arc::new(Mutex::new(ratchet)) }
    }

    /// Forget what earlier keys were made of.
    pub fn turn(&self) {
        drop(self.at(period()));
    }

    fn at(&self, period: u64) -> MutexGuard<'_, Ratchet> {
        let mut ratchet = self.ratchet.lock().unwrap_or_else(PoisonError::into_inner);
        ratchet.advance(period);
        ratchet
    }

    fn seal(&self, period: u64, context: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let ratchet = self.at(period);
        let mut sealed = plain.to_vec();
        let (aad, at) = (Aad::from(context), Nonce::assume_unique_for_key(nonce));
        ratchet.current.seal_in_place_append_tag(at, aad, &mut sealed).ok()?;
        Some([&ratchet.period.to_be_bytes()[..], &nonce, &sealed].concat())
    }

    fn open(&self, period: u64, context: &[u8], ticket: &[u8]) -> Option<Vec<u8>> {
        let (made_in, rest) = ticket.split_first_chunk::<EPOCH_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let ratchet = self.at(period);
        let key = ratchet.key_of(u64::from_be_bytes(*made_in))?;
        let mut sealed = sealed.to_vec();
        let length = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }
}

/// The number of the period that it is now.
fn period() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / PERIOD.as_secs())
}

/// Makes tickets for one way of asking clients for certificates: a session of another one is not resumed.
#[derive(Debug)]
pub struct Tickets {
    pub keys: TicketKeys,
    pub context: Vec<u8>,
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        PERIOD.as_secs() as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.keys.seal(period(), &self.context, plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.keys.open(period(), &self.context, ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; SECRET_BYTES] = [7; SECRET_BYTES];

    #[test]
    fn two_processes_open_each_others_tickets() {
        let (ours, theirs) = (TicketKeys::of(SECRET, 5), TicketKeys::of(SECRET, 5));
        let ticket = ours.seal(9, b"none", b"session").unwrap();
        assert_eq!(theirs.open(9, b"none", &ticket).unwrap(), b"session");
        assert_eq!(theirs.open(10, b"none", &ticket).unwrap(), b"session");
        assert!(theirs.open(11, b"none", &ticket).is_none(), "the key is two periods old");
    }

    #[test]
    fn a_ticket_is_good_for_what_it_was_made_for() {
        let keys = TicketKeys::of(SECRET, 5);
        let ticket = keys.seal(5, b"none", b"session").unwrap();
        assert!(keys.open(5, b"required", &ticket).is_none());
        assert!(TicketKeys::of([8; SECRET_BYTES], 5).open(5, b"none", &ticket).is_none());
        for cut in 0..ticket.len() {
            assert!(keys.open(5, b"none", &ticket[..cut]).is_none());
        }
    }

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let keys = TicketKeys::of(SECRET, 5);
        let ticket = keys.seal(6, b"", b"session").unwrap();
        assert_eq!(keys.open(2, b"", &keys.seal(2, b"", b"later").unwrap()).unwrap(), b"later");
        assert_eq!(keys.open(2, b"", &ticket).unwrap(), b"session");
    }
}
