//! Checkpoints: the size and root of the log's tree, as a signed note that anybody can keep and compare.
//!
//! Forms: <https://c2sp.org/tlog-checkpoint> and <https://c2sp.org/signed-note>, with Ed25519 keys.

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::audit::chain::Verdict;
use crate::audit::merkle;
use crate::hash::ObjectHash;

/// Longest note in bytes.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;
/// Most signatures of a note.
pub const MAX_SIGNATURES: usize = 16;

/// Size and root of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root of the tree over them.
    pub root: ObjectHash,
}

/// A public key with the name it signs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedKey {
    name: String,
    key: VerifyingKey,
}

/// Why a note is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not of the form of a note or of a checkpoint.
    #[error("this is no checkpoint of a log")]
    Malformed,
    /// A pinned key's signature does not fit.
    #[error("the checkpoint's signature is wrong")]
    BadSignature,
    /// No signature of a pinned key.
    #[error("the checkpoint is signed by no key this computer knows")]
    UnknownKey,
    /// It is about another log.
    #[error("the checkpoint is of another log")]
    OtherOrigin,
    /// It contradicts an earlier one.
    #[error("two checkpoints of one log tell different histories")]
    Inconsistent,
}

impl CheckpointError {
    /// The verdict on the log.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Malformed => Verdict::Malformed,
            Self::BadSignature => Verdict::BadSignature,
            Self::UnknownKey | Self::OtherOrigin => Verdict::UnknownKey,
            Self::Inconsistent => Verdict::Inconsistent,
        }
    }
}

