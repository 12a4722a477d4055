//! Small writers of WAV and its relatives, so that every header byte is under the test's control.

use std::path::{Path, PathBuf};

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
}

impl Store {
    pub(crate) fn bits(self) -> u16 {
        match self {
            Store::U8 => 8,
            Store::I16 => 16,
            Store::I24 => 24,
            Store::I32 | Store::F32 => 32,
            Store::F64 => 64,
        }
    }

    fn is_float(self) -> bool {
        matches!(self, Store::F32 | Store::F64)
    }
}

/// Interleaved little- or big-endian samples.
pub(crate) fn samples(planes: &[Vec<f32>], store: Store, big_endian: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in 0..planes[0].len() {
        for plane in planes {
            let sample = f64::from(plane[frame]);
            let integer = |bits: u32| (sample * f64::from(1_u32 << (bits - 2)) * 2.0).round() as i64;
            let mut bytes = match store {
                Store::U8 => vec![(integer(8) + 128) as u8],
                Store::I16 => (integer(16) as i16).to_le_bytes().to_vec(),
                Store::I24 => (integer(24) as i32).to_le_bytes()[..3].to_vec(),
                Store::I32 => (integer(32) as i32).to_le_bytes().to_vec(),
                Store::F32 => plane[frame].to_le_bytes().to_vec(),
                Store::F64 => sample.to_le_bytes().to_vec(),
            };
            if big_endian {
                bytes.reverse();
            }
            out.extend_from_slice(&bytes);
        }
    }
    out
}

/// One RIFF chunk with its pad byte.
pub(crate) fn chunk(id: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut out = id.to_vec();
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(payload);
    if payload.len() % 2 == 1 {
        out.push(0);
    }
    out
}

/// The payload of a plain `fmt ` chunk.
pub(crate) fn fmt(rate: u32, channels: u16, store: Store) -> Vec<u8> {
    let frame = channels * store.bits() / 8;
    let mut out = (if store.is_float() { 3_u16 } else { 1 }).to_le_bytes().to_vec();
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&rate.to_le_bytes());
    out.extend_from_slice(&(rate * u32::from(frame)).to_le_bytes());
    out.extend_from_slice(&frame.to_le_bytes());
    out.extend_from_slice(&store.bits().to_le_bytes());
    out
}

/// A whole RIFF file from its chunks.
pub(crate) fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body: usize = chunks.iter().map(Vec::len).sum();
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&((body + 4) as u32).to_le_bytes());
    out.extend_from_slice(b"WAVE");
    chunks.iter().for_each(|chunk| out.extend_from_slice(chunk));
    out
}

/// The bytes of a WAV file.
pub(crate) fn wav_bytes(planes: &[Vec<f32>], rate: u32, store: Store) -> Vec<u8> {
    riff(&[chunk(b"fmt ", &fmt(rate, planes.len() as u16, store)), chunk(b"data", &samples(planes, store, false))])
}

/// Writes a WAV file into `folder`.
pub(crate) fn wav(folder: &Path, name: &str, planes: &[Vec<f32>], rate: u32, store: Store) -> PathBuf {
    put(folder, name, &wav_bytes(planes, rate, store))
}

/// Writes bytes into `folder`.
pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the temporary folder takes files");
    path
}

/// An 80-bit extended float.
fn extended(rate: u32) -> [u8; 10] {
    let mut out = [0; 10];
    let exponent = 31 - rate.leading_zeros();
    out[..2].copy_from_slice(&(16_383 + exponent as u16).to_be_bytes());
    out[2..].copy_from_slice(&(u64::from(rate) << (63 - exponent)).to_be_bytes());
    out
}

