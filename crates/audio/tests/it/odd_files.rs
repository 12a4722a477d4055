//! Files as they really come: crashed recorders, wrong sizes, missing pad bytes, sparse giants, encoder delays, bad frames.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use collabtrack_audio::analysis::analyse;
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::container::{self, notes};
use collabtrack_audio::decode::{Decoder, probe};

use crate::decoding::best_lag;
use crate::support::files::{self, Store};
use crate::support::{assert_same, decode_all, ffmpeg, folder, read_rest, signal};

const RATE: u32 = 44_100;

fn noise() -> Vec<Vec<f32>> {
    signal::quantised(&signal::noise(71, 2, 4_001, 0.8), 16)
}

fn wav_with_sizes(planes: &[Vec<f32>], riff: u32, data: u32) -> Vec<u8> {
    let mut bytes = files::wav_bytes(planes, RATE, Store::I16);
    bytes[4..8].copy_from_slice(&riff.to_le_bytes());
    bytes[40..44].copy_from_slice(&data.to_le_bytes());
    bytes
}

#[test]
fn a_crashed_recorders_file_plays_to_its_end_and_is_flagged() {
    let folder = folder();
    let noise = noise();
    for (riff, data) in [(0, 0), (36, 0), (u32::MAX, u32::MAX), (0, u32::MAX)] {
        let path = files::put(folder.path(), "x.wav", &wav_with_sizes(&noise, riff, data));
        assert_same(&decode_all(&path, 1_000), &noise, &format!("sizes {riff} and {data}"));
        assert!(probe(&path).expect("it probes").damaged, "sizes {riff} and {data}");
    }
    let path = files::put(folder.path(), "x.caf", &files::caf_bytes(&noise, RATE, Store::I16, true, Some(-1)));
    assert_same(&decode_all(&path, 1_000), &noise, "CAF of unknown length");
}

#[test]
fn a_file_cut_short_plays_what_is_there_and_says_so() {
    let folder = folder();
    let noise = noise();
    let bytes = files::wav_bytes(&noise, RATE, Store::I16);
    let path = files::put(folder.path(), "x.wav", &bytes[..44 + 1_000 * 4 + 3]);
    let cut: Vec<Vec<f32>> = noise.iter().map(|plane| plane[..1_000].to_vec()).collect();
    assert_same(&decode_all(&path, 300), &cut, "cut WAV");
    assert!(probe(&path).expect("it probes").truncated);
    let aiff = files::aiff_bytes(&noise, RATE, Store::I16, None, 0);
    let path = files::put(folder.path(), "x.aif", &aiff[..54 + 1_000 * 4 + 1]);
    assert_same(&decode_all(&path, 300), &cut, "cut AIFF");
    assert!(probe(&path).expect("it probes").truncated);
    let long = signal::quantised(&signal::music(72, RATE, 200_000), 16);
    let source = files::wav(folder.path(), "source.wav", &long, RATE, Store::I16);
    for (name, options) in [("x.flac", ["-c:a", "flac"].as_slice()), ("x.mp3", &["-c:a", "libmp3lame"]), ("x.ogg", &["-c:a", "libvorbis"])]
    {
        let path = ffmpeg(&source, &folder.path().join(name), options);
        let bytes = std::fs::read(&path).expect("it reads");
        let path = files::put(folder.path(), name, &bytes[..bytes.len() * 2 / 3]);
        let mut decoder = Decoder::open(&path).expect("it opens");
        let decoded = read_rest(&mut decoder, 500);
        assert!((60_000..190_000).contains(&decoded[0].len()), "{name}: {} frames", decoded[0].len());
        let info = decoder.info();
        // An Ogg stream says how long it is only in its last page.
        assert!(info.truncated || info.format == "Ogg", "{name}: {info:?}");
    }
}

