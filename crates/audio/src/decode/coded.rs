//! Coded formats through symphonia: trimmed, placed on the timeline by packet time stamps, sought exactly.
//!
//! A damaged packet becomes silence of its length; the frames after it stay where they belong.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use symphonia::core::audio::{Audio, Channels, GenericAudioBufferRef};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known as codec};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use crate::container::layout::check_rate;
use crate::container::mp4;
use crate::container::{Bytes, Layout};
use crate::decode::AudioInfo;
use crate::decode::flac::Frames;
use crate::decode::sample::silence_bad;
use crate::decode::tags::{self, Tag};
use crate::error::AudioError;
use crate::guard::{GuardedFile, Hidden, Watchdog};
use crate::limits;

/// Broken packets in a row after which the rest of the file counts as lost.
const MAX_BROKEN_PACKETS: usize = 2_000;
/// Frames decoded before a wanted one, so that overlapping codecs have settled: ten MP3 frames.
const PRE_ROLL: u64 = 11_520;
/// Frames of a packet in CAF files: ALAC has 4,096, AAC fewer.
const CAF_PACKET: u64 = 4_096;
/// A forward seek shorter than this just decodes on.
const SKIP_FRAMES: u64 = 4_096;

/// A coded file with a frame position.
pub(super) struct CodedReader {
    path: PathBuf,
    stream: Stream,
    info: AudioInfo,
    /// Frame on the coded timeline that is frame 0 here.
    origin: i64,
    /// Playable frames, when the file says so reliably.
    total: Option<u64>,
    position: u64,
    block: Vec<Vec<f32>>,
    block_start: i64,
    ended: bool,
    truncated: bool,
    damaged: bool,
    bad_samples: u64,
    watchdog: Watchdog,
    /// Whether a pass from the start hashes the packets.
    hashing: bool,
    hasher: Option<blake3::Hasher>,
    tags: Vec<Tag>,
    known: Known,
}

/// What was found out about the file before the demuxer saw it.
#[derive(Clone)]
struct Known {
    boxes: Option<Arc<mp4::Boxes>>,
    hidden: Hidden,
}

/// The demuxer and decoder of one track.
struct Stream {
    format: Box<dyn FormatReader>,
    /// What a FLAC file is read by instead, until something in it is not as it should be, or another place is sought.
    frames: Option<Frames<GuardedFile>>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    codec: AudioCodecId,
    /// Frames per time stamp tick, as numerator and denominator.
    ticks: (u64, u64),
}

impl CodedReader {
    /// Opens the file whose bytes are given too; `layout` is that of a container whose samples are coded.
    pub(super) fn open(path: &Path, bytes: &mut Bytes, layout: Option<&Layout>, hashing: bool) -> Result<Self, AudioError> {
        let watchdog = Watchdog::new();
        let boxes = mp4::read(bytes)?;
        let hidden = tags::too_long(bytes, layout, boxes.as_ref())?;
        let mut reader = Self::start(path, Known { boxes: boxes.map(Arc::new), hidden }, watchdog, hashing)?;
        // The first frames show whether this is sound at all, and how many channels it really has.
        if !reader.next_block()? && reader.info.channels == 0 {
            return Err(AudioError::NotAudio { reason: "no sound could be decoded from it" });
        }
        Ok(reader)
    }

