//! p18: the limits of `limits.rs`, each met by a file, and the memory reading it takes. A program of its own, because every byte it
//! allocates is counted.

#[path = "../it/support/files.rs"]
#[expect(dead_code, reason = "the other test program uses all of it")]
mod files;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use collabtrack_audio::container::{self, notes};
use collabtrack_audio::decode::{Decoder, probe};
use collabtrack_audio::error::AudioError;
use collabtrack_audio::limits;
use files::Store;

/// Bytes allocated now, and the most there were.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn grow(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(live, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "an allocator is unsafe by nature; this one counts and hands on to the system's")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

const RATE: u32 = 44_100;
/// Frames after which a file has shown what it takes.
const ENOUGH: usize = 1_000_000;

fn sound(channels: usize) -> Vec<Vec<f32>> {
    (0..channels).map(|channel| (0..20_000).map(|frame| ((frame * (channel + 1)) % 97) as f32 / 128.0 - 0.25).collect()).collect()
}

/// A file of 20,000 frames in stereo, as ffmpeg writes it.
fn coded(folder: &Path, name: &str, options: &[&str]) -> PathBuf {
    let (source, target) = (files::wav(folder, "source.wav", &sound(2), RATE, Store::I16), folder.join(name));
    let output =
        Command::new("ffmpeg").args(["-nostdin", "-loglevel", "error", "-y", "-i"]).arg(&source).args(options).arg(&target).output();
    let output = output.unwrap_or_else(|error| panic!("ffmpeg is needed by this test ({error}); ./dev installs it"));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    target
}

/// Everything that can be asked of a file; what opening it said, and the most memory it took.
fn ask(path: &Path) -> (Result<usize, AudioError>, usize) {
    let before = LIVE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let opened = (|| {
        container::layout(path)?;
        let notes = notes::read(path)?;
        drop(notes);
        let mut decoder = Decoder::open(path)?;
        let mut planes = vec![Vec::new(); usize::from(decoder.info().channels)];
        let mut frames = 0;
        while frames < ENOUGH {
            planes.iter_mut().for_each(Vec::clear);
            match decoder.read(&mut planes, 4_096)? {
                0 => break,
                got => frames += got,
            }
        }
        decoder.seek(10_000)?;
        decoder.read(&mut planes, 4_096)?;
        Ok(frames)
    })();
    (opened, MOST.load(Ordering::Relaxed) - before)
}

/// The file is refused, because `what` is too much.
fn refused(path: &Path, what: &str, limit: u64) {
    let (answer, bytes) = ask(path);
    match answer {
        Err(AudioError::Limit { what: told, found, limit: allowed }) => {
            assert_eq!((told, allowed), (what, limit));
            assert!(found != allowed);
        }
        other => panic!("{what} of {} is not refused: {other:?}", path.display()),
    }
    assert!(bytes < limits::MAX_WORKER_BYTES, "{what}: {bytes} bytes");
}

/// The file plays, that many frames, within the memory of a worker.
fn plays(path: &Path, frames: usize, why: &str) {
    let (answer, bytes) = ask(path);
    assert_eq!(answer.unwrap_or_else(|error| panic!("{why}: {error}")), frames, "{why}");
    assert!(bytes < limits::MAX_WORKER_BYTES, "{why}: {bytes} bytes");
}

fn sparse(path: &Path, bytes: u64) {
    OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(bytes)).expect("a sparse file");
}

fn channels_and_rates(folder: &Path) {
    for (name, bytes) in [
        ("x.wav", files::wav_bytes as fn(&[Vec<f32>], u32, Store) -> Vec<u8>),
        ("x.w64", files::w64_bytes),
        ("x.aif", |planes, rate, store| files::aiff_bytes(planes, rate, store, None, 0)),
        ("x.caf", |planes, rate, store| files::caf_bytes(planes, rate, store, true, None)),
    ] {
        let of = |channels: usize, rate: u32| files::put(folder, name, &bytes(&sound(channels), rate, Store::I16));
        plays(&of(32, RATE), 20_000, "32 channels");
        refused(&of(33, RATE), "the number of channels", 32);
        plays(&of(1, 768_000), 20_000, "768 kHz");
        refused(&of(1, 768_001), "the sample rate", 768_000);
        refused(&of(1, 999), "the sample rate", 1_000);
    }
}