/// An AIFC file of compression `kind`, or AIFF for `None`.
pub(crate) fn aiff_bytes(planes: &[Vec<f32>], rate: u32, store: Store, kind: Option<&[u8; 4]>, ssnd_offset: u32) -> Vec<u8> {
    let big = |id: &[u8; 4], payload: &[u8]| {
        let mut out = id.to_vec();
        out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        out.extend_from_slice(payload);
        if payload.len() % 2 == 1 {
            out.push(0);
        }
        out
    };
    let mut common = (planes.len() as u16).to_be_bytes().to_vec();
    common.extend_from_slice(&(planes[0].len() as u32).to_be_bytes());
    common.extend_from_slice(&store.bits().to_be_bytes());
    common.extend_from_slice(&extended(rate));
    if let Some(kind) = kind {
        common.extend_from_slice(kind);
        common.extend_from_slice(&[0, 0]);
    }
    let mut sound = ssnd_offset.to_be_bytes().to_vec();
    sound.extend_from_slice(&[0; 4]);
    sound.extend(std::iter::repeat_n(0xAA, ssnd_offset as usize));
    let little = matches!(kind, Some(b"sowt" | b"42ni" | b"23ni"));
    sound.extend_from_slice(&samples(planes, store, !little));
    let body = [big(b"COMM", &common), big(b"SSND", &sound)].concat();
    let mut out = b"FORM".to_vec();
    out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    out.extend_from_slice(if kind.is_some() { b"AIFC" } else { b"AIFF" });
    out.extend_from_slice(&body);
    out
}

/// A CAF file of linear samples; `declared` overrides the size of the data chunk.
pub(crate) fn caf_bytes(planes: &[Vec<f32>], rate: u32, store: Store, little: bool, declared: Option<i64>) -> Vec<u8> {
    let mut out = b"caff\0\x01\0\0desc".to_vec();
    out.extend_from_slice(&32_i64.to_be_bytes());
    out.extend_from_slice(&f64::from(rate).to_be_bytes());
    out.extend_from_slice(b"lpcm");
    out.extend_from_slice(&(u32::from(store.is_float()) | u32::from(little) << 1).to_be_bytes());
    let frame = u32::from(store.bits()) / 8 * planes.len() as u32;
    for word in [frame, 1, planes.len() as u32, u32::from(store.bits())] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    let data = samples(planes, store, !little);
    out.extend_from_slice(b"data");
    out.extend_from_slice(&declared.unwrap_or(data.len() as i64 + 4).to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&data);
    out
}

/// What stands in a W64 file before `data_bytes` of sound.
pub(crate) fn w64_head(rate: u32, channels: u16, store: Store, data_bytes: u64) -> Vec<u8> {
    const TAIL: [u8; 12] = [0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A];
    let part = |id: &[u8; 4], length: u64| [id.as_slice(), &TAIL, &(length + 24).to_le_bytes()].concat();
    let fmt = fmt(rate, channels, store);
    let mut body = [part(b"fmt ", fmt.len() as u64), fmt].concat();
    body.resize(body.len().next_multiple_of(8), 0);
    body.extend(part(b"data", data_bytes));
    let mut out = b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\0\0".to_vec();
    out.extend_from_slice(&(body.len() as u64 + data_bytes.next_multiple_of(8) + 40).to_le_bytes());
    out.extend_from_slice(b"wave");
    out.extend_from_slice(&TAIL);
    out.extend_from_slice(&body);
    out
}

/// A W64 file.
pub(crate) fn w64_bytes(planes: &[Vec<f32>], rate: u32, store: Store) -> Vec<u8> {
    let samples = samples(planes, store, false);
    let mut out = [w64_head(rate, planes.len() as u16, store, samples.len() as u64), samples].concat();
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

/// RF64 (or BW64) with a `ds64` chunk.
pub(crate) fn rf64_head(id: &[u8; 4], rate: u32, channels: u16, store: Store, data_bytes: u64) -> Vec<u8> {
    let mut sizes = (data_bytes + 72).to_le_bytes().to_vec();
    sizes.extend_from_slice(&data_bytes.to_le_bytes());
    sizes.extend_from_slice(&(data_bytes / u64::from(channels * store.bits() / 8)).to_le_bytes());
    sizes.extend_from_slice(&[0; 4]);
    let mut out = [id.as_slice(), &[0xFF; 4], b"WAVE"].concat();
    out.extend_from_slice(&chunk(b"ds64", &sizes));
    out.extend_from_slice(&chunk(b"fmt ", &fmt(rate, channels, store)));
    out.extend_from_slice(b"data\xFF\xFF\xFF\xFF");
    out
}
