//! The numbers shown for a version. Plain values, never NaN or infinite.

use serde::{Deserialize, Serialize};

use crate::analysis::ANALYSIS_VERSION;
use crate::analysis::levels::Levels;
use crate::analysis::loudness::LoudnessTable;
use crate::decode::{AudioInfo, DECODER_VERSION};

/// What one file measures. Levels in decibels are absent for digital silence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Frames decoded.
    pub frames: u64,
    /// Frames per second.
    pub sample_rate: u64,
    /// Channels.
    pub channels: u64,
    /// Bits per sample the file has room for, when lossless.
    pub bit_depth: Option<u64>,
    /// Bits per sample that are in use, when lossless.
    pub used_bits: Option<u64>,
    /// Samples are floating point.
    pub float: bool,
    /// The codec throws information away.
    pub lossy: bool,
    /// Container.
    pub format: String,
    /// Codec.
    pub codec: String,
    /// Largest mean of any channel, full scale 1.
    pub dc: f64,
    /// Runs of three or more samples at full scale.
    pub clip_runs: u64,
    /// Samples that were not finite and count as 0.
    pub bad_samples: u64,
    /// Highest sample, in dBFS.
    pub sample_peak_db: Option<f64>,
    /// Highest point between samples, in dBTP.
    pub true_peak_db: Option<f64>,
    /// Integrated loudness, in LUFS.
    pub loudness_lufs: Option<f64>,
    /// Loudness range, in LU.
    pub range_lu: Option<f64>,
    /// Correlation of left and right, for stereo.
    pub correlation: Option<f64>,
    /// The file ends before its header says so.
    pub truncated: bool,
    /// Parts could not be read.
    pub damaged: bool,
    /// The encoder delay is unknown.
    #[serde(default)]
    pub untrimmed: bool,
    /// Loudspeaker mask (as in WAVE EXTENSIBLE) of more than two channels, 0 where the file does not say where they belong; absent for
    /// mono and stereo, and from measurements made before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_mask: Option<u64>,
    /// Version of these measurements.
    pub analysis_version: u64,
    /// Version of the decoder they were made with, 0 from before it was kept.
    #[serde(default)]
    pub decoder_version: u64,
}

impl Summary {
    pub(super) fn new(
        info: &AudioInfo,
        frames: u64,
        levels: &Levels,
        loudness: &LoudnessTable,
        true_peak: f32,
        used_bits: Option<u32>,
        bad_samples: u64,
    ) -> Self {
        let sample_peak = levels.peak();
        Summary {
            frames,
            sample_rate: info.sample_rate.into(),
            channels: info.channels.into(),
            bit_depth: info.bit_depth.map(u64::from),
            used_bits: used_bits.filter(|_| !info.lossy).map(u64::from),
            float: info.float,
            lossy: info.lossy,
            format: info.format.clone(),
            codec: info.codec.clone(),
            dc: levels.dc(frames),
            clip_runs: levels.clip_runs(),
            bad_samples,
            sample_peak_db: decibels(sample_peak),
            true_peak_db: decibels(true_peak.max(sample_peak)),
            loudness_lufs: loudness.integrated(0..loudness.blocks()),
            range_lu: loudness.range(0..loudness.blocks()),
            correlation: levels.correlation(),
            truncated: info.truncated,
            damaged: info.damaged,
            untrimmed: info.untrimmed,
            channel_mask: (info.channels > 2).then_some(u64::from(info.channel_mask)),
            analysis_version: ANALYSIS_VERSION,
            decoder_version: DECODER_VERSION,
        }
    }
}

fn decibels(level: f32) -> Option<f64> {
    (level > 0.0 && level.is_finite()).then(|| 20.0 * f64::from(level).log10())
}