#[test]
fn every_chunk_is_found_also_after_the_sound_and_without_pad_bytes() {
    let folder = folder();
    let mut bext = vec![0; 602];
    bext[..9].copy_from_slice(b"Mix bus 2");
    bext[338..342].copy_from_slice(&172_800_000_u32.to_le_bytes());
    bext[346] = 1;
    let ixml = b"<BWFXML><SCENE>12A</SCENE><TAKE>3</TAKE></BWFXML>".to_vec();
    let mut cue = 1_u32.to_le_bytes().to_vec();
    for word in [7_u32, 0, u32::from_le_bytes(*b"data"), 0, 0, 1_234] {
        cue.extend_from_slice(&word.to_le_bytes());
    }
    let labels = [b"adtl".to_vec(), files::chunk(b"labl", &[7_u32.to_le_bytes().as_slice(), b"Chorus\0"].concat())].concat();
    // One channel of 8 bit, odd length: the pad byte matters.
    let sound = signal::quantised(&signal::noise(1, 1, 999, 0.5), 8);
    let data = files::samples(&sound, Store::U8, false);
    for pad in [true, false] {
        let mut data_chunk = files::chunk(b"data", &data);
        if !pad {
            data_chunk.pop();
        }
        let chunks = [
            files::chunk(b"fmt ", &files::fmt(RATE, 1, Store::U8)),
            data_chunk,
            files::chunk(b"LIST", &labels),
            files::chunk(b"bext", &bext),
            files::chunk(b"iXML", &ixml),
            files::chunk(b"cue ", &cue),
            files::chunk(b"inst", &[60, 0xF6, 3, 36, 96, 1, 127]),
        ];
        let path = files::put(folder.path(), "x.wav", &files::riff(&chunks));
        assert_same(&decode_all(&path, 100), &sound, "the sound");
        let layout = container::layout(&path).expect("it walks").expect("it is a container");
        let ids: Vec<[u8; 4]> = layout.chunks.iter().map(|chunk| chunk.id).collect();
        assert_eq!(ids, [*b"fmt ", *b"data", *b"LIST", *b"bext", *b"iXML", *b"cue ", *b"inst"], "pad {pad}");
        let notes = notes::read(&path).expect("it reads");
        let broadcast = notes.broadcast.clone().expect("bext is there");
        assert_eq!((broadcast.description.as_str(), broadcast.time_reference), ("Mix bus 2", 172_800_000));
        assert_eq!((notes.ixml_value("SCENE"), notes.ixml_value("TAKE")), (Some("12A"), Some("3")));
        let instrument = notes.instrument.expect("inst is there");
        assert_eq!((instrument.note, instrument.tune_cents, instrument.notes, instrument.velocities), (60, -10, (36, 96), (1, 127)));
        assert_eq!((notes.markers[0].frame, notes.markers[0].label.as_str()), (1_234, "Chorus"));
        rebuilds(&path, &layout);
    }
}

/// Head bytes, samples and tail bytes make the file again.
fn rebuilds(path: &Path, layout: &container::Layout) {
    let bytes = std::fs::read(path).expect("it reads");
    let (offset, length) = layout.audio.expect("there is sound");
    let (head, rest) = bytes.split_at(offset as usize);
    let (sound, tail) = rest.split_at(length as usize);
    assert_eq!([head, sound, tail].concat(), bytes);
    assert_eq!(length % layout.format.expect("it is linear").frame_bytes(), 0);
}

#[test]
fn sparse_giants_have_their_exact_length_and_seek_past_four_gigabytes() {
    let folder = folder();
    let frames = 1_200_000_000_u64;
    let noise = noise();
    let samples = files::samples(&noise, Store::I16, false);
    let rf64 = |id| files::rf64_head(id, RATE, 2, Store::I16, frames * 4);
    for head in [rf64(b"RF64"), rf64(b"BW64"), files::w64_head(RATE, 2, Store::I16, frames * 4)] {
        let path = folder.path().join("giant.wav");
        let mut file = File::create(&path).expect("the folder takes files");
        file.write_all(&head).expect("it writes");
        file.seek(SeekFrom::Start(head.len() as u64 + (frames - 4_001) * 4)).expect("it seeks");
        file.write_all(&samples).expect("it writes");
        drop(file);
        let info = probe(&path).expect("it probes");
        assert_eq!((info.frames, info.truncated), (Some(frames), false));
        let mut decoder = Decoder::open(&path).expect("it opens");
        decoder.seek(frames - 4_001).expect("it seeks");
        assert_same(&read_rest(&mut decoder, 1_000), &noise, "past four gigabytes");
    }
}

#[test]
fn twenty_valid_bits_in_twenty_four_keep_their_value() {
    let folder = folder();
    let exact = signal::quantised(&signal::noise(1, 2, 2_000, 0.9), 20);
    let mut fmt = files::fmt(48_000, 2, Store::I24);
    fmt[..2].copy_from_slice(&0xFFFE_u16.to_le_bytes());
    fmt.extend_from_slice(&22_u16.to_le_bytes());
    fmt.extend_from_slice(&20_u16.to_le_bytes());
    fmt.extend_from_slice(&3_u32.to_le_bytes());
    fmt.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    let bytes = files::riff(&[files::chunk(b"fmt ", &fmt), files::chunk(b"data", &files::samples(&exact, Store::I24, false))]);
    let path = files::put(folder.path(), "x.wav", &bytes);
    assert_same(&decode_all(&path, 100), &exact, "20 in 24 bits");
    let summary = analyse(&path, &Cancel::default(), &mut |_| {}).expect("it measures").summary;
    assert_eq!((summary.bit_depth, summary.used_bits), (Some(20), Some(20)));
}

