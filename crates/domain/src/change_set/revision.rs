//! One frozen state of a change set: exact bytes and their digest. What is stored, shown and approved are these bytes.

use serde::{Deserialize, Serialize};

use crate::canonical::{self, CanonicalError};
use crate::catalogue::row::Salt;
use crate::change_set::op::{Op, OpsError, check_ops};
use crate::hash::ObjectHash;
use crate::id::{AccountId, ChangeSetId, ProjectId};

/// Largest revision in bytes.
pub const MAX_REVISION_BYTES: usize = 32 * 1024 * 1024;
/// Longest title in characters.
pub const MAX_TITLE_CHARS: usize = 200;
/// Longest reason in characters.
pub const MAX_REASON_CHARS: usize = 4_000;

/// What a revision says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Who wrote it.
    pub author: AccountId,
    /// The catalogue state the author saw.
    pub base_head: ObjectHash,
    /// The change set.
    pub change_set: ChangeSetId,
    /// Sixteen random bytes, so that a digest gives away nothing.
    pub nonce: Salt,
    /// The operations.
    pub ops: Vec<Op>,
    /// The project.
    pub project: ProjectId,
    /// Why, in the author's words.
    pub reason: String,
    /// Number of the revision, from 1.
    pub revision: i64,
    /// Hash of the schema the author saw.
    pub schema: ObjectHash,
    /// One line.
    pub title: String,
    /// Version of this form: 1.
    pub v: i64,
}

/// A revision with its exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRevision {
    revision: Revision,
    bytes: Vec<u8>,
    digest: ObjectHash,
}

/// Why something is not a revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// The operations make no change set.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// A number without canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Too large.
    #[error("this proposal has {bytes} bytes, and one change set takes at most {MAX_REVISION_BYTES}; propose it in several parts")]
    TooLarge {
        /// Size.
        bytes: usize,
    },
    /// Bytes of another form.
    #[error("these bytes are no proposal: {what}")]
    Malformed {
        /// What the reader said.
        what: String,
    },
    /// Bytes that say the same as the stored form but are not it.
    #[error("these bytes are not in the stored form, so their digest would not be that of the proposal")]
    NotCanonical,
    /// A form of another program version.
    #[error("this proposal has the form {v}; this program knows form 1, so update it")]
    UnknownForm {
        /// Its number.
        v: i64,
    },
    /// Title or reason out of bounds.
    #[error("a title has 1 to {MAX_TITLE_CHARS} characters on one line and a reason at most {MAX_REASON_CHARS}")]
    Words,
    /// A revision number below 1.
    #[error("revisions count from 1")]
    Number,
}

/// Digest of a revision's exact bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> ObjectHash {
    canonical::tagged_hash("collabtrack/revision/1", bytes)
}

impl Revision {
    /// Checks the revision and fixes its bytes.
    /// # Errors
    /// What is wrong with it.
    pub fn seal(self) -> Result<SealedRevision, RevisionError> {
        self.check()?;
        let value = serde_json::to_value(&self).map_err(|error| RevisionError::Malformed { what: error.to_string() })?;
        let bytes = canonical::to_bytes(&value)?;
        if bytes.len() > MAX_REVISION_BYTES {
            return Err(RevisionError::TooLarge { bytes: bytes.len() });
        }
        let digest = digest(&bytes);
        Ok(SealedRevision { revision: self, bytes, digest })
    }

    fn check(&self) -> Result<(), RevisionError> {
        if self.v != 1 {
            return Err(RevisionError::UnknownForm { v: self.v });
        }
        if self.revision < 1 {
            return Err(RevisionError::Number);
        }
        let title = self.title.trim().chars().count();
        let one_line = !self.title.chars().any(char::is_control);
        if !(1..=MAX_TITLE_CHARS).contains(&title) || !one_line || self.reason.chars().count() > MAX_REASON_CHARS {
            return Err(RevisionError::Words);
        }
        check_ops(&self.ops)?;
        Ok(())
    }
}

impl SealedRevision {
    /// Reads stored or received bytes, which must be exactly in the stored form.
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, RevisionError> {
        if bytes.len() > MAX_REVISION_BYTES {
            return Err(RevisionError::TooLarge { bytes: bytes.len() });
        }
        let revision: Revision = serde_json::from_slice(&bytes).map_err(|error| RevisionError::Malformed { what: error.to_string() })?;
        let sealed = revision.seal()?;
        if sealed.bytes == bytes { Ok(sealed) } else { Err(RevisionError::NotCanonical) }
    }

    /// What it says.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// The exact bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their digest, which an approval names.
    #[must_use]
    pub fn digest(&self) -> ObjectHash {
        self.digest
    }

    /// The revision and its bytes.
    #[must_use]
    pub fn into_parts(self) -> (Revision, Vec<u8>, ObjectHash) {
        (self.revision, self.bytes, self.digest)
    }
}
