use std::cell::Cell;

use crc_fast::checksum;

use super::*;

thread_local! {
    /// Bytes that went into checksums of this test.
    pub(super) static HASHED: Cell<usize> = const { Cell::new(0) };
}

/// A frame of silence: two constant channels of 16 bits.
fn frame(number: u64, count: u32) -> Vec<u8> {
    let mut bytes = SYNC.to_vec();
    bytes.extend([0x70 | 0x9, 0x18]);
    match number {
        0..0x80 => bytes.push(number as u8),
        _ => bytes.extend([0xc0 | (number >> 6) as u8, 0x80 | (number & 0x3f) as u8]),
    }
    bytes.extend(((count - 1) as u16).to_be_bytes());
    let mut crc = Crc8Ccitt::new(0);
    crc.process_buf_bytes(&bytes);
    bytes.push(crc.crc());
    // What looks like the beginning of a frame may stand anywhere.
    bytes.extend([0, 0xff, 0xf8, 0, 0xff, 0xf8]);
    let crc = checksum(CrcAlgorithm::Crc16Umts, &bytes) as u16;
    bytes.extend(crc.to_be_bytes());
    bytes
}

/// A file of frames of 4,096, with a block of padding before them.
fn file(total: u64, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"fLaC\0\0\0\x22".to_vec();
    bytes.extend([0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0xc4, 0x42, 0xf0]);
    bytes.extend((total as u32).to_be_bytes());
    bytes.extend([0; 16]);
    bytes.extend([0x81, 0, 0, 100]);
    bytes.extend([0; 100]);
    frames.iter().for_each(|frame| bytes.extend_from_slice(frame));
    bytes
}

/// Starts and lengths of what is found, and whether it ended where the file says.
fn found(bytes: &[u8]) -> (Vec<(u64, u32)>, bool) {
    let Some(mut frames) = Frames::open(bytes).expect("memory is read") else { return (Vec::new(), false) };
    let mut found = Vec::new();
    while let Some(frame) = frames.next().expect("memory is read") {
        assert!(Checksum::new().fits(frame.bytes));
        found.push((frame.start, frame.count));
    }
    (found, frames.is_at_the_end())
}

fn whole() -> Vec<Vec<u8>> {
    (0..200).map(|number| frame(number, 4_096)).chain([frame(200, 1_000)]).collect()
}

fn places(count: u64) -> Vec<(u64, u32)> {
    (0..count).map(|number| (number * 4_096, if number == 200 { 1_000 } else { 4_096 })).collect()
}

#[test]
fn every_frame_of_a_sound_file_is_found_whole() {
    assert_eq!(found(&file(200 * 4_096 + 1_000, &whole())), (places(201), true));
    assert_eq!(found(&file(0, &whole()[..200])), (places(199), false), "without a length nobody knows whether the last frame is the last");
}

#[test]
fn what_is_not_as_it_should_be_ends_it_at_that_frame() {
    let total = 200 * 4_096 + 1_000;
    let mut broken = whole();
    let middle = broken[100].len() - 5;
    broken[100][middle] ^= 1;
    assert_eq!(found(&file(total, &broken)), (places(100), false), "a checksum is wrong");
    let mut missing = whole();
    missing.remove(100);
    assert_eq!(found(&file(total, &missing)), (places(99), false), "the frame before a gap has no frame that follows it");
    assert_eq!(found(&file(total, &whole()[..150])), (places(149), false), "the file was cut short between frames");
    let mut tail = file(total, &whole());
    tail.extend(b"TAG and a name, as old taggers write them");
    assert_eq!(found(&tail), (places(200), false), "something stands behind the last frame");
    let mut odd = whole();
    odd[100] = frame(100, 4_095);
    assert_eq!(found(&file(total, &odd)), (places(100), false), "a block has another length");
    assert_eq!(found(&file(0, &whole())), (places(200), false), "the last frame of a file without a length is shorter");
}

#[test]
fn what_is_no_such_file_is_left_to_others() {
    for bytes in [&b""[..], b"fLaC", b"RIFF", &file(1, &[])[..60], b"ID3\x04fLaC\0\0\0\x22"] {
        assert_eq!(found(bytes), (Vec::new(), false));
    }
    let mut endless = file(u64::from(u32::MAX), &[frame(0, 4_096)]);
    endless.resize(endless.len() + 3 * MOST_FRAME, 0x55);
    assert_eq!(found(&endless), (Vec::new(), false), "a frame without an end is not looked for for ever");
}

/// The first six bytes of a frame of 4,096, which are a whole header.
fn header(number: u8) -> Vec<u8> {
    let mut bytes = SYNC.to_vec();
    bytes.extend([0xc9, 0x18, number]);
    let mut crc = Crc8Ccitt::new(0);
    crc.process_buf_bytes(&bytes);
    bytes.push(crc.crc());
    assert_eq!(header_of(&bytes, 4_096).map(|header| (header.length, header.number)), Some((6, number.into())));
    bytes
}

/// What is found in a file, and the bytes that went into checksums for it.
fn hashed(bytes: &[u8]) -> (Vec<(u64, u32)>, usize) {
    let mut frames = Frames::open(bytes).expect("memory is read").expect("it begins as it should");
    HASHED.with(|hashed| hashed.set(0));
    let mut found = Vec::new();
    while let Some(frame) = frames.next().expect("memory is read") {
        found.push((frame.start, frame.count));
    }
    (found, HASHED.with(Cell::get))
}

#[test]
fn p18_headers_that_begin_no_frame_cost_no_more_than_the_bytes_they_stand_in() {
    let with_headers = |count: usize, apart: usize| {
        let mut frame = header(0);
        for _ in 0..count {
            frame.extend(std::iter::repeat_n(0x55, apart));
            frame.extend(header(1));
        }
        frame.extend([0x55; 100]);
        let crc = checksum(CrcAlgorithm::Crc16Umts, &frame) as u16;
        frame.extend(crc.to_be_bytes());
        file(u64::from(u32::MAX), &[frame, self::frame(1, 4_096), self::frame(2, 4_096)])
    };
    let few = with_headers(MOST_FALSE, 20_000);
    let (places, bytes) = hashed(&few);
    assert_eq!(places, [(0, 4_096), (4_096, 4_096)], "what looks like a header may stand in a frame");
    assert!(bytes <= few.len(), "{bytes} bytes were hashed of {}", few.len());
    let (places, bytes) = hashed(&with_headers(MOST_FALSE + 1, 20_000));
    assert_eq!(places, []);
    assert!(bytes <= few.len() + 20_000, "{bytes} bytes were hashed");
    // As long as a frame may be, of nothing but headers.
    let crowded = with_headers(MOST_FRAME / 6, 0);
    let (places, bytes) = hashed(&crowded);
    assert_eq!(places, []);
    assert!(bytes < 1_000, "{bytes} bytes were hashed");
}
