//! Measuring a file in one decoding pass: peaks, loudness, true peak, hashes, envelope and summary.
//!
//! Everything is computed from the decoded frames exactly once; the tables are enough to draw and level-match without the audio.

pub mod blocks;
pub mod dat;
pub mod drawing;
pub mod envelope;
pub mod loudness;
pub mod peaks;
pub mod summary;
pub mod true_peak;

mod hash;
mod kweight;
mod levels;
mod table;

use std::path::Path;

use crate::analysis::blocks::{BlockHash, Cutter};
use crate::analysis::envelope::{Envelope, EnvelopeBuilder};
use crate::analysis::hash::PcmHasher;
use crate::analysis::levels::Levels;
use crate::analysis::loudness::{LoudnessMeter, LoudnessTable};
use crate::analysis::peaks::{Pyramid, PyramidBuilder};
use crate::analysis::true_peak::TruePeak;
use crate::cancel::Cancel;
use crate::decode::{Decoder, Tag};
use crate::error::AudioError;
use crate::guard::guarded;

pub use summary::Summary;

/// Version of the numbers in [`Summary`]; raised whenever the same file would give other ones.
pub const ANALYSIS_VERSION: u64 = 1;
/// Frames decoded and measured at a time: small enough to stay in the cache.
const STEP_FRAMES: usize = 8_192;

/// Everything measured about one file.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Numbers.
    pub summary: Summary,
    /// The peak pyramid (`CTPK`).
    pub peaks: Pyramid,
    /// The 100 ms loudness table (`CTLD`).
    pub loudness: LoudnessTable,
    /// BLAKE3 over the sound itself, the same for every lossless container of it.
    pub pcm_hash: [u8; 32],
    /// The tags of a coded file. They stay with the file: a version's summary travels without them.
    pub tags: Vec<Tag>,
    /// What two versions are lined up by; only from [`analyse`].
    pub landmarks: Option<Landmarks>,
}

/// What lining two versions up and finding equal passages needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landmarks {
    /// The band envelope (`CTEV`).
    pub envelope: Envelope,
    /// Hashes of pieces cut where the sound says.
    pub blocks: Vec<BlockHash>,
}

/// Measures the file at `path`, landmarks included; `progress` gets values from 0 to 1.
/// # Errors
/// `Io`, `NotAudio`, `Unsupported`, `Damaged`, `Limit`, `Cancelled`.
pub fn analyse(path: &Path, cancel: &Cancel, progress: &mut dyn FnMut(f32)) -> Result<Analysis, AudioError> {
    guarded("measuring the file", || pass(Decoder::open_to_measure(path)?, Wanted::Everything, cancel, progress))
}

/// Measures the file at `path` without its landmarks: what playing, drawing and showing a version needs.
/// # Errors
/// As [`analyse`].
pub fn analyse_levels(path: &Path, cancel: &Cancel, progress: &mut dyn FnMut(f32)) -> Result<Analysis, AudioError> {
    guarded("measuring the file", || pass(Decoder::open_to_measure(path)?, Wanted::Levels, cancel, progress))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Levels,
    Everything,
}

/// The landmarks while they are being made.
struct Marking {
    envelope: EnvelopeBuilder,
    cutter: Cutter,
}

fn pass(mut decoder: Decoder, wanted: Wanted, cancel: &Cancel, progress: &mut dyn FnMut(f32)) -> Result<Analysis, AudioError> {
    let info = decoder.info().clone();
    let channels = usize::from(info.channels);
    let mut hasher = PcmHasher::new(&info);
    let mut pyramid = PyramidBuilder::new(info.sample_rate, info.channels);
    let mut meter = LoudnessMeter::new(info.sample_rate, info.channels);
    let mut true_peaks: Vec<TruePeak> = (0..channels).map(|_| TruePeak::new(info.sample_rate)).collect();
    let mut levels = Levels::new(&info);
    let mut marking = (wanted == Wanted::Everything)
        .then(|| Marking { envelope: EnvelopeBuilder::new(info.sample_rate), cutter: Cutter::new(info.sample_rate, channels) });
    let mut planes: Vec<Vec<f32>> = vec![Vec::with_capacity(STEP_FRAMES); channels];
    let mut frames = 0_u64;
    loop {
        cancel.check()?;
        planes.iter_mut().for_each(Vec::clear);
        let got = decoder.read(&mut planes, STEP_FRAMES)?;
        if got == 0 {
            break;
        }
        frames += got as u64;
        hasher.update(&planes, decoder.exact());
        pyramid.update(&planes);
        meter.update(&planes);
        levels.update(&planes);
        for (peak, plane) in true_peaks.iter_mut().zip(&planes) {
            peak.update(plane);
        }
        if let Some(marking) = &mut marking {
            marking.envelope.update(&planes);
            match hasher.integers() {
                Some(integers) => marking.cutter.update_integers(integers),
                None => marking.cutter.update(&planes, decoder.exact()),
            }
        }
        if let Some(total) = info.frames {
            progress(frames as f32 / total.max(1) as f32);
        }
    }
    let peaks = pyramid.finish();
    let loudness = meter.finish();
    let true_peak = true_peaks.into_iter().map(TruePeak::finish).fold(0.0_f32, f32::max);
    let used_bits = hasher.used_bits();
    let pcm_hash = hasher.finish(&decoder);
    let summary = Summary::new(decoder.info(), frames, &levels, &loudness, true_peak, used_bits, decoder.bad_samples());
    progress(1.0);
    let landmarks = marking.map(|marking| Landmarks { envelope: marking.envelope.finish(), blocks: marking.cutter.finish() });
    Ok(Analysis { summary, peaks, loudness, pcm_hash, tags: decoder.tags().to_vec(), landmarks })
}