#[test]
fn float_above_full_scale_is_kept_and_what_is_no_number_becomes_silence() {
    let folder = folder();
    let mut planes = vec![vec![0.5, 1.75, f32::NAN, f32::NEG_INFINITY, -3.0]];
    let path = files::wav(folder.path(), "x.wav", &planes, 48_000, Store::F32);
    let decoded = decode_all(&path, 100);
    planes[0][2] = 0.0;
    planes[0][3] = 0.0;
    assert_same(&decoded, &planes, "float");
    let summary = analyse(&path, &Cancel::default(), &mut |_| {}).expect("it measures").summary;
    assert_eq!(summary.bad_samples, 2);
}

/// Finds an MP4 box and its offset.
fn find(bytes: &[u8], id: &[u8; 4]) -> usize {
    bytes.windows(4).position(|window| window == id).expect("the box is there")
}

#[test]
fn m4a_is_trimmed_by_its_edit_list_or_by_itunsmpb_and_flagged_without_either() {
    let folder = folder();
    let music = signal::quantised(&signal::music(81, RATE, 100_000), 16);
    let source = files::wav(folder.path(), "source.wav", &music, RATE, Store::I16);
    let with_edits = ffmpeg(&source, &folder.path().join("edits.m4a"), &["-c:a", "aac", "-b:a", "256k"]);
    let info = probe(&with_edits).expect("it probes");
    assert_eq!((info.frames, info.untrimmed), (Some(100_000), false));
    let trimmed = decode_all(&with_edits, 1_000);
    assert_eq!(best_lag(&music[0], &trimmed[0], 2_500), 0);
    // Without the edit list: its name is scratched out.
    let mut bytes = std::fs::read(&with_edits).expect("it reads");
    let at = find(&bytes, b"edts");
    bytes[at..at + 4].copy_from_slice(b"free");
    let bare = files::put(folder.path(), "bare.m4a", &bytes);
    let info = probe(&bare).expect("it probes");
    assert!(info.untrimmed, "{info:?}");
    let untrimmed = decode_all(&bare, 1_000);
    assert_eq!(best_lag(&music[0], &untrimmed[0], 2_500), 1_024);
    // With iTunSMPB only: a free-form box in place of nothing, at the end of the file, in a udta of its own inside moov.
    let tag = b" 00000000 00000400 00000000 00000000000186A0 00000000 00000000";
    let part = |id: &[u8; 4], body: &[u8]| [((body.len() + 8) as u32).to_be_bytes().as_slice(), id, body].concat();
    let mean = part(b"mean", &[&[0; 4], b"com.apple.iTunes".as_slice()].concat());
    let name = part(b"name", &[&[0; 4], b"iTunSMPB".as_slice()].concat());
    let data = part(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0], tag.as_slice()].concat());
    let list = part(b"ilst", &part(b"----", &[mean, name, data].concat()));
    let meta = part(b"meta", &[[0; 4].to_vec(), list].concat());
    let user = part(b"udta", &meta);
    let moov = find(&bytes, b"moov") - 4;
    let size = u32::from_be_bytes(bytes[moov..moov + 4].try_into().expect("four bytes"));
    assert_eq!(moov + size as usize, bytes.len(), "ffmpeg writes moov last");
    bytes.extend_from_slice(&user);
    bytes[moov..moov + 4].copy_from_slice(&(size + user.len() as u32).to_be_bytes());
    let tagged = files::put(folder.path(), "tagged.m4a", &bytes);
    let info = probe(&tagged).expect("it probes");
    assert_eq!((info.frames, info.untrimmed), (Some(100_000), false));
    assert_same(&decode_all(&tagged, 1_000), &trimmed, "trimmed by iTunSMPB");
}

