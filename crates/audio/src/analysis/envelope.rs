//! The band envelope (`CTEV`): how loud 16 bands of the mono sum are, a hundred times a second. Small, and enough to line
//! two versions up.

use std::f32::consts::TAU;
use std::path::Path;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::analysis::table::Header;
use crate::cancel::Cancel;
use crate::decode::Decoder;
use crate::error::AudioError;
use crate::guard::guarded;

const MAGIC: [u8; 4] = *b"CTEV";
/// Bands of the envelope.
pub const BANDS: usize = 16;
/// Hops per second.
pub const HOPS_PER_SECOND: u64 = 100;
/// Lowest and highest frequency, in Hz.
const RANGE: (f32, f32) = (50.0, 16_000.0);
/// Length of the window, in seconds.
const WINDOW_SECONDS: f32 = 0.043;
/// The level a value of 0 stands for, in dBFS, and values per decibel.
const SCALE: (f32, f32) = (-100.0, 2.55);

/// The envelope of one file. Hop *k* is centred on frame *k*·rate/100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    rate: u32,
    frames: u64,
    /// Hop-major.
    values: Vec<u8>,
    file_id: [u8; 32],
}

impl Envelope {
    /// Hops.
    pub fn hops(&self) -> usize {
        self.values.len() / BANDS
    }

    /// The bands of one hop: 0 is −100 dBFS, 255 is 0 dBFS.
    pub fn hop(&self, hop: usize) -> Option<&[u8]> {
        self.values.get(hop * BANDS..(hop + 1) * BANDS)
    }

    /// Onset strength of a hop: how much its bands rose since the one before, summed, in decibels.
    pub fn onset(&self, hop: usize) -> f32 {
        let Some((now, before)) = self.hop(hop).zip(hop.checked_sub(1).and_then(|before| self.hop(before))) else { return 0.0 };
        now.iter().zip(before).map(|(now, before)| f32::from(now.saturating_sub(*before)) / SCALE.1).sum()
    }

    /// Sets the opaque id stored with the table.
    pub fn set_file_id(&mut self, id: [u8; 32]) {
        self.file_id = id;
    }

    /// Frames in the file.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.values.len());
        let count = self.hops() as u32;
        Header { magic: MAGIC, channels: 1, rate: self.rate, unit: 10, frames: self.frames, count, file_id: self.file_id }.write(&mut out);
        out.extend_from_slice(&self.values);
        out
    }

    /// Reads the stored form.
    /// # Errors
    /// `Damaged`, `Limit`, `Unsupported`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AudioError> {
        let (header, payload) = Header::read(bytes, MAGIC)?;
        if header.unit != 10 || payload.len() as u64 != u64::from(header.count) * BANDS as u64 {
            return Err(AudioError::damaged("the envelope has the wrong length"));
        }
        Ok(Envelope { rate: header.rate, frames: header.frames, values: payload.to_vec(), file_id: header.file_id })
    }
}

/// Measures the envelope of the file at `path`.
/// # Errors
/// As [`crate::analysis::analyse`].
pub fn measure(path: &Path, cancel: &Cancel) -> Result<Envelope, AudioError> {
    guarded("measuring the envelope", || {
        let mut decoder = Decoder::open(path)?;
        let mut builder = EnvelopeBuilder::new(decoder.info().sample_rate);
        let mut planes = vec![Vec::new(); usize::from(decoder.info().channels)];
        loop {
            cancel.check()?;
            planes.iter_mut().for_each(Vec::clear);
            if decoder.read(&mut planes, 8_192)? == 0 {
                return Ok(builder.finish());
            }
            builder.update(&planes);
        }
    })
}

/// Builds an [`Envelope`] from frames in order.
pub struct EnvelopeBuilder {
    rate: u32,
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// Spectrum bins of every band.
    bands: Vec<std::ops::Range<usize>>,
    /// Mono frames from `start` on.
    mono: Vec<f32>,
    start: i64,
    frames: u64,
    hop: u64,
    values: Vec<u8>,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
}

impl EnvelopeBuilder {
    /// Starts for `rate` Hz.
    pub fn new(rate: u32) -> Self {
        // The power of two nearest to the wanted length: 2048 at 44.1 and 48 kHz.
        let size = (1_usize << (rate as f32 * WINDOW_SECONDS).log2().round().max(0.0) as u32).max(64);
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(size);
        let window = (0..size).map(|index| 0.5 - 0.5 * (TAU * index as f32 / size as f32).cos()).collect();
        let mel = |hertz: f32| 2_595.0 * (1.0 + hertz / 700.0).log10();
        let hertz = |mel: f32| 700.0 * (10_f32.powf(mel / 2_595.0) - 1.0);
        let (low, high) = (mel(RANGE.0), mel(RANGE.1.min(rate as f32 / 2.0)));
        let edge = |band: usize| (hertz(low + (high - low) * band as f32 / BANDS as f32) * size as f32 / rate as f32).round() as usize;
        let bands = (0..BANDS).map(|band| edge(band)..edge(band + 1).max(edge(band) + 1).min(size / 2 + 1)).collect();
        let (input, spectrum) = (fft.make_input_vec(), fft.make_output_vec());
        let start = -(size as i64 / 2);
        let mono = vec![0.0; size / 2];
        EnvelopeBuilder { rate, fft, window, bands, mono, start, frames: 0, hop: 0, values: Vec::new(), input, spectrum }
    }

    /// Adds frames, one vector per channel.
    pub fn update(&mut self, planes: &[Vec<f32>]) {
        let Some(first) = planes.first() else { return };
        let share = 1.0 / planes.len() as f32;
        self.frames += first.len() as u64;
        self.mono.extend((0..first.len()).map(|frame| planes.iter().map(|plane| plane[frame]).sum::<f32>() * share));
        self.run();
    }

    fn run(&mut self) {
        let size = self.window.len() as i64;
        loop {
            let centre = (self.hop * u64::from(self.rate) / HOPS_PER_SECOND) as i64;
            let from = centre - size / 2 - self.start;
            if centre as u64 >= self.frames || from + size > self.mono.len() as i64 {
                let keep = from.clamp(0, self.mono.len() as i64);
                self.mono.drain(..keep as usize);
                self.start += keep;
                return;
            }
            let samples = &self.mono[from as usize..(from + size) as usize];
            for ((input, sample), weight) in self.input.iter_mut().zip(samples).zip(&self.window) {
                *input = sample * weight;
            }
            // Lengths are right by construction.
            if self.fft.process(&mut self.input, &mut self.spectrum).is_ok() {
                self.push_hop(size as f32);
            }
            self.hop += 1;
        }
    }

    fn push_hop(&mut self, size: f32) {
        // A sine at full scale comes to 0 dBFS: the Hann window halves its amplitude, its side bins add half its power.
        let scale = (4.0 / size).powi(2) / 1.5;
        for band in &self.bands {
            let power: f32 = self.spectrum[band.clone()].iter().map(|bin| bin.norm_sqr()).sum::<f32>() * scale;
            let decibels = 10.0 * power.max(1e-20).log10();
            self.values.push((SCALE.1 * (decibels - SCALE.0)).round().clamp(0.0, 255.0) as u8);
        }
    }

    /// Measures the last hops.
    pub fn finish(mut self) -> Envelope {
        self.mono.extend(std::iter::repeat_n(0.0, self.window.len()));
        self.run();
        Envelope { rate: self.rate, frames: self.frames, values: self.values, file_id: [0; 32] }
    }
}