fn a_day(folder: &Path) {
    const DAY: u64 = 24 * 3_600 * 1_000;
    for (frames, is_too_long) in [(DAY, false), (DAY + 1, true)] {
        let mut bytes = files::wav_bytes(&[Vec::new()], 1_000, Store::U8);
        bytes[40..44].copy_from_slice(&(frames as u32).to_le_bytes());
        let path = files::put(folder, "day.wav", &bytes);
        sparse(&path, 44 + frames);
        if is_too_long { refused(&path, "the length in frames", DAY) } else { plays(&path, ENOUGH.next_multiple_of(4_096), "a day") }
    }
    let path = coded(folder, "day.flac", &["-c:a", "flac"]);
    let mut bytes = std::fs::read(&path).expect("it reads");
    bytes[21] |= 0xf;
    bytes[22..26].fill(0xff);
    refused(&files::put(folder, "day.flac", &bytes), "the length in frames", 24 * 3_600 * u64::from(RATE));
}

fn chunks_and_nesting(folder: &Path) {
    let junk = |count: usize| {
        let mut chunks = vec![files::chunk(b"fmt ", &files::fmt(RATE, 2, Store::I16))];
        chunks.push(files::chunk(b"data", &files::samples(&sound(2), Store::I16, false)));
        chunks.extend(std::iter::repeat_n(files::chunk(b"JUNK", &[]), count));
        files::put(folder, "junk.wav", &files::riff(&chunks))
    };
    plays(&junk(limits::MAX_CHUNKS - 2), 20_000, "as many chunks as there may be");
    refused(&junk(limits::MAX_CHUNKS - 1), "the number of chunks", limits::MAX_CHUNKS as u64);
    let mut caf = files::caf_bytes(&sound(2), RATE, Store::I16, true, None);
    caf.extend(b"free\0\0\0\0\0\0\0\0".repeat(limits::MAX_CHUNKS));
    refused(&files::put(folder, "x.caf", &caf), "the number of chunks", limits::MAX_CHUNKS as u64);
    let m4a = std::fs::read(coded(folder, "x.m4a", &["-c:a", "aac", "-b:a", "128k"])).expect("it reads");
    let mut many = m4a.clone();
    many.extend(b"\0\0\0\x08free".repeat(limits::MAX_CHUNKS));
    refused(&files::put(folder, "many.m4a", &many), "the number of boxes", limits::MAX_CHUNKS as u64);
    // The encoder delay as a tag, in boxes in boxes: heeded only as deep as the limit.
    let part = |id: &[u8; 4], body: &[u8]| [((body.len() + 8) as u32).to_be_bytes().as_slice(), id, body].concat();
    let tag = b" 00000000 00000400 00000000 0000000000001000 00000000 00000000";
    let name = part(b"name", b"\0\0\0\0iTunSMPB");
    let list = part(b"ilst", &part(b"----", &[name, part(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0], tag.as_slice()].concat())].concat()));
    let meta = part(b"meta", &[&[0; 4], list.as_slice()].concat());
    let nested = |depth: usize| {
        let tags = (0..depth).fold(meta.clone(), |inner, _| part(b"udta", &inner));
        let mut bytes = m4a.clone();
        let moov = bytes.windows(4).position(|window| window == b"moov").expect("the box is there") - 4;
        let size = u32::from_be_bytes(bytes[moov..moov + 4].try_into().expect("four bytes"));
        bytes[moov..moov + 4].copy_from_slice(&(size + tags.len() as u32).to_be_bytes());
        bytes.extend(tags);
        probe(&files::put(folder, "nested.m4a", &bytes)).map(|info| info.frames)
    };
    assert_eq!(nested(1).expect("it opens"), Some(0x1000));
    // moov, meta and ilst are three.
    assert_eq!(nested(limits::MAX_NESTING - 3).expect("it opens"), Some(0x1000));
    assert_ne!(nested(limits::MAX_NESTING - 2).ok().flatten(), Some(0x1000));
    assert_ne!(nested(10_000).ok().flatten(), Some(0x1000));
}