#[test]
fn an_mp3_with_a_large_picture_has_its_exact_length() {
    let folder = folder();
    let music = signal::quantised(&signal::music(82, RATE, 88_200), 16);
    let source = files::wav(folder.path(), "source.wav", &music, RATE, Store::I16);
    let plain = ffmpeg(&source, &folder.path().join("plain.mp3"), &["-c:a", "libmp3lame", "-q:a", "2"]);
    let bytes = std::fs::read(&plain).expect("it reads");
    let picture: Vec<u8> = {
        let mut random = signal::Seed::new(83);
        (0..2 << 20).map(|_| random.next() as u8 & 0x7F).collect()
    };
    let frame = [b"\0image/jpeg\0\x03\0".as_slice(), &picture].concat();
    let synchsafe = |value: usize| [(value >> 21) as u8 & 0x7F, (value >> 14) as u8 & 0x7F, (value >> 7) as u8 & 0x7F, value as u8 & 0x7F];
    let mut tag = b"ID3\x04\0\0".to_vec();
    tag.extend_from_slice(&synchsafe(frame.len() + 10));
    tag.extend_from_slice(b"APIC");
    tag.extend_from_slice(&synchsafe(frame.len()));
    tag.extend_from_slice(&[0, 0]);
    tag.extend_from_slice(&frame);
    // The file's own tag goes, the large one takes its place.
    let own = 10 + bytes[6..10].iter().fold(0_usize, |size, byte| size << 7 | usize::from(*byte));
    tag.extend_from_slice(&bytes[own..]);
    let path = files::put(folder.path(), "picture.mp3", &tag);
    assert_eq!(probe(&path).expect("it probes").frames, Some(88_200));
    assert_same(&decode_all(&path, 1_000), &decode_all(&plain, 1_000), "with and without the picture");
}

#[test]
fn a_flac_without_its_length_is_known_after_the_pass() {
    let folder = folder();
    let noise = noise();
    let source = files::wav(folder.path(), "source.wav", &noise, RATE, Store::I16);
    let path = ffmpeg(&source, &folder.path().join("x.flac"), &["-c:a", "flac"]);
    let mut bytes = std::fs::read(&path).expect("it reads");
    // Total samples: the low 36 bits of bytes 21 to 25.
    bytes[21] &= 0xF0;
    bytes[22..26].fill(0);
    std::fs::write(&path, &bytes).expect("it writes");
    let info = probe(&path).expect("it probes");
    assert_eq!(info.frames, None);
    assert_eq!(analyse(&path, &Cancel::default(), &mut |_| {}).expect("it measures").summary.frames, 4_001);
    assert_same(&decode_all(&path, 1_000), &noise, "without a length");
}

#[test]
fn a_flac_frame_with_a_bad_checksum_becomes_silence_and_the_rest_stays_in_place() {
    let folder = folder();
    let noise = signal::quantised(&signal::noise(84, 2, 100_000, 0.8), 16);
    let source = files::wav(folder.path(), "source.wav", &noise, RATE, Store::I16);
    let path = ffmpeg(&source, &folder.path().join("x.flac"), &["-c:a", "flac", "-frame_size", "4096"]);
    let mut bytes = std::fs::read(&path).expect("it reads");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].iter_mut().for_each(|byte| *byte ^= 0x5A);
    std::fs::write(&path, &bytes).expect("it writes");
    let mut decoder = Decoder::open(&path).expect("it opens");
    let decoded = read_rest(&mut decoder, 1_000);
    assert!(decoder.info().damaged);
    assert_eq!(decoded[0].len(), 100_000);
    let wrong: Vec<usize> = (0..100_000).filter(|frame| decoded[0][*frame] != noise[0][*frame]).collect();
    assert!(!wrong.is_empty());
    let (first, last) = (wrong[0], wrong[wrong.len() - 1]);
    assert!(last - first < 3 * 4_096, "damage spread from {first} to {last}");
    assert!(wrong.iter().all(|frame| decoded[0][*frame] == 0.0), "damage is silent");
}

#[test]
fn adpcm_in_wav_decodes() {
    let folder = folder();
    let tone: Vec<Vec<f32>> = vec![signal::sine(RATE, 440.0, 44_100, 0.5); 2];
    let source = files::wav(folder.path(), "source.wav", &tone, RATE, Store::I16);
    for codec in ["adpcm_ms", "adpcm_ima_wav"] {
        let path = ffmpeg(&source, &folder.path().join("x.wav"), &["-c:a", codec]);
        let info = probe(&path).expect("it probes");
        assert_eq!((info.format.as_str(), info.codec.as_str(), info.lossy), ("WAV", "ADPCM", true));
        let decoded = decode_all(&path, 1_000);
        let error = decoded[0].iter().zip(&tone[0]).skip(1_000).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
        assert!(error < 0.05 && decoded[0].len() >= 44_100, "{codec}: off by {error}");
    }
}