    fn start(path: &Path, known: Known, watchdog: Watchdog, hashing: bool) -> Result<Self, AudioError> {
        let open = || -> std::io::Result<GuardedFile> {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            GuardedFile::new(file, length, watchdog.clone(), known.hidden.clone())
        };
        let source = open().map_err(|source| AudioError::io("open", path, source))?;
        let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions { buffer_len: 256 << 10 });
        // It has limits for tags and pictures, which its readers do not look at; what is too long is hidden from them.
        let mut format = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|e| open_error(path, e))?;
        let tags = tags::of(format.as_mut());
        let (mut stream, mut info, track) = choose_track(format)?;
        if info.format == "FLAC" {
            stream.frames = open().and_then(Frames::open).map_err(|source| AudioError::io("read", path, source))?;
        }
        let mut origin = track.start;
        let mut total = track.frames;
        if info.format == "M4A" {
            let trim = known.boxes.as_ref().and_then(|boxes| boxes.trim(info.sample_rate));
            if let Some(trim) = trim {
                origin += trim.skip as i64;
                let rest = total.map(|total| total.saturating_sub(trim.skip));
                total = trim.playable(rest);
            }
            info.untrimmed = info.lossy && trim.is_none_or(|trim| trim.skip == 0);
        } else {
            info.untrimmed = info.lossy && track.delay.is_none() && info.format != "Ogg";
        }
        info.frames = total;
        let hasher = (hashing && info.lossy).then(|| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(info.codec.as_bytes()).update(&info.sample_rate.to_le_bytes()).update(&info.channels.to_le_bytes());
            hasher
        });
        Ok(CodedReader {
            path: path.to_path_buf(),
            block: vec![Vec::new(); usize::from(info.channels)],
            stream,
            info,
            origin,
            total,
            position: 0,
            block_start: 0,
            ended: false,
            truncated: false,
            damaged: false,
            bad_samples: 0,
            watchdog,
            hashing,
            hasher,
            tags,
            known,
        })
    }

    pub(super) fn tags(&self) -> &[Tag] {
        &self.tags
    }

    pub(super) fn info(&self) -> AudioInfo {
        AudioInfo { truncated: self.truncated, damaged: self.damaged, ..self.info.clone() }
    }

    pub(super) fn truncated(&self) -> bool {
        self.truncated
    }

    pub(super) fn damaged(&self) -> bool {
        self.damaged
    }

    pub(super) fn bad_samples(&self) -> u64 {
        self.bad_samples
    }

    /// AAC may contain noise from a running generator: only a decode from the start gives the same samples again.
    pub(super) fn seeks_directly(&self) -> bool {
        self.stream.codec != codec::CODEC_ID_AAC
    }

    pub(super) fn packet_hash(&self) -> Option<[u8; 32]> {
        self.hasher.as_ref().map(|hasher| *hasher.finalize().as_bytes())
    }

    pub(super) fn read(&mut self, out: &mut [Vec<f32>], max_frames: usize) -> Result<usize, AudioError> {
        let mut done = 0;
        self.watchdog.feed();
        while done < max_frames {
            let left = match self.total {
                Some(total) if self.position >= total => break,
                Some(total) => (total - self.position).min((max_frames - done) as u64),
                None => (max_frames - done) as u64,
            };
            let position = self.position as i64;
            let block_end = self.block_start + self.block_frames() as i64;
            if position >= block_end {
                if self.ended || !self.next_block()? {
                    break;
                }
            } else if position >= self.block_start {
                let from = (position - self.block_start) as usize;
                let count = left.min((block_end - position) as u64) as usize;
                for (plane, block) in out.iter_mut().zip(&self.block) {
                    plane.extend_from_slice(&block[from..from + count]);
                }
                self.position += count as u64;
                done += count;
            } else {
                // Time stamps jumped: something is missing here. Silence keeps the rest in place.
                let gap = (self.block_start - position) as u64;
                self.damaged = true;
                if gap > limits::MAX_GAP_SECONDS * u64::from(self.info.sample_rate) {
                    self.ended = true;
                    self.block.iter_mut().for_each(Vec::clear);
                    self.block_start = position;
                    break;
                }
                let count = left.min(gap) as usize;
                out.iter_mut().for_each(|plane| plane.resize(plane.len() + count, 0.0));
                self.position += count as u64;
                done += count;
            }
        }
        if done == 0 && max_frames > 0 {
            // A CAF file may count its last packet as if it were full.
            let may_lack = if self.info.format == "CAF" { CAF_PACKET } else { 0 };
            self.truncated |= self.total.is_some_and(|total| self.position + may_lack < total);
        }
        Ok(done)
    }

    fn block_frames(&self) -> usize {
        self.block.first().map_or(0, Vec::len)
    }

    /// Decodes the next packet into `block`; `false` at the end.
    fn next_block(&mut self) -> Result<bool, AudioError> {
        let Some(mut frames) = self.stream.frames.take() else { return self.next_packet() };
        if let Some(frame) = frames.next().map_err(|source| AudioError::io("read", &self.path, source))? {
            let pts = Timestamp::new(frame.start as i64);
            self.block_start = frame.start as i64 - self.origin;
            self.decode(&PacketRef::new(self.stream.track_id, pts, Duration::new(u64::from(frame.count)), frame.bytes));
            self.watchdog.feed();
            self.stream.frames = Some(frames);
            return Ok(true);
        }
        if frames.is_at_the_end() {
            self.ended = true;
            return Ok(false);
        }
        self.go_on_from(frames.position())?;
        self.next_packet()
    }

    /// Hands over to the demuxer at a frame.
    fn go_on_from(&mut self, frame: u64) -> Result<(), AudioError> {
        let to = SeekTo::Timestamp { ts: Timestamp::new(frame as i64), track_id: self.stream.track_id };
        let is_there = |stream: &mut Stream| {
            let to = stream.format.seek(SeekMode::Accurate, to);
            to.is_ok_and(|to| to.actual_ts.get() <= frame as i64)
        };
        if frame > 0 && !is_there(&mut self.stream) {
            // It reads from the start instead; what was heard already is passed over.
            let fresh = Self::start(&self.path, self.known.clone(), self.watchdog.clone(), self.hashing)?;
            self.stream = Stream { frames: None, ..fresh.stream };
        }
        Ok(())
    }

    fn next_packet(&mut self) -> Result<bool, AudioError> {
        let mut broken = 0;
        let packet = loop {
            if broken > MAX_BROKEN_PACKETS || self.watchdog.expired() {
                self.damaged = true;
                self.ended = true;
                return Ok(false);
            }
            match self.stream.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.stream.track_id => break packet,
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.ended = true;
                    return Ok(false);
                }
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    self.truncated = true;
                    self.ended = true;
                    return Ok(false);
                }
                Err(Error::IoError(error)) => {
                    return Err(AudioError::io("read", &self.path, error));
                }
                Err(Error::ResetRequired) => {
                    // A second stream chained behind the first: only the first is this piece of music.
                    self.ended = true;
                    return Ok(false);
                }
                Err(_) => {
                    self.damaged = true;
                    broken += 1;
                }
            }
        };
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&(packet.data.len() as u32).to_le_bytes()).update(&packet.data);
        }
        self.block_start = self.stream.frames_of(packet.pts.get()) - self.origin;
        self.decode(&packet.as_packet_ref());
        if self.block_frames() > 0 {
            self.watchdog.feed();
        }
        Ok(true)
    }

    fn decode(&mut self, packet: &PacketRef<'_>) {
        let silent_frames = self.stream.frames_of(packet.block_dur().get() as i64).clamp(0, 1 << 20) as usize;
        let decoded = self.stream.decoder.decode_ref(packet).ok().filter(|audio| {
            let rate_fits = audio.spec().rate() == self.info.sample_rate || self.info.channels == 0;
            rate_fits && (self.info.channels == 0 || audio.num_planes() == usize::from(self.info.channels))
        });
        match decoded {
            Some(audio) => {
                if self.info.channels == 0 {
                    self.info.channels = u16::try_from(audio.num_planes()).unwrap_or(0).min(limits::MAX_CHANNELS);
                    self.block = vec![Vec::new(); usize::from(self.info.channels)];
                }
                if copy_planes(&audio, &mut self.block) == Samples::Floats {
                    self.bad_samples += self.block.iter_mut().map(|plane| silence_bad(plane)).sum::<u64>();
                }
            }
            None => {
                // Packets before the wanted frame lack their predecessors after a seek; that is no damage.
                let end = self.block_start + silent_frames as i64;
                self.damaged |= end > self.position as i64 && self.info.channels > 0;
                for plane in &mut self.block {
                    plane.clear();
                    plane.resize(silent_frames, 0.0);
                }
            }
        }
    }

    pub(super) fn seek(&mut self, frame: u64) -> Result<(), AudioError> {
        self.seek_by(frame, self.seeks_directly())
    }

    /// Seeks by packet also where a decode from the start would give slightly other samples.
    pub(super) fn seek_near(&mut self, frame: u64) -> Result<(), AudioError> {
        self.seek_by(frame, true)
    }

    fn seek_by(&mut self, frame: u64, by_packet: bool) -> Result<(), AudioError> {
        let frame = self.total.map_or(frame, |total| frame.min(total));
        let in_block = frame as i64 >= self.block_start && frame >= self.position.saturating_sub(self.block_frames() as u64);
        if in_block && frame < self.position.saturating_add(SKIP_FRAMES) && !self.ended {
            self.position = frame;
            return Ok(());
        }
        self.hasher = None;
        self.watchdog.feed();
        let pre_roll = match self.stream.codec {
            codec::CODEC_ID_FLAC | codec::CODEC_ID_ALAC => 0,
            _ => PRE_ROLL,
        };
        let mut back = pre_roll;
        while by_packet && back <= frame && frame > PRE_ROLL {
            let wanted = (frame - back) as i64 + self.origin;
            let ts = Timestamp::new(self.stream.ticks(wanted));
            let track_id = self.stream.track_id;
            match self.stream.format.seek(SeekMode::Accurate, SeekTo::Timestamp { ts, track_id }) {
                Ok(to) if self.stream.frames_of(to.actual_ts.get()) <= wanted => {
                    self.stream.frames = None;
                    self.stream.decoder.reset();
                    self.block.iter_mut().for_each(Vec::clear);
                    self.block_start = i64::MIN / 2;
                    self.ended = false;
                    self.position = frame;
                    return Ok(());
                }
                Ok(_) => back = (back * 2).max(65_536),
                Err(_) => break,
            }
        }
        // From the start: always right, only slower.
        let (truncated, damaged, bad) = (self.truncated, self.damaged, self.bad_samples);
        let mut fresh = Self::start(&self.path, self.known.clone(), self.watchdog.clone(), self.hashing)?;
        fresh.info.channels = self.info.channels;
        fresh.block = vec![Vec::new(); usize::from(self.info.channels)];
        fresh.block_start = i64::MIN / 2;
        fresh.hasher = (frame == 0).then_some(fresh.hasher).flatten();
        *self = fresh;
        self.position = frame;
        (self.truncated, self.damaged, self.bad_samples) = (truncated, damaged, bad);
        Ok(())
    }
}

