//! How an object is cut into parts, and whether a part the store holds is the one planned. Pure.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::limits::{MAX_OBJECT_BYTES, MAX_PARTS, MIN_PART_SIZE_BYTES, PART_SIZE_BYTES};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::{CreateUpload, ObjectFormat};

use crate::blobs::{StoredPart, composite};
use crate::error::{Error, invalid, refuse};

/// Largest part an S3 store takes.
const MAX_PART_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// An object cut into parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPlan {
    /// Length of the object in bytes.
    pub length: u64,
    /// Length of every part but the last, in bytes.
    pub part_size: u64,
    /// SHA-256 of each part.
    pub hashes: Vec<ObjectHash>,
}

impl PartPlan {
    /// The plan a client asks for.
    /// # Errors
    /// When lengths and counts contradict each other or a limit.
    pub fn of(body: &CreateUpload) -> Result<Self, Error> {
        if body.format == ObjectFormat::Unknown {
            return Err(invalid("/format", "This server does not know this object format."));
        }
        if body.length == 0 {
            return Err(invalid("/length", "An object has at least 1 byte; an empty file needs no upload."));
        }
        if body.length > MAX_OBJECT_BYTES {
            return Err(refuse(ErrorCode::TooLarge, "The file is larger than 5 TiB, which no store takes. It stays on your device."));
        }
        if body.parts.is_empty() || body.parts.len() > MAX_PARTS {
            return Err(invalid("/parts", format!("An upload has 1 to {MAX_PARTS} parts.")));
        }
        let single = body.parts.len() == 1;
        if single && (body.part_size != body.length || body.length > PART_SIZE_BYTES) {
            return Err(invalid(
                "/part_size",
                format!("One part is the whole object, of at most {PART_SIZE_BYTES} bytes; larger ones have several."),
            ));
        }
        if !single && !(MIN_PART_SIZE_BYTES..=MAX_PART_BYTES).contains(&body.part_size) {
            return Err(invalid("/part_size", format!("Parts but the last have {MIN_PART_SIZE_BYTES} to {MAX_PART_BYTES} bytes.")));
        }
        if single && body.sha256.is_some_and(|sha256| sha256 != body.parts[0]) {
            return Err(invalid("/sha256", "The only part is the whole object, yet their SHA-256 differ."));
        }
        if body.length.div_ceil(body.part_size) != body.parts.len() as u64 {
            return Err(invalid("/parts", "Length and part size do not give this number of parts."));
        }
        Ok(Self { length: body.length, part_size: body.part_size, hashes: body.parts.clone() })
    }

    /// Whether the object is sent as one plain PUT.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.hashes.len() == 1
    }

    /// Number of parts.
    #[must_use]
    pub fn count(&self) -> usize {
        self.hashes.len()
    }

    /// Every part number, from 1.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        (1u32..).take(self.hashes.len())
    }

    /// Length in bytes and SHA-256 of a part; `None` for a number the plan does not have.
    #[must_use]
    pub fn part(&self, number: u32) -> Option<(u64, ObjectHash)> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        let hash = *self.hashes.get(place)?;
        let start = self.part_size.checked_mul(place as u64)?;
        Some((self.part_size.min(self.length.checked_sub(start)?), hash))
    }

    /// Whether the store's part is the planned one; a store that does not tell the hash has checked it when the part arrived.
    #[must_use]
    pub fn holds(&self, stored: &StoredPart) -> bool {
        self.part(stored.number).is_some_and(|(length, sha256)| {
            stored.length == length && stored.checksum.as_ref().is_none_or(|checksum| *checksum == sha256.to_base64())
        })
    }

    /// Checksum the finished object must have.
    #[must_use]
    pub fn checksum(&self) -> String {
        match self.hashes.as_slice() {
            [only] => only.to_base64(),
            many => composite(many),
        }
    }
}

#[cfg(test)]
mod tests {
    use collabtrack_domain::id::UploadId;

    use super::*;

    fn body(length: u64, part_size: u64, parts: usize) -> CreateUpload {
        let parts = (0..parts).map(|n| ObjectHash::of(&[u8::try_from(n % 256).expect("below 256")])).collect();
        CreateUpload { upload: UploadId::from_random([0; 17]), format: ObjectFormat::Plain, length, part_size, parts, sha256: None }
    }

    #[test]
    fn the_last_part_takes_what_is_left() {
        let eight = PART_SIZE_BYTES;
        let plan = PartPlan::of(&body(2 * eight + 5, eight, 3)).expect("a plan");
        assert_eq!([1, 2, 3, 4, 0].map(|n| plan.part(n).map(|(length, _)| length)), [Some(eight), Some(eight), Some(5), None, None]);
        let exact = PartPlan::of(&body(2 * eight, eight, 2)).expect("a plan");
        assert_eq!(exact.part(2).map(|(length, _)| length), Some(eight));
    }

    #[test]
    fn plans_that_contradict_themselves_or_a_limit_are_refused() {
        let eight = PART_SIZE_BYTES;
        for (length, part_size, parts) in [
            (0, 0, 1),
            (10, 11, 1),
            (eight + 1, eight + 1, 1),
            (10, 5, 2),
            (2 * eight, eight, 3),
            (2 * eight + 1, eight, 2),
            (10, 10, 0),
            (eight * 10_001, eight, 10_001),
            (MAX_OBJECT_BYTES + 1, MAX_PART_BYTES, 1_025),
        ] {
            assert!(PartPlan::of(&body(length, part_size, parts)).is_err(), "{length} {part_size} {parts}");
        }
    }

    #[test]
    fn a_stored_part_of_another_length_or_hash_is_not_the_planned_one() {
        let plan = PartPlan::of(&body(PART_SIZE_BYTES + 5, PART_SIZE_BYTES, 2)).expect("a plan");
        let part = StoredPart { number: 2, length: 5, etag: String::new(), checksum: Some(ObjectHash::of(&[1]).to_base64()) };
        assert!(plan.holds(&part));
        assert!(!plan.holds(&StoredPart { length: 4, ..part.clone() }));
        assert!(!plan.holds(&StoredPart { number: 1, ..part.clone() }));
        assert!(!plan.holds(&StoredPart { checksum: Some(ObjectHash::of(&[0]).to_base64()), ..part }));
    }
}