fn texts_and_markers(folder: &Path) {
    let base = || {
        vec![files::chunk(b"fmt ", &files::fmt(RATE, 2, Store::I16)), files::chunk(b"data", &files::samples(&sound(2), Store::I16, false))]
    };
    let with = |chunks: Vec<Vec<u8>>| files::put(folder, "texts.wav", &files::riff(&[base(), chunks].concat()));
    let mebibyte = limits::MAX_TEXT_BYTES as usize;
    let path = with(vec![files::chunk(b"iXML", &vec![b'x'; 3 * mebibyte])]);
    plays(&path, 20_000, "a long text");
    assert_eq!(notes::read(&path).expect("it reads").ixml.expect("it is there").len(), mebibyte);
    let words = vec![b'x'; mebibyte - 100];
    let label = [b"adtl".to_vec(), files::chunk(b"labl", &[&7_u32.to_le_bytes(), words.as_slice()].concat())].concat();
    let info = [b"INFO".to_vec(), files::chunk(b"ICMT", &words)].concat();
    let both = [files::chunk(b"LIST", &label), files::chunk(b"LIST", &info)].concat();
    let path = with(vec![both; 60]);
    plays(&path, 20_000, "many long texts");
    let read = notes::read(&path).expect("it reads");
    let kept: usize = read.info.iter().map(|(_, text)| text.len()).sum();
    assert!(kept <= mebibyte, "{kept} bytes of text");
    let count = limits::MAX_MARKERS as u32 + 50_000;
    let mut cues = count.to_le_bytes().to_vec();
    let mut loops = [vec![0; 28], count.to_le_bytes().to_vec(), vec![0; 4]].concat();
    for number in 0..count {
        let entry: Vec<u8> = [number, 0, u32::from_le_bytes(*b"data"), 0, 0, number].iter().flat_map(|word| word.to_le_bytes()).collect();
        cues.extend(&entry);
        loops.extend(&entry);
    }
    let path = with(vec![files::chunk(b"cue ", &cues), files::chunk(b"smpl", &loops)]);
    plays(&path, 20_000, "many markers");
    let read = notes::read(&path).expect("it reads");
    assert_eq!((read.markers.len(), read.loops.len()), (limits::MAX_MARKERS, limits::MAX_MARKERS));
}

/// A file of `head`, as many zeros, and `tail`; the zeros take no room on the disk.
fn hollow(path: &Path, head: &[u8], zeros: u64, tail: &[u8]) {
    let mut file = File::create(path).expect("the folder takes files");
    file.write_all(head).expect("it writes");
    file.seek(SeekFrom::Current(zeros as i64)).expect("it seeks");
    file.write_all(tail).expect("it writes");
    let end = head.len() as u64 + zeros + tail.len() as u64;
    file.set_len(end).expect("it grows");
}

