//! Private keys as operators have them: in PEM, in one of three formats, encrypted or not.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use md5::{Digest, Md5};
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use crate::tls::pem::Block;

/// Why a key cannot be had from a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It is encrypted, and no password was given.
    PasswordMissing,
    PasswordWrong,
    /// Encrypted in a way that is not known here.
    UnknownEncryption,
    Malformed,
}

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const PKCS8: &str = "PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";

/// Whether a block holds a private key.
pub fn is_key(block: &Block) -> bool {
    [ENCRYPTED, PKCS8, PKCS1, SEC1].contains(&block.label.as_str())
}

/// The key in a block.
pub fn read(block: &Block, password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, KeyFault> {
    if block.label == ENCRYPTED {
        let info = EncryptedPrivateKeyInfoRef::try_from(block.der.as_slice()).map_err(|_| KeyFault::Malformed)?;
        let password = password.ok_or(KeyFault::PasswordMissing)?;
        let plain = info.decrypt(password).map_err(|error| match error {
            pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }) => KeyFault::UnknownEncryption,
            _ => KeyFault::PasswordWrong,
        })?;
        return Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into());
    }
    let der = match block.header("DEK-Info") {
        Some(info) => decrypt(info, &block.der, password.ok_or(KeyFault::PasswordMissing)?)?,
        None => block.der.clone(),
    };
    Ok(match block.label.as_str() {
        PKCS1 => PrivatePkcs1KeyDer::from(der).into(),
        SEC1 => PrivateSec1KeyDer::from(der).into(),
        _ => PrivatePkcs8KeyDer::from(der).into(),
    })
}

/// Decrypt what OpenSSL has written in the format of before PKCS #8. `info`: a cipher and its IV, `AES-256-CBC,9A…`.
fn decrypt(info: &str, bytes: &[u8], password: &[u8]) -> Result<Vec<u8>, KeyFault> {
    let (cipher, iv) = info.split_once(',').ok_or(KeyFault::Malformed)?;
    let iv = unhex(iv.trim()).ok_or(KeyFault::Malformed)?;
    match cipher.trim() {
        "AES-128-CBC" => cbc_decrypt::<cbc::Decryptor<aes::Aes128>>(16, &iv, bytes, password),
        "AES-192-CBC" => cbc_decrypt::<cbc::Decryptor<aes::Aes192>>(24, &iv, bytes, password),
        "AES-256-CBC" => cbc_decrypt::<cbc::Decryptor<aes::Aes256>>(32, &iv, bytes, password),
        "DES-EDE3-CBC" => cbc_decrypt::<cbc::Decryptor<des::TdesEde3>>(24, &iv, bytes, password),
        _ => Err(KeyFault::UnknownEncryption),
    }
}

fn cbc_decrypt<C: KeyIvInit + BlockModeDecrypt>(
    key_bytes: usize,
    iv: &[u8],
    bytes: &[u8],
    password: &[u8],
) -> Result<Vec<u8>, KeyFault> {
    let salt = iv.get(..8).ok_or(KeyFault::Malformed)?;
    let key = derive(password, salt, key_bytes);
    let decryptor = C::new_from_slices(&key, iv).map_err(|_| KeyFault::Malformed)?;
    let plain = decryptor.decrypt_padded_vec::<Pkcs7>(bytes).map_err(|_| KeyFault::PasswordWrong)?;
    // One wrong password in 256 leaves a padding that looks right; both formats begin with a sequence.
    if plain.first() == Some(&0x30) { Ok(plain) } else { Err(KeyFault::PasswordWrong) }
}

/// The key that OpenSSL makes of a password for this format: EVP_BytesToKey(3) with MD5 and one round.
fn derive(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    while key.len() < length {
        let mut hash = Md5::new();
        hash.update(&last);
        hash.update(password);
        hash.update(salt);
        last = hash.finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = pairs.iter().map(|&[high, low]| Some((digit(high)? << 4 | digit(low)?) as u8));
    if rest.is_empty() { bytes.collect() } else { None }
}
