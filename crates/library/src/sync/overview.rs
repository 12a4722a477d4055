//! The coarse waveform as it travels with an announcement: a picture for a row of a list, packed so that it costs little of the wire.
//!
//! Packed form: `1:`, then base64 of a deflated stream of the view's header and six planes of bytes a bin (maximum, minimum added to it,
//! and RMS, channel by channel; a later channel as its difference from the one before). Peaks keep 63 steps on either side of silence and
//! are rounded outward, so that a drawing never understates one; RMS keeps 63 steps.

use std::io::{Read, Write};

use collabtrack_protocol::limits::MAX_OVERVIEW_BYTES;
use data_encoding::BASE64;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// How the packed form begins; base64 never does.
const PACKED: &str = "1:";
/// Header of the view format: `u32 level, u32 first_bin, u32 bins, u16 channels, u16 0, u64 frames_per_bin`.
const HEADER: usize = 24;
/// Bytes of a bin and channel in the view format: `i16` minimum, `i16` maximum, `u16` RMS.
const BIN: usize = 6;
/// Bytes of a bin and channel in the packed form.
const PACKED_BIN: usize = 3;
/// From this many bins on two become one: what is left is still more than a list has pixels.
const MANY: usize = 1_024;
const STEPS: i32 = 63;
const PEAK: i32 = 32_767;
const RMS: i32 = 65_535;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bin {
    min: i32,
    max: i32,
    rms: i32,
}

/// A view taken apart.
#[derive(Debug, Clone)]
struct View {
    /// Level and first bin, as they came.
    place: [u8; 8],
    channels: usize,
    frames_per_bin: u64,
    /// Bin by bin, all channels of one after the other.
    bins: Vec<Bin>,
}

impl View {
    fn read(view: &[u8]) -> Option<Self> {
        let (header, data) = view.split_at_checked(HEADER)?;
        let channels = usize::from(u16::from_le_bytes(header[12..14].try_into().ok()?));
        let bins = usize::try_from(u32::from_le_bytes(header[8..12].try_into().ok()?)).ok()?;
        let whole = channels > 0 && Some(data.len()) == bins.checked_mul(channels).and_then(|bins| bins.checked_mul(BIN));
        let signed = |bytes: &[u8]| i32::from(i16::from_le_bytes([bytes[0], bytes[1]]));
        let bin = |bytes: &[u8; BIN]| Bin {
            min: signed(&bytes[..2]),
            max: signed(&bytes[2..4]),
            rms: i32::from(u16::from_le_bytes([bytes[4], bytes[5]])),
        };
        whole.then_some(Self {
            place: header[..8].try_into().ok()?,
            channels,
            frames_per_bin: u64::from_le_bytes(header[16..24].try_into().ok()?),
            bins: data.as_chunks::<BIN>().0.iter().map(bin).collect(),
        })
    }

    fn write(&self) -> Vec<u8> {
        let mut view = self.header();
        for bin in &self.bins {
            let peak = |value: i32| i16::try_from(value.clamp(-PEAK - 1, PEAK)).unwrap_or_default().to_le_bytes();
            view.extend(peak(bin.min));
            view.extend(peak(bin.max));
            view.extend(u16::try_from(bin.rms.clamp(0, RMS)).unwrap_or_default().to_le_bytes());
        }
        view
    }

    fn count(&self) -> usize {
        self.bins.len() / self.channels
    }

    fn header(&self) -> Vec<u8> {
        let mut header = self.place.to_vec();
        header.extend(u32::try_from(self.count()).unwrap_or(u32::MAX).to_le_bytes());
        header.extend(u16::try_from(self.channels).unwrap_or(u16::MAX).to_le_bytes());
        header.extend([0, 0]);
        header.extend(self.frames_per_bin.to_le_bytes());
        header
    }

    /// The same with every two bins as one.
    fn halved(self) -> Self {
        let of = |bins: &[Bin], channel: usize| {
            let pair = [bins[channel], bins[bins.len() - self.channels + channel]];
            let square = |bin: &Bin| f64::from(bin.rms) * f64::from(bin.rms);
            Bin {
                min: pair[0].min.min(pair[1].min),
                max: pair[0].max.max(pair[1].max),
                rms: ((square(&pair[0]) + square(&pair[1])) / 2.0).sqrt().round() as i32,
            }
        };
        let bins = self.bins.chunks(2 * self.channels).flat_map(|bins| (0..self.channels).map(move |channel| of(bins, channel))).collect();
        Self { bins, frames_per_bin: self.frames_per_bin.saturating_mul(2), ..self }
    }

    fn planes(&self) -> Vec<u8> {
        let mut planes = Vec::with_capacity(self.bins.len() * PACKED_BIN);
        let coarse: Vec<[i32; PACKED_BIN]> = self.bins.iter().map(|bin| coarse(*bin)).collect();
        for channel in 0..self.channels {
            for field in 0..PACKED_BIN {
                for bins in coarse.chunks(self.channels) {
                    let before = if channel == 0 { 0 } else { bins[channel - 1][field] };
                    planes.push((bins[channel][field] - before).to_le_bytes()[0]);
                }
            }
        }
        planes
    }

    fn of_planes(self, planes: &[u8]) -> Option<Self> {
        let count = planes.len().checked_div(self.channels * PACKED_BIN)?;
        if count * self.channels * PACKED_BIN != planes.len() {
            return None;
        }
        let mut bins = Vec::with_capacity(count * self.channels);
        for at in 0..count {
            let mut sum = [0_u8; PACKED_BIN];
            for channel in 0..self.channels {
                for (field, sum) in sum.iter_mut().enumerate() {
                    *sum = sum.wrapping_add(planes[(channel * PACKED_BIN + field) * count + at]);
                }
                bins.push(fine(sum.map(|value| i32::from(value.cast_signed()))));
            }
        }
        Some(Self { bins, ..self })
    }
}