fn tags_and_pictures(folder: &Path) {
    const PICTURE: u64 = 100 << 20;
    let path = folder.join("tagged");
    let synchsafe = |size: u64| [21, 14, 7, 0].map(|shift| (size >> shift) as u8 & 0x7f);
    let mp3 = std::fs::read(coded(folder, "x.mp3", &["-c:a", "libmp3lame", "-id3v2_version", "0"])).expect("it reads");
    let id3 = |id: &[u8; 4], body: &[u8], zeros: u64| {
        let size = body.len() as u64 + zeros;
        [b"ID3\x04\0\0".as_slice(), &synchsafe(size + 10), id, &synchsafe(size), &[0, 0], body].concat()
    };
    let text = [b"\x03words\0".as_slice(), &vec![b'x'; 2 << 20]].concat();
    std::fs::write(&path, [id3(b"TXXX", &text, 0), mp3.clone()].concat()).expect("it writes");
    plays(&path, 20_000, "MP3 with a long tag");
    let kept: usize = Decoder::open(&path).expect("it opens").tags().iter().map(|tag| tag.value.len()).sum();
    assert!(kept <= limits::MAX_TAG_BYTES, "{kept} bytes of tags");
    hollow(&path, &id3(b"APIC", b"\0image/jpeg\0\x03\0", PICTURE), PICTURE, &mp3);
    plays(&path, 20_000, "MP3 with a large picture");
    let item = [&(PICTURE as u32).to_le_bytes(), b"\0\0\0\0Words\0".as_slice()].concat();
    let ape = |is_header: u8| {
        let size = (PICTURE + item.len() as u64 + 32) as u32;
        [b"APETAGEX\xd0\x07\0\0".as_slice(), &size.to_le_bytes(), &[1, 0, 0, 0, 0, 0, 0, 0x80 | is_header << 5], &[0; 8]].concat()
    };
    hollow(&path, &[mp3.as_slice(), &ape(1), &item].concat(), PICTURE, &ape(0));
    plays(&path, 20_000, "MP3 with a long tag at its end");
    let flac = std::fs::read(coded(folder, "x.flac", &["-c:a", "flac"])).expect("it reads");
    // Behind the stream info: pictures as large as a block can be.
    let (head, tail) = flac.split_at(4 + 4 + 34);
    let block = (1_usize << 24) - 1;
    let words: Vec<u8> = [3_u32, 0, 0, 1, 1, 24, 0, block as u32 - 32].iter().flat_map(|word| word.to_be_bytes()).collect();
    let mut file = File::create(&path).expect("the folder takes files");
    file.write_all(head).expect("it writes");
    for _ in 0..8 {
        file.write_all(&[6, 0xff, 0xff, 0xff]).and_then(|()| file.write_all(&words)).expect("it writes");
        file.seek(SeekFrom::Current((block - words.len()) as i64)).expect("it seeks");
    }
    file.write_all(tail).expect("it writes");
    drop(file);
    plays(&path, 20_000, "FLAC with many pictures");
    let m4a = std::fs::read(coded(folder, "x.m4a", &["-c:a", "alac"])).expect("it reads");
    let boxes =
        |id: &[u8; 4], body: &[u8], zeros: u64| [&((body.len() as u64 + 8 + zeros) as u32).to_be_bytes(), id.as_slice(), body].concat();
    let data = boxes(b"data", &[0, 0, 0, 13, 0, 0, 0, 0], PICTURE);
    let list = boxes(b"ilst", &boxes(b"covr", &data, PICTURE), PICTURE);
    let user = boxes(b"udta", &boxes(b"meta", &[&[0; 4], list.as_slice()].concat(), PICTURE), PICTURE);
    let moov = m4a.windows(4).position(|window| window == b"moov").expect("the box is there") - 4;
    let size = u32::from_be_bytes(m4a[moov..moov + 4].try_into().expect("four bytes"));
    assert_eq!(moov + size as usize, m4a.len(), "ffmpeg writes moov last");
    let mut head = [m4a, user.clone()].concat();
    head[moov..moov + 4].copy_from_slice(&(size + user.len() as u32 + PICTURE as u32).to_be_bytes());
    hollow(&path, &head, PICTURE, &[]);
    plays(&path, 20_000, "ALAC with a large picture");
}

#[test]
fn p18_every_limit_of_the_table_is_kept_within_the_memory_of_a_worker() {
    let folder = tempfile::Builder::new().prefix("collabtrack-audio-").tempdir().expect("a temporary folder can be made");
    channels_and_rates(folder.path());
    a_day(folder.path());
    chunks_and_nesting(folder.path());
    texts_and_markers(folder.path());
    tags_and_pictures(folder.path());
}
