//! View bytes finer than the peak pyramid, straight from the sound: for drawings of less than 256 frames per pixel.

use crate::analysis::peaks::{self, BASE_FRAMES, Pyramid};
use crate::decode::Decoder;
use crate::error::AudioError;

/// Bins a finer view may hold: more are asked for by nobody.
const MAX_BINS: u64 = 65_536;

/// Frames per bin that a view of `frames` frames on `width_px` pixels is drawn with when it is finer than the pyramid: 1, 4, 16
/// or 64, the finest that needs no more than four bins per pixel. `None` when the pyramid itself is fine enough.
pub fn frames_per_bin(frames: u64, width_px: u32) -> Option<u64> {
    let most = (u64::from(width_px.max(1)) * 4).min(MAX_BINS);
    [1, 4, 16, 64].into_iter().find(|per_bin| frames.div_ceil(*per_bin) <= most)
}

/// View bytes of frames `from_frame..to_frame`, `frames_per_bin` of them a bin, in the form of [`Pyramid::view`] with level 0.
/// # Errors
/// As [`Decoder::read`]; `Limit` for more bins than a drawing can need.
pub fn view(decoder: &mut Decoder, from_frame: u64, to_frame: u64, frames_per_bin: u64) -> Result<Vec<u8>, AudioError> {
    let frames_per_bin = frames_per_bin.clamp(1, BASE_FRAMES);
    let to_frame = decoder.info().frames.map_or(to_frame, |frames| to_frame.min(frames));
    let from_frame = from_frame.min(to_frame);
    let bins = from_frame / frames_per_bin..to_frame.div_ceil(frames_per_bin);
    if bins.end - bins.start > MAX_BINS {
        return Err(AudioError::Limit { what: "the number of bins", found: bins.end - bins.start, limit: MAX_BINS });
    }
    let start = bins.start * frames_per_bin;
    let wanted = (bins.end * frames_per_bin - start) as usize;
    let mut planes = vec![Vec::with_capacity(wanted); usize::from(decoder.info().channels)];
    decoder.seek_near(start)?;
    let mut got = 0;
    while got < wanted {
        match decoder.read(&mut planes, wanted - got)? {
            0 => break,
            more => got += more,
        }
    }
    let count = (got as u64).div_ceil(frames_per_bin);
    let mut out = Pyramid::view_header(0, bins.start as u32, count as u32, decoder.info().channels, frames_per_bin);
    for bin in 0..count as usize {
        let range = bin * frames_per_bin as usize..((bin + 1) * frames_per_bin as usize).min(got);
        for plane in &planes {
            out.extend_from_slice(&peaks::bin_of(&plane[range.clone()]).to_bytes());
        }
    }
    Ok(out)
}