/// A key name: not empty, no white space, no plus.
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.chars().any(|character| character.is_whitespace() || character == '+')
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update(b"\n\x01");
    hasher.update(key.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

impl PinnedKey {
    /// The key of that name from its 32 public bytes; nothing when they are no key or the name is none.
    #[must_use]
    pub fn new(name: &str, public: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(public).ok().filter(|key| !key.is_weak())?;
        is_key_name(name).then(|| Self { name: name.to_owned(), key })
    }

    /// A fingerprint to show and compare: SHA-256 of the public bytes.
    #[must_use]
    pub fn fingerprint(&self) -> ObjectHash {
        ObjectHash::of(self.key.as_bytes())
    }
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64())
    }

    fn parse_text(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?;
        let size =
            lines.next().filter(|size| *size == "0" || (!size.starts_with('0') && size.bytes().all(|byte| byte.is_ascii_digit())))?;
        let root = BASE64.decode(lines.next()?.as_bytes()).ok()?;
        // Lines after the root are extensions that this form does not know; a last empty part ends the text.
        lines.next()?;
        Some(Self { origin: origin.to_owned(), size: size.parse().ok()?, root: ObjectHash::from_bytes(root.try_into().ok()?) })
    }

    /// The checkpoint as a note signed under its origin with the key of 32 secret bytes.
    #[must_use]
    pub fn sign(&self, secret: &[u8; 32]) -> String {
        let key = SigningKey::from_bytes(secret);
        let text = self.text();
        let mut signature = key_id(&self.origin, &key.verifying_key()).to_vec();
        signature.extend(key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n— {} {}\n", self.origin, BASE64.encode(&signature))
    }

    /// Reads a note: at least one signature of a pinned key must be there, and every one of a pinned key must fit.
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(note: &str, origin: &str, keys: &[PinnedKey]) -> Result<Self, CheckpointError> {
        if note.len() > MAX_NOTE_BYTES || note.chars().any(|character| character.is_control() && character != '\n') {
            return Err(CheckpointError::Malformed);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(CheckpointError::Malformed)?;
        let text = &note[..=text.len()];
        let signatures = signatures.strip_suffix('\n').ok_or(CheckpointError::Malformed)?;
        let mut known = false;
        for (count, line) in signatures.split('\n').enumerate() {
            let (name, blob) = line.strip_prefix("— ").and_then(|line| line.split_once(' ')).ok_or(CheckpointError::Malformed)?;
            let blob = BASE64.decode(blob.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
            if count >= MAX_SIGNATURES || !is_key_name(name) || blob.len() < 5 {
                return Err(CheckpointError::Malformed);
            }
            let Some(pinned) = keys.iter().find(|key| key.name == name && key_id(name, &key.key) == blob[..4]) else { continue };
            let signature = Signature::from_slice(&blob[4..]).map_err(|_| CheckpointError::BadSignature)?;
            pinned.key.verify_strict(text.as_bytes(), &signature).map_err(|_| CheckpointError::BadSignature)?;
            known = true;
        }
        if !known {
            return Err(CheckpointError::UnknownKey);
        }
        let checkpoint = Self::parse_text(text).ok_or(CheckpointError::Malformed)?;
        if checkpoint.origin == origin { Ok(checkpoint) } else { Err(CheckpointError::OtherOrigin) }
    }

    /// Checks that this checkpoint continues the history of `earlier`, by a consistency proof.
    /// # Errors
    /// `Inconsistent` when it does not, `OtherOrigin` when they are of two logs.
    pub fn continues(&self, earlier: &Self, proof: &[ObjectHash]) -> Result<(), CheckpointError> {
        if self.origin != earlier.origin {
            return Err(CheckpointError::OtherOrigin);
        }
        if merkle::verify_consistency(earlier.size, &earlier.root, self.size, &self.root, proof) {
            Ok(())
        } else {
            Err(CheckpointError::Inconsistent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    const NOTE: &str = "log.example/audit\n2\nmcx2FODf2lt8jOojAPShQKALJGIbcNSLymDFZoZQWPM=\n\n— log.example/audit hmF9NtmUD8s7eqo3DSksmO2RYYgJXd4DLbibcQDQANxor25ZeS/8l4oD3lHJ86rF4vm3BaJmPHK1CyPzvATPgBiJIwk=\n";

    fn secret() -> [u8; 32] {
        std::array::from_fn(|number| number as u8)
    }

    fn pinned() -> PinnedKey {
        let public = HEXLOWER.decode(b"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8").expect("hexadecimal");
        PinnedKey::new("log.example/audit", &public.try_into().expect("32 bytes")).expect("a key")
    }

    #[test]
    fn the_note_of_the_published_vector_verifies_and_is_what_signing_gives() {
        let checkpoint = Checkpoint::verify(NOTE, "log.example/audit", &[pinned()]).expect("signed by the pinned key");
        assert_eq!((checkpoint.size, checkpoint.sign(&secret()).as_str()), (2, NOTE));
    }

    #[test]
    fn any_other_note_is_refused() {
        let verify = |note: &str| Checkpoint::verify(note, "log.example/audit", &[pinned()]);
        assert_eq!(verify(&NOTE.replacen("\n2\n", "\n3\n", 1)), Err(CheckpointError::BadSignature));
        assert_eq!(verify(&NOTE.replace("hmF9Nt", "hmF9Nu")), Err(CheckpointError::BadSignature));
        assert_eq!(verify(&NOTE.replace("hmF9", "hmF8")), Err(CheckpointError::UnknownKey));
        assert_eq!(Checkpoint::verify(NOTE, "log.example/audit", &[]), Err(CheckpointError::UnknownKey));
        assert_eq!(Checkpoint::verify(NOTE, "log.example/audit/2", &[pinned()]), Err(CheckpointError::OtherOrigin));
        for malformed in ["", "\n\n", "x", &NOTE.replace("— ", "- "), NOTE.trim_end(), &NOTE.replace("\n\n", "\n"), &"a\n".repeat(40_000)]
        {
            assert_eq!(verify(malformed), Err(CheckpointError::Malformed), "{:?}", malformed.get(..20));
        }
        let other = "— witness.example AAAAAAAA\n";
        assert!(verify(&format!("{NOTE}{other}")).is_ok(), "signatures of others are no obstacle");
        assert_eq!(verify(&format!("{NOTE}{}", other.repeat(MAX_SIGNATURES))), Err(CheckpointError::Malformed));
        let signed = Checkpoint { origin: "log.example/audit".into(), size: 2, root: ObjectHash::of(b"x") }.sign(&[9; 32]);
        assert_eq!(verify(&signed), Err(CheckpointError::UnknownKey));
    }

    #[test]
    fn a_log_that_was_rewritten_or_cut_does_not_continue() {
        let leaves: Vec<ObjectHash> = (0u8..9).map(|number| merkle::leaf(&[number])).collect();
        let at = |size: usize| Checkpoint { origin: "log".into(), size: size as u64, root: merkle::root(&leaves[..size]) };
        let proof = merkle::consistency_proof(&leaves, 5).expect("smaller");
        assert_eq!(at(9).continues(&at(5), &proof), Ok(()));
        assert_eq!(at(5).continues(&at(9), &proof), Err(CheckpointError::Inconsistent));
        assert_eq!(at(9).continues(&Checkpoint { root: merkle::leaf(b"other"), ..at(5) }, &proof), Err(CheckpointError::Inconsistent));
        assert_eq!(at(9).continues(&Checkpoint { origin: "log/2".into(), ..at(5) }, &proof), Err(CheckpointError::OtherOrigin));
    }
}
