//! The fuzz targets: each takes any bytes and must come to an answer, without a panic, without a hang, within the limits.
//!
//! Shared by the libFuzzer binaries in `targets/` and by the seeded tests of the crate.

use std::path::Path;

use collabtrack_audio::analysis::blocks;
use collabtrack_audio::analysis::dat::Dat;
use collabtrack_audio::analysis::envelope::Envelope;
use collabtrack_audio::analysis::loudness::LoudnessTable;
use collabtrack_audio::analysis::peaks::Pyramid;
use collabtrack_audio::container;
use collabtrack_audio::decode::Decoder;

/// Frames after which a file has shown enough.
const ENOUGH_FRAMES: u64 = 5_000_000;

/// A target: its name, and what it does with the bytes.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const ALL: [Target; 6] =
    [("container", container), ("notes", notes), ("decode", decode), ("dat", dat), ("tables", tables), ("detect", detect)];

/// Runs one target by its name.
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let (_, target) = ALL.iter().find(|(other, _)| *other == name).expect("a target of this name");
    target(bytes);
}

fn with_file(bytes: &[u8], act: impl FnOnce(&Path)) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::io::Write::write_all(&mut file, bytes).expect("the disk has room");
    act(file.path());
}

/// Locates every chunk; each lies inside the file.
fn container(bytes: &[u8]) {
    with_file(bytes, |path| {
        let Ok(Some(layout)) = container::layout(path) else { return };
        let length = bytes.len() as u64;
        assert!(layout.chunks.iter().all(|chunk| chunk.offset <= length && chunk.length <= length - chunk.offset));
        if let Some((offset, audio)) = layout.audio {
            assert!(offset <= length && audio <= length - offset);
        }
    });
}

/// Reads what stands beside the sound.
fn notes(bytes: &[u8]) {
    with_file(bytes, |path| {
        if let Ok(notes) = container::notes::read(path) {
            let _ = notes.ixml_value("SCENE");
        }
    });
}

/// Says what a file is.
fn detect(bytes: &[u8]) {
    with_file(bytes, |path| {
        if let Ok(info) = collabtrack_audio::decode::probe(path) {
            assert!(info.channels <= collabtrack_audio::limits::MAX_CHANNELS);
        }
    });
}

/// Decodes to the end, and again from places the bytes choose; every sample is finite.
fn decode(bytes: &[u8]) {
    with_file(bytes, |path| {
        let Ok(mut decoder) = Decoder::open(path) else { return };
        let mut planes = vec![Vec::new(); usize::from(decoder.info().channels)];
        let mut frames = 0;
        for turn in 0..3_usize {
            while let Ok(got @ 1..) = decoder.read(&mut planes, 4_096) {
                frames += got as u64;
                assert!(planes.iter().all(|plane| plane.len() == got && plane.iter().all(|sample| sample.is_finite())));
                planes.iter_mut().for_each(Vec::clear);
                if frames > ENOUGH_FRAMES {
                    return;
                }
            }
            planes.iter_mut().for_each(Vec::clear);
            let place = bytes.get(turn * 2).map_or(0, |byte| u64::from(*byte) * 40);
            if decoder.seek(place).is_err() || (turn == 1 && decoder.seek_near(place / 2).is_err()) {
                return;
            }
        }
    });
}

/// Reads a waveform data file; what is read is written again as it was.
fn dat(bytes: &[u8]) {
    if let Ok(dat) = Dat::from_bytes(bytes) {
        assert!(dat.length() as usize <= dat.pairs.len());
        assert_eq!(Dat::from_bytes(&dat.to_bytes()).ok().as_ref(), Some(&dat));
    }
}

/// Reads the stored tables and uses them.
fn tables(bytes: &[u8]) {
    if let Ok(pyramid) = Pyramid::from_bytes(bytes) {
        pyramid.overview();
        pyramid.view(0, u64::MAX, 100);
        pyramid.view(1_000, 2_000, u32::MAX);
    }
    if let Ok(table) = LoudnessTable::from_bytes(bytes) {
        assert!(table.region(0, u64::MAX).is_none_or(f64::is_finite));
        assert!(table.integrated(0..usize::MAX).is_none_or(f64::is_finite));
        assert!(table.range(0..usize::MAX).is_none_or(f64::is_finite));
    }
    if let Ok(envelope) = Envelope::from_bytes(bytes) {
        assert!((0..envelope.hops().min(1_000)).all(|hop| envelope.onset(hop).is_finite()));
    }
    if let Ok(blocks) = blocks::from_bytes(bytes) {
        assert_eq!(blocks::to_bytes(&blocks), bytes);
    }
}
