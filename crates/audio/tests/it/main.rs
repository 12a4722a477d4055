//! Tests of the audio crate on real files: generated from seeds, or made from those by the field's own encoders.

mod support;

mod analysis;
mod decoding;
mod preview;
