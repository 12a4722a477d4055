//! Tests of the audio crate on real files: generated from seeds, or made from those by the field's own encoders.

mod support;

#[cfg(feature = "playback")]
mod custom_host;
mod decoding;
#[cfg(all(feature = "playback", target_os = "linux"))]
mod device;
mod difference;
mod flipping;
mod fuzz_targets;
mod hostile;
mod landmarks;
mod looping;
mod loudness;
mod measuring;
mod odd_files;
mod pictures;
mod playing;
mod preview;
mod rendering;
mod resampling;
mod supervision;

/// Aborts when code under `assert_no_alloc` allocates.
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
