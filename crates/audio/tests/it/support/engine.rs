//! An engine with an offline output, and a render core driven by hand.

use std::path::Path;

use assert_no_alloc::assert_no_alloc;
use collabtrack_audio::engine::chunk::{CHUNK_FRAMES, Chunk};
use collabtrack_audio::engine::core::RenderCore;
use collabtrack_audio::engine::link::{Command, Gains, LaneSlots, Link};
use collabtrack_audio::engine::offline::{OfflineDriver, OfflineOutput};
use collabtrack_audio::engine::ramp::Curve;
use collabtrack_audio::engine::{Engine, LaneSource};
use collabtrack_audio::limits::MAX_LANES;

use crate::support::assert_same;
use crate::support::signal;

/// Frames a second of the engines under test.
pub(crate) const RATE: u32 = 48_000;

pub(crate) fn engine(rate: u32) -> (Engine, OfflineDriver) {
    let (output, mut driver) = OfflineOutput::new(rate);
    // Rendering must never touch the allocator, in any test.
    driver.set_around(|render| assert_no_alloc(render));
    (Engine::start(Box::new(output)).expect("the engine starts"), driver)
}

pub(crate) fn source(path: &Path) -> LaneSource {
    LaneSource::new(path)
}

pub(crate) fn stereo(planes: &[Vec<f32>]) -> [&[f32]; 2] {
    [&planes[0], &planes[planes.len() - 1]]
}

pub(crate) fn assert_plays(rendered: &[Vec<f32>; 2], expected: &[Vec<f32>], from: usize, what: &str) {
    let expected = stereo(expected).map(|plane| {
        let end = (from + rendered[0].len()).min(plane.len());
        let mut part = plane[from..end].to_vec();
        part.resize(rendered[0].len(), 0.0);
        part
    });
    assert_same(rendered, &expected, what);
}

/// A core with one lane of noise, driven by hand.
pub(crate) fn bare_core(frames: usize) -> (RenderCore, Link, Vec<std::sync::Arc<Chunk>>) {
    let (core, mut link) = RenderCore::new(RATE);
    let noise = signal::noise(11, 2, frames, 0.7);
    let chunks: Vec<_> = (0..frames.div_ceil(CHUNK_FRAMES))
        .map(|index| {
            let range = index * CHUNK_FRAMES..((index + 1) * CHUNK_FRAMES).min(frames);
            std::sync::Arc::new(Chunk::new(noise[0][range.clone()].to_vec(), noise[1][range].to_vec()))
        })
        .collect();
    link.send(Command::Lane { lane: 0, slots: Some(Box::new(LaneSlots::new(1, frames as u64))) });
    link.send(Command::Duration(frames as u64));
    let mut targets = [0.0; MAX_LANES];
    targets[0] = 1.0;
    link.send(Command::Gains(Box::new(Gains { targets, ramp_frames: 1, curve: Curve::EqualGain })));
    (core, link, chunks)
}

pub(crate) fn give(link: &mut Link, chunks: &[std::sync::Arc<Chunk>], index: usize) {
    link.send(Command::Chunk { lane: 0, epoch: 1, index, chunk: Some(std::sync::Arc::clone(&chunks[index])) });
}
