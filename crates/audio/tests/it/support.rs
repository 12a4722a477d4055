//! Signals from seeds, files of them, and small comparisons.

pub(crate) mod engine;
pub(crate) mod files;
#[cfg(all(feature = "playback", target_os = "linux"))]
pub(crate) mod machine;
pub(crate) mod signal;

use std::path::{Path, PathBuf};
use std::process::Command;

use collabtrack_audio::analysis::{Analysis, analyse};
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::decode::Decoder;

/// A folder that goes away with the test.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("collabtrack-audio-").tempdir().expect("a temporary folder can be made")
}

/// Decodes a whole file with reads of `step` frames.
pub(crate) fn decode_all(path: &Path, step: usize) -> Vec<Vec<f32>> {
    let mut decoder = Decoder::open(path).unwrap_or_else(|error| panic!("{} opens: {error}", path.display()));
    read_rest(&mut decoder, step)
}

/// Reads from the current position to the end.
pub(crate) fn read_rest(decoder: &mut Decoder, step: usize) -> Vec<Vec<f32>> {
    let mut planes = vec![Vec::new(); usize::from(decoder.info().channels)];
    while decoder.read(&mut planes, step).expect("the file decodes") > 0 {}
    planes
}

/// Everything one pass finds out about a file.
pub(crate) fn measured(path: &Path) -> Analysis {
    analyse(path, &Cancel::default(), &mut |_| {}).expect("it measures")
}

/// Runs an encoder that `./dev` installs; a missing one fails the test.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed by this test ({error}); ./dev installs it"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Converts `source` to `target` with ffmpeg.
pub(crate) fn ffmpeg(source: &Path, target: &Path, options: &[&str]) -> PathBuf {
    let (source, output) = (source.to_str().expect("a UTF-8 path"), target.to_str().expect("a UTF-8 path"));
    let mut arguments = vec!["-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-i", source];
    arguments.extend_from_slice(options);
    arguments.push(output);
    run("ffmpeg", &arguments);
    target.to_path_buf()
}

/// Index of the first difference of two planar signals, with both values.
pub(crate) fn first_difference(a: &[Vec<f32>], b: &[Vec<f32>]) -> Option<(usize, usize, Option<f32>, Option<f32>)> {
    if a.len() != b.len() {
        return Some((a.len(), b.len(), None, None));
    }
    for (channel, (a, b)) in a.iter().zip(b).enumerate() {
        let same = a.iter().zip(b).take_while(|(a, b)| a.to_bits() == b.to_bits()).count();
        if same < a.len().max(b.len()) {
            return Some((channel, same, a.get(same).copied(), b.get(same).copied()));
        }
    }
    None
}

/// Asserts that two planar signals are the same bit for bit.
pub(crate) fn assert_same(a: &[Vec<f32>], b: &[Vec<f32>], what: &str) {
    let difference = first_difference(a, b);
    assert!(difference.is_none(), "{what}: first difference (channel, frame, left, right): {difference:?}");
}
