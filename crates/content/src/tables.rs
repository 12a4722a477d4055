//! The `tables` object: the measured tables of an original, compressed together, each under its name.
//!
//! `CTTB`, a version byte, a count byte; per table a length byte, its name, and its length as a little-endian u64; then all tables one after
//! the other as one Zstandard frame. A reader takes the tables it knows and passes over the others.

use std::io::Read;

const MAGIC: &[u8; 4] = b"CTTB";
const VERSION: u8 = 1;
const LEVEL: i32 = 9;
/// Most tables in one object.
const MAX_TABLES: usize = 16;

/// Why an object is not taken as tables.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// It is of a newer form.
    #[error("the tables are of a newer form")]
    Newer,
    /// It is cut short, or contradicts itself.
    #[error("the tables are damaged")]
    Damaged,
    /// Together the tables are larger than the reader takes.
    #[error("the tables have {found} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Bytes they claim to have.
        found: u64,
        /// Bytes that are read.
        limit: u64,
    },
    /// Compressing failed.
    #[error("the tables cannot be compressed")]
    Compress(#[source] std::io::Error),
}

/// Packs tables, each with its name of 1 to 255 bytes.
/// # Errors
/// `Damaged` for names or counts that have no form, `Compress`.
pub fn pack(tables: &[(&str, &[u8])]) -> Result<Vec<u8>, TablesError> {
    let mut out = MAGIC.to_vec();
    out.push(VERSION);
    out.push(u8::try_from(tables.len()).ok().filter(|count| usize::from(*count) <= MAX_TABLES).ok_or(TablesError::Damaged)?);
    for (name, bytes) in tables {
        out.push(u8::try_from(name.len()).ok().filter(|length| *length > 0).ok_or(TablesError::Damaged)?);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    }
    let all: Vec<u8> = tables.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    out.extend(zstd::bulk::compress(&all, LEVEL).map_err(TablesError::Compress)?);
    Ok(out)
}

/// Unpacks tables of together at most `limit` bytes.
/// # Errors
/// `Newer`, `Damaged`, `TooLarge`.
pub fn unpack(object: &[u8], limit: u64) -> Result<Vec<(String, Vec<u8>)>, TablesError> {
    let mut rest = object.strip_prefix(MAGIC).ok_or(TablesError::Damaged)?;
    if byte(&mut rest)? != VERSION {
        return Err(TablesError::Newer);
    }
    let count = usize::from(byte(&mut rest)?);
    if count > MAX_TABLES {
        return Err(TablesError::Damaged);
    }
    let (mut names, mut total) = (Vec::with_capacity(count), 0_u64);
    for _ in 0..count {
        let length = usize::from(byte(&mut rest)?);
        let (name, after) = rest.split_at_checked(length).ok_or(TablesError::Damaged)?;
        let (length, after) = after.split_first_chunk::<8>().ok_or(TablesError::Damaged)?;
        rest = after;
        let length = u64::from_le_bytes(*length);
        total = total.checked_add(length).ok_or(TablesError::Damaged)?;
        names.push((String::from_utf8(name.to_vec()).map_err(|_| TablesError::Damaged)?, length));
    }
    if total > limit {
        return Err(TablesError::TooLarge { found: total, limit });
    }
    let mut decoder = zstd::stream::read::Decoder::new(rest).map_err(|_| TablesError::Damaged)?;
    let mut tables = Vec::with_capacity(count);
    for (name, length) in names {
        let mut bytes = Vec::new();
        let got = decoder.by_ref().take(length).read_to_end(&mut bytes).map_err(|_| TablesError::Damaged)?;
        if got as u64 != length {
            return Err(TablesError::Damaged);
        }
        tables.push((name, bytes));
    }
    Ok(tables)
}

fn byte(rest: &mut &[u8]) -> Result<u8, TablesError> {
    let (first, after) = rest.split_first().ok_or(TablesError::Damaged)?;
    *rest = after;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tables_come_back_under_their_names() {
        let (peaks, loudness) = (vec![7_u8; 100_000], b"quiet, loud".to_vec());
        let packed = pack(&[("peaks", &peaks), ("loudness", &loudness)]).expect("packed");
        assert!(packed.len() < 1_000, "{} bytes", packed.len());
        let tables = unpack(&packed, 200_000).expect("unpacked");
        assert_eq!(tables, [("peaks".to_owned(), peaks), ("loudness".to_owned(), loudness)]);
    }

    #[test]
    fn a_bomb_is_refused_before_anything_is_allocated_and_so_is_what_is_newer_or_cut() {
        let zeros = vec![0_u8; 1 << 20];
        let packed = pack(&[("peaks", &zeros)]).expect("packed");
        assert!(matches!(unpack(&packed, 1_000), Err(TablesError::TooLarge { .. })));
        let mut newer = packed.clone();
        newer[4] = 9;
        assert!(matches!(unpack(&newer, 1 << 21), Err(TablesError::Newer)));
        let mut lies = packed.clone();
        lies[12] = 200;
        assert!(unpack(&lies, u64::MAX).is_err());
        for end in 0..packed.len() {
            assert!(unpack(&packed[..end], 1 << 21).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let object = [b"CTTB\x01\x01\x01x".as_slice(), &bytes].concat();
            let _: Result<_, _> = unpack(&object, 1 << 20);
        }
    }
}