impl Stream {
    /// Ticks to frames.
    fn frames_of(&self, ticks: i64) -> i64 {
        if self.ticks == (1, 1) { ticks } else { rescale(ticks, self.ticks.0, self.ticks.1) }
    }

    /// Frames to ticks, never later than the frame.
    fn ticks(&self, frames: i64) -> i64 {
        if self.ticks == (1, 1) { frames } else { rescale(frames, self.ticks.1, self.ticks.0) - 1 }
    }
}

fn rescale(value: i64, numerator: u64, denominator: u64) -> i64 {
    let scaled = (i128::from(value) * i128::from(numerator) + i128::from(denominator) / 2).div_euclid(i128::from(denominator.max(1)));
    scaled.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
}

struct TrackFacts {
    start: i64,
    frames: Option<u64>,
    delay: Option<u32>,
}

fn choose_track(format: Box<dyn FormatReader>) -> Result<(Stream, AudioInfo, TrackFacts), AudioError> {
    let container = container_name(format.format_info().short_name);
    let track = format.default_track(TrackType::Audio).ok_or(AudioError::NotAudio { reason: "the file holds no sound track" })?;
    let Some(CodecParameters::Audio(params)) = &track.codec_params else {
        return Err(AudioError::NotAudio { reason: "the file holds no sound track" });
    };
    let (codec_name, lossy) = codec_name(params.codec);
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default().gapless(false))
        .map_err(|error| codec_error(container, codec_name, error))?;
    let rate = params.sample_rate.ok_or_else(|| AudioError::damaged("the sample rate is missing"))?;
    check_rate(rate)?;
    let channels = params.channels.as_ref().map_or(0, |channels| channels.count());
    if channels > usize::from(limits::MAX_CHANNELS) {
        return Err(AudioError::Limit { what: "the number of channels", found: channels as u64, limit: limits::MAX_CHANNELS.into() });
    }
    let ticks = track.time_base.map_or((1, 1), |base| {
        let (numerator, denominator) = (u64::from(base.numer.get()) * u64::from(rate), u64::from(base.denom.get()));
        if numerator == denominator { (1, 1) } else { (numerator, denominator) }
    });
    // The length of an MPEG stream is an estimate unless an encoder wrote it together with its delay; a bare one counts nothing.
    let bare = matches!(params.codec, codec::CODEC_ID_MP1 | codec::CODEC_ID_MP2 | codec::CODEC_ID_MP3) && track.delay.is_none();
    let reliable = !bare && container != "AAC";
    let frames = track.num_frames.or_else(|| {
        let duration = track.duration?.get();
        u64::try_from(rescale(i64::try_from(duration).ok()?, ticks.0, ticks.1)).ok()
    });
    let limit = limits::MAX_SECONDS * u64::from(rate);
    let frames = frames.filter(|frames| reliable && *frames > 0);
    if let Some(found) = frames.filter(|frames| *frames > limit) {
        return Err(AudioError::Limit { what: "the length in frames", found, limit });
    }
    let start = if container == "Ogg" { 0 } else { rescale(track.start_ts.get(), ticks.0, ticks.1).max(0) };
    let info = AudioInfo {
        format: container.to_owned(),
        codec: codec_name.to_owned(),
        sample_rate: rate,
        channels: channels as u16,
        frames,
        bit_depth: if lossy { None } else { bit_depth(params) },
        float: false,
        lossy,
        truncated: false,
        damaged: false,
        untrimmed: false,
        channel_mask: match &params.channels {
            Some(Channels::Positioned(positions)) => u32::try_from(positions.bits()).unwrap_or(0),
            _ => 0,
        },
    };
    let facts = TrackFacts { start, frames, delay: track.delay };
    let (track_id, codec) = (track.id, params.codec);
    Ok((Stream { track_id, codec, decoder, ticks, format, frames: None }, info, facts))
}

