//! Device keys: an Ed25519 key made on somebody's computer, which signs in their name what they declare. The secret half stays there; the
//! account keeps the public one, and takes it only with a claim that the secret half signed.

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::hash::ObjectHash;
use crate::id::AccountId;

/// The public half of a device key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceKey(VerifyingKey);

impl DeviceKey {
    /// From the 32 public bytes; nothing when they are no key, or one whose signatures prove nothing.
    #[must_use]
    pub fn new(public: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(public).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// The public half of 32 secret bytes.
    #[must_use]
    pub fn of_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret).verifying_key())
    }

    /// The 32 public bytes.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// What people compare, and the key's name on the wire: the first 16 bytes of the SHA-256 of the public bytes.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 16] {
        let mut first = [0; 16];
        first.copy_from_slice(&ObjectHash::of(self.0.as_bytes()).as_bytes()[..16]);
        first
    }

    /// Whether the key's secret half signed that it belongs to `account`. Signatures with more than one form are refused.
    #[must_use]
    pub fn accepts_claim(&self, account: &AccountId, signature: &[u8; 64]) -> bool {
        self.0.verify_strict(&claim(account, self), &Signature::from_bytes(signature)).is_ok()
    }
}

/// Signs with 32 secret bytes that the key belongs to `account`.
#[must_use]
pub fn sign_claim(secret: &[u8; 32], account: &AccountId) -> [u8; 64] {
    SigningKey::from_bytes(secret).sign(&claim(account, &DeviceKey::of_secret(secret))).to_bytes()
}

/// `collabtrack/device-key/1`, account and public half in hexadecimal, each ended by a line feed: nothing else that is ever signed begins
/// like this.
fn claim(account: &AccountId, key: &DeviceKey) -> Vec<u8> {
    format!("collabtrack/device-key/1\n{account}\n{}\n", HEXLOWER.encode(key.public())).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_for_its_account_and_key_alone() {
        let (ann, ben) = (AccountId::from_random([1; 17]), AccountId::from_random([2; 17]));
        let (secret, other) = ([7; 32], [8; 32]);
        let key = DeviceKey::of_secret(&secret);
        let claim = sign_claim(&secret, &ann);
        assert!(key.accepts_claim(&ann, &claim));
        assert!(!key.accepts_claim(&ben, &claim));
        assert!(!DeviceKey::of_secret(&other).accepts_claim(&ann, &claim));
        for bit in 0..512 {
            let mut changed = claim;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.accepts_claim(&ann, &changed), "bit {bit}");
        }
    }

    #[test]
    fn public_bytes_that_prove_nothing_are_no_key() {
        let good = DeviceKey::of_secret(&[7; 32]);
        assert_eq!(DeviceKey::new(good.public()), Some(good.clone()));
        assert_eq!(good.fingerprint().to_vec(), ObjectHash::of(good.public()).as_bytes()[..16].to_vec());
        // Points of small order: the neutral element, under which anything verifies, and another one.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        for bad in [neutral, [0; 32]] {
            assert_eq!(DeviceKey::new(&bad), None, "{bad:?}");
        }
    }
}
