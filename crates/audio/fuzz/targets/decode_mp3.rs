//! libFuzzer entry of decoding, on bytes that begin like an MPEG stream.
#![no_main]

#[path = "../targets.rs"]
mod targets;

/// What makes the prober choose this path.
const START: &[u8] = b"\xFF\xFB";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Whole files of a corpus are taken as they are.
    if bytes.starts_with(&START[..2]) {
        targets::run("decode", bytes);
    } else {
        targets::run("decode", &[START, bytes].concat());
    }
});