fn bit_depth(params: &AudioCodecParameters) -> Option<u16> {
    let cookie = params.extra_data.as_deref().filter(|_| params.codec == codec::CODEC_ID_ALAC);
    // An ALAC cookie: frame length, version, then the depth.
    let depth = params.bits_per_sample.or_else(|| cookie?.get(5).map(|bits| u32::from(*bits)));
    depth.and_then(|bits| u16::try_from(bits).ok()).filter(|bits| (1..=32).contains(bits))
}

fn container_name(short_name: &str) -> &'static str {
    match short_name {
        "flac" => "FLAC",
        "mp1" | "mp2" | "mp3" => "MP3",
        "isomp4" => "M4A",
        "ogg" => "Ogg",
        "adts" | "aac" => "AAC",
        "wave" => "WAV",
        "aiff" => "AIFF",
        "caf" => "CAF",
        _ => "audio",
    }
}

fn codec_name(id: AudioCodecId) -> (&'static str, bool) {
    match id {
        codec::CODEC_ID_FLAC => ("FLAC", false),
        codec::CODEC_ID_ALAC => ("ALAC", false),
        codec::CODEC_ID_MP3 => ("MP3", true),
        codec::CODEC_ID_MP2 => ("MP2", true),
        codec::CODEC_ID_MP1 => ("MP1", true),
        codec::CODEC_ID_AAC => ("AAC-LC", true),
        codec::CODEC_ID_VORBIS => ("Vorbis", true),
        codec::CODEC_ID_OPUS => ("Opus", true),
        codec::CODEC_ID_ADPCM_MS | codec::CODEC_ID_ADPCM_IMA_WAV | codec::CODEC_ID_ADPCM_IMA_QT => ("ADPCM", true),
        codec::CODEC_ID_AC3 | codec::CODEC_ID_EAC3 => ("Dolby Digital", true),
        _ => ("PCM", false),
    }
}

