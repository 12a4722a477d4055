//! Sealing what must be kept readable for the server alone, such as the secrets of second factors: XChaCha20-Poly1305 under a key derived
//! from the server's own, bound to whom it belongs.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::random;

const NONCE_BYTES: usize = 24;

/// The server's sealing key.
#[derive(Clone)]
pub struct Seal(XChaCha20Poly1305);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// The key made of the setting `COLLABTRACK_SECRET_KEY`.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"collabtrack/seal/1\0");
        hash.update(secret.expose_secret().as_bytes());
        let key: [u8; 32] = hash.finalize().into();
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// `plain` sealed for `owner`: a random nonce, then the ciphertext.
    /// # Errors
    /// Never for what fits into memory.
    pub fn close(&self, owner: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let payload = Payload { msg: plain, aad: owner.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::Damaged { what: "secret" })?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What [`Seal::close`] sealed for the same owner.
    /// # Errors
    /// When it was sealed with another key or for somebody else, or was changed.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let damaged = || Error::Damaged { what: "sealed secret: was COLLABTRACK_SECRET_KEY changed?" };
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| damaged())?;
        self.0.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: owner.as_bytes() }).map_err(|_| damaged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_owner_with_its_key_and_for_nobody_else() {
        let seal = Seal::new(&"a key of the server".into());
        let sealed = seal.close("acc_1", b"secret").expect("sealed");
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(seal.open("acc_1", &sealed).expect("opened"), b"secret");
        assert!(seal.open("acc_2", &sealed).is_err());
        assert!(Seal::new(&"another key".into()).open("acc_1", &sealed).is_err());
        for place in [0, NONCE_BYTES, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(seal.open("acc_1", &changed).is_err());
        }
        assert!(seal.open("acc_1", &sealed[..10]).is_err());
    }
}
