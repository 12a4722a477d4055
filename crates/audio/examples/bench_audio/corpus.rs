//! What is measured: two seeded pieces of music, dense and quiet, in every format; made once and kept.

use std::path::Path;
use std::process::Command;

use collabtrack_audio::decode::Decoder;
use collabtrack_audio::wav::{WavDepth, WavWriter};

use crate::RATE;

/// A format that is measured.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) codec: &'static [&'static str],
    pub(crate) lossless: bool,
}

/// Every format.
pub(crate) const CASES: [Case; 8] = [
    Case { name: "WAV 16 bit", file: "16.wav", codec: &["-c:a", "pcm_s16le"], lossless: true },
    Case { name: "WAV 24 bit", file: "24.wav", codec: &["-c:a", "pcm_s24le"], lossless: true },
    Case { name: "AIFF 24 bit", file: "24.aiff", codec: &["-c:a", "pcm_s24be"], lossless: true },
    Case { name: "FLAC 24 bit", file: "24.flac", codec: &["-c:a", "flac", "-sample_fmt", "s32"], lossless: true },
    Case { name: "ALAC 16 bit", file: "16.m4a", codec: &["-c:a", "alac", "-sample_fmt", "s16p"], lossless: true },
    Case { name: "AAC-LC 256k", file: "aac.m4a", codec: &["-c:a", "aac", "-b:a", "256k"], lossless: false },
    Case { name: "MP3 320k", file: "320.mp3", codec: &["-c:a", "libmp3lame", "-b:a", "320k"], lossless: false },
    Case { name: "Vorbis q6", file: "q6.ogg", codec: &["-c:a", "libvorbis", "-q:a", "6"], lossless: false },
];

/// What the music is like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Music {
    /// Chords, a bass and noise bursts, driven into soft clipping: nothing can be left out.
    Dense,
    /// Single decaying strings around -30 dBFS over the noise of a room: most of it is quiet.
    Quiet,
}

impl Music {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Music::Dense => "dense",
            Music::Quiet => "quiet",
        }
    }
}

/// Writes `frames` frames of music as 24-bit stereo WAV, the same ones every time.
pub(crate) fn write(path: &Path, music: Music, frames: usize) {
    if path.exists() {
        return;
    }
    let mut writer = WavWriter::create(path, RATE, 2, WavDepth::Int24).expect("the folder takes files");
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        (seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let mut done = 0;
    while done < frames {
        let count = (RATE as usize / 2).min(frames - done);
        let root = 55.0 * 2_f32.powf(((random() + 1.0) * 6.0).floor() / 12.0);
        let mut planes = [Vec::with_capacity(count), Vec::with_capacity(count)];
        for frame in 0..count {
            let time = frame as f32 / RATE as f32;
            let sine = |ratio: f32| (std::f32::consts::TAU * root * ratio * time).sin();
            match music {
                Music::Dense => {
                    let chord: f32 = [1.0, 2.0, 2.378, 2.997, 4.0, 5.04, 8.0].iter().map(|ratio| sine(*ratio) / ratio.sqrt()).sum();
                    let hit = (-time * 30.0).exp();
                    for plane in &mut planes {
                        plane.push((chord * 0.5 + random() * (0.02 + hit)).tanh() * 0.95);
                    }
                }
                Music::Quiet => {
                    let string: f32 = (1_u8..6).map(|n| sine(4.0 * f32::from(n)) * (-time * 3.0 * f32::from(n)).exp() / f32::from(n)).sum();
                    for plane in &mut planes {
                        plane.push(string * 0.04 + random() * 0.000_2);
                    }
                }
            }
        }
        writer.write(&[&planes[0], &planes[1]]).expect("the disk has room");
        done += count;
    }
    writer.finish().expect("the disk has room");
}

/// Codes `source` by ffmpeg.
pub(crate) fn make(source: &Path, target: &Path, codec: &[&str]) {
    if !target.exists() {
        let status =
            Command::new("ffmpeg").args(["-nostdin", "-loglevel", "error", "-y", "-i"]).arg(source).args(codec).arg(target).status();
        assert!(status.is_ok_and(|status| status.success()), "ffmpeg makes {}", target.display());
    }
}

/// Both decoders give the same samples.
pub(crate) fn same_samples(file: &Path, folder: &Path) {
    let raw = folder.join("samples.f32");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
        .arg(file)
        .args(["-c:a", "pcm_f32le", "-f", "f32le"])
        .arg(&raw)
        .status();
    assert!(status.is_ok_and(|status| status.success()));
    let theirs = std::fs::read(&raw).expect("ffmpeg wrote it");
    std::fs::remove_file(&raw).expect("it can be removed");
    let mut theirs = theirs.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let mut decoder = Decoder::open(file).expect("the file opens");
    let mut planes = vec![Vec::new(); 2];
    while decoder.read(&mut planes, 16_384).expect("the file decodes") > 0 {
        for (left, right) in planes[0].iter().zip(&planes[1]) {
            assert_eq!((Some(*left), Some(*right)), (theirs.next(), theirs.next()), "{}", file.display());
        }
        planes.iter_mut().for_each(Vec::clear);
    }
    assert_eq!(theirs.next(), None);
}