fn codec_error(container: &str, codec: &str, error: Error) -> AudioError {
    match error {
        Error::Unsupported(_) if codec == "AAC-LC" => {
            AudioError::Unsupported { format: format!("this kind of AAC (such as HE-AAC) in {container}") }
        }
        Error::Unsupported(_) => AudioError::Unsupported { format: format!("{codec} in {container}") },
        other => AudioError::damaged(other.to_string()),
    }
}

fn open_error(path: &Path, error: Error) -> AudioError {
    match error {
        Error::Unsupported(_) => AudioError::NotAudio { reason: "its contents are of no known sound format" },
        Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            AudioError::NotAudio { reason: "it ends before any sound begins" }
        }
        Error::IoError(error) => AudioError::io("read", path, error),
        Error::DecodeError(_) | Error::ResetRequired | Error::SeekError(_) => AudioError::NotAudio { reason: "its header makes no sense" },
        Error::LimitError(what) => AudioError::damaged(what),
        _ => AudioError::NotAudio { reason: "its contents are of no known sound format" },
    }
}

/// What a decoder makes. Only floats can be infinite or no number.
#[derive(PartialEq, Eq)]
enum Samples {
    Floats,
    Integers,
}

fn copy_planes(audio: &GenericAudioBufferRef<'_>, block: &mut [Vec<f32>]) -> Samples {
    match audio {
        GenericAudioBufferRef::F32(buffer) => {
            for (plane, source) in block.iter_mut().zip(buffer.iter_planes()) {
                plane.clear();
                plane.extend_from_slice(source);
            }
            Samples::Floats
        }
        GenericAudioBufferRef::S32(buffer) => {
            for (plane, source) in block.iter_mut().zip(buffer.iter_planes()) {
                plane.clear();
                plane.extend(source.iter().map(|sample| *sample as f32 * (1.0 / 2_147_483_648.0)));
            }
            Samples::Integers
        }
        other => {
            let frames = other.frames();
            block.iter_mut().for_each(|plane| plane.resize(frames, 0.0));
            other.copy_to_slice_planar(block);
            Samples::Floats
        }
    }
}
