//! The server's source of randomness: ids, tokens, codes, salts. Rules take what they need from here as arguments.

use collabtrack_domain::hash::ObjectHash;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use secrecy::SecretString;

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

/// 32 lower-case hexadecimal digits.
#[must_use]
pub fn hex128() -> String {
    HEXLOWER.encode(&bytes::<16>())
}

/// A session token: `cts_` and 32 random bytes in base64url.
#[must_use]
pub fn session_token() -> String {
    format!("cts_{}", BASE64URL_NOPAD.encode(&bytes::<32>()))
}

/// An invitation code: `cti_` and 26 characters `a-z2-7`.
#[must_use]
pub fn invitation_code() -> String {
    let id = collabtrack_domain::id::InvitationId::from_random(bytes());
    format!("cti_{}", &id.as_str()[collabtrack_domain::id::InvitationId::PREFIX.len()..])
}

/// A password or key of 32 random bytes in hexadecimal.
#[must_use]
pub fn secret() -> SecretString {
    SecretString::from(HEXLOWER.encode(&bytes::<32>()))
}

/// What is stored of a token or code: its SHA-256.
#[must_use]
pub fn token_hash(token: &str) -> ObjectHash {
    ObjectHash::of(token.as_bytes())
}
