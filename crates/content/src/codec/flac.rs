//! Integer samples as FLAC (RFC 9639), and floats that are exactly integers. Each extent is one stream; rate and tags are not kept, the
//! file's own header has them.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use collabtrack_domain::recipe::Codec;
use flac_codec::decode::FlacSampleReader;
use flac_codec::encode::{FlacSampleWriter, Options};
use serde_json::Value;

use super::samples::{self, Integers};
use super::{Coded, DecodeError};
use crate::layout::Pcm;

/// The rate in the stream's header; any rate codes the same samples the same way.
const RATE: u32 = 48_000;

/// Raw bytes as FLAC; `None` where they have no integers, or the encoder does not take them.
pub(super) fn encode(raw: &[u8], pcm: Pcm) -> Option<Coded> {
    let integers = samples::integers(raw, pcm)?;
    let bytes = stream(&integers, pcm.channels)?;
    Some(Coded { codec: Codec::Flac, params: samples::describe(pcm, integers.shift), bytes })
}

/// A FLAC stream of these numbers.
pub(super) fn stream(integers: &Integers, channels: u8) -> Option<Vec<u8>> {
    let work = || {
        let mut out = Cursor::new(Vec::new());
        let options = Options::best().no_padding().no_seektable();
        let total = integers.numbers.len() as u64;
        let mut writer = FlacSampleWriter::new(&mut out, options, RATE, integers.bits, channels, Some(total)).ok()?;
        writer.write(&integers.numbers).ok()?;
        writer.finalize().ok()?;
        Some(out.into_inner())
    };
    // The encoder is others' code and the samples are anybody's: a panic is one extent stored raw, not a program that ends.
    catch_unwind(AssertUnwindSafe(work)).ok().flatten()
}

/// The numbers of a FLAC stream; exactly `count` of them in `channels` channels.
pub(super) fn numbers(stored: &[u8], channels: u8, count: usize) -> Result<Vec<i32>, DecodeError> {
    let work = || {
        let mut reader = FlacSampleReader::new(Cursor::new(stored)).map_err(|_| DecodeError::Damaged)?;
        let found = flac_codec::metadata::Metadata::channel_count(&reader);
        if found != channels {
            return Err(DecodeError::Damaged);
        }
        let mut numbers = Vec::new();
        loop {
            let block = reader.fill_buf().map_err(|_| DecodeError::Damaged)?;
            if block.is_empty() {
                break;
            }
            if numbers.len() + block.len() > count {
                return Err(DecodeError::Damaged);
            }
            numbers.extend_from_slice(block);
            let length = block.len();
            reader.consume(length);
        }
        if numbers.len() == count { Ok(numbers) } else { Err(DecodeError::Damaged) }
    };
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(DecodeError::Damaged))
}

pub(super) fn decode(params: &Value, stored: &[u8], length: usize) -> Result<Vec<u8>, DecodeError> {
    let (pcm, shift) = samples::described(params)?;
    let numbers = numbers(stored, pcm.channels, length / usize::from(pcm.bytes))?;
    samples::bytes(&numbers, pcm, shift)
}
