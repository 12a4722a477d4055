//! A piece of a lane as the render core plays it: two channels at the timeline's rate, never changed once made.

/// Frames in a chunk: 341 ms at 48 kHz, 128 kB in stereo. Nothing is heard before the first chunk is decoded, so that it is short.
pub const CHUNK_FRAMES: usize = 16_384;

/// One chunk. Frames outside the lane are silence.
#[derive(Debug)]
pub struct Chunk {
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Chunk {
    /// A chunk of exactly [`CHUNK_FRAMES`] frames; shorter input is filled up with silence.
    pub fn new(mut left: Vec<f32>, mut right: Vec<f32>) -> Self {
        left.resize(CHUNK_FRAMES, 0.0);
        right.resize(CHUNK_FRAMES, 0.0);
        Chunk { left, right }
    }

    /// Left and right samples.
    pub fn planes(&self) -> (&[f32], &[f32]) {
        (&self.left, &self.right)
    }

    /// Memory a chunk takes, in bytes.
    pub const BYTES: usize = CHUNK_FRAMES * 2 * size_of::<f32>();
}