/// Maximum, minimum added to it, and RMS, in steps.
fn coarse(bin: Bin) -> [i32; PACKED_BIN] {
    let max = -(-bin.max * STEPS).div_euclid(PEAK);
    let min = (bin.min * STEPS).div_euclid(PEAK).max(-STEPS);
    [max, max + min, (bin.rms * STEPS + RMS / 2) / RMS]
}

fn fine([max, both, rms]: [i32; PACKED_BIN]) -> Bin {
    let min = both - max;
    Bin { min: (min * PEAK).div_euclid(STEPS), max: -(-max * PEAK).div_euclid(STEPS), rms: rms * RMS / STEPS }
}

/// The form in which a coarse waveform in the view format is announced; empty when there is none, or one too large to be told.
pub(super) fn to_wire(view: &[u8]) -> String {
    let Some(mut coarse) = View::read(view).filter(|view| !view.bins.is_empty()) else {
        return if view.len() <= MAX_OVERVIEW_BYTES { BASE64.encode(view) } else { String::new() };
    };
    while coarse.count() >= MANY {
        coarse = coarse.halved();
    }
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
    let packed = deflated.write_all(&coarse.header()).and_then(|()| deflated.write_all(&coarse.planes())).and_then(|()| deflated.finish());
    match packed {
        Ok(packed) if packed.len() <= MAX_OVERVIEW_BYTES - PACKED.len() => format!("{PACKED}{}", BASE64.encode(&packed)),
        _ => String::new(),
    }
}

/// The coarse waveform in the view format; empty when nothing or nothing sensible was told.
pub(super) fn from_wire(told: &str) -> Vec<u8> {
    let Some(packed) = told.strip_prefix(PACKED) else { return BASE64.decode(told.as_bytes()).unwrap_or_default() };
    unpack(packed).unwrap_or_default()
}

fn unpack(packed: &str) -> Option<Vec<u8>> {
    let packed = BASE64.decode(packed.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    // What unpacks to more than an overview may have is none.
    DeflateDecoder::new(packed.as_slice()).take(MAX_OVERVIEW_BYTES as u64).read_to_end(&mut bytes).ok()?;
    let (header, planes) = bytes.split_at_checked(HEADER)?;
    // As a view without bins, whose number must then be what the planes hold.
    let empty = [&header[..8], &[0; 4], &header[12..]].concat();
    let view = View::read(&empty)?.of_planes(planes)?.write();
    (view[8..12] == header[8..12]).then_some(view)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(bins: usize, channels: usize) -> View {
        let bin = |n: usize| {
            let max = i32::try_from(n * 7_919 % 32_768).expect("small");
            let min = -i32::try_from(n * 104_729 % 32_769).expect("small");
            Bin { min, max, rms: max.max(-min) }
        };
        View { place: [3, 0, 0, 0, 0, 0, 0, 0], channels, frames_per_bin: 16_384, bins: (0..bins * channels).map(bin).collect() }
    }

    #[test]
    fn what_arrives_is_the_same_picture_and_no_peak_is_lower() {
        for (bins, channels) in [(1, 1), (527, 2), (1_023, 6), (977, 1)] {
            let sent = view(bins, channels);
            let came = View::read(&from_wire(&to_wire(&sent.write()))).expect("a view");
            assert_eq!((came.count(), came.channels, came.frames_per_bin, came.place), (bins, channels, 16_384, sent.place));
            for (sent, came) in sent.bins.iter().zip(&came.bins) {
                assert!(came.max >= sent.max && came.max - sent.max <= PEAK / STEPS + 1, "{sent:?} {came:?}");
                assert!(came.min <= sent.min.max(-PEAK) && sent.min - came.min <= PEAK / STEPS + 1, "{sent:?} {came:?}");
                assert!((came.rms - sent.rms).abs() <= RMS / STEPS / 2 + 1, "{sent:?} {came:?}");
            }
        }
    }

    #[test]
    fn more_bins_than_any_list_shows_become_fewer_and_silence_costs_nothing() {
        let came = View::read(&from_wire(&to_wire(&view(1_405, 2).write()))).expect("a view");
        assert_eq!((came.count(), came.frames_per_bin), (703, 32_768));
        let loudest = view(1_405, 2).bins.iter().map(|bin| bin.max).max();
        assert!(came.bins.iter().map(|bin| bin.max).max() >= loudest);
        let silent = View { bins: vec![Bin { min: 0, max: 0, rms: 0 }; 1_000], ..view(0, 2) };
        let told = to_wire(&silent.write());
        assert!(told.len() < 100, "{} characters", told.len());
        assert_eq!(from_wire(&told), silent.write());
    }

    #[test]
    fn what_was_told_in_the_plain_form_is_still_understood_and_nonsense_is_nothing() {
        let plain = view(600, 2).write();
        assert_eq!(from_wire(&BASE64.encode(&plain)), plain);
        assert_eq!(to_wire(&[]), "");
        for nonsense in ["1:", "1:!!", "1:AAAA", "!", ""] {
            assert_eq!(from_wire(nonsense), Vec::<u8>::new(), "{nonsense}");
        }
        let told = to_wire(&plain);
        let cut = BASE64.decode(&told.as_bytes()[2..]).expect("base64");
        assert_eq!(from_wire(&format!("1:{}", BASE64.encode(&cut[..cut.len() / 2]))), Vec::<u8>::new());
    }
}
