//! p13 on the real glue: rodio and cpal over a sound system made of code, with block sizes, stalls, faults and rates as scripted.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use collabtrack_audio::engine::device::DeviceOutput;
use collabtrack_audio::engine::{Engine, LaneId, LaneSource, Note};
use rodio::cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use rodio::cpal::{
    self, Data, DeviceDescription, DeviceDescriptionBuilder, DeviceId, Error, ErrorKind, FrameCount, InputCallbackInfo, OutputCallbackInfo,
    OutputStreamTimestamp, SampleFormat, StreamConfig, StreamInstant, SupportedBufferSize, SupportedStreamConfig,
    SupportedStreamConfigRange,
};

use crate::support::files::{self, Store};
use crate::support::folder;

/// What the sound system is told to do, and what it heard.
struct Script {
    rate: AtomicU64,
    present: AtomicBool,
    /// Callbacks stop coming.
    stalled: AtomicBool,
    opened: AtomicU64,
    faults: Mutex<VecDeque<ErrorKind>>,
    /// Left samples of everything that was asked for.
    heard: Mutex<Vec<f32>>,
}

#[derive(Clone)]
struct System(Arc<Script>);

#[derive(Clone)]
struct Device(Arc<Script>);

struct Stream {
    started: Instant,
    state: Arc<StreamState>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct StreamState {
    ended: AtomicBool,
    running: AtomicBool,
}

const NAME: &str = "Scripted";
/// Frames the engine renders at a time.
const BLOCK: usize = 128;

impl Device {
    fn config(&self) -> SupportedStreamConfig {
        let rate = self.0.rate.load(Ordering::Acquire) as u32;
        SupportedStreamConfig::new(2, rate, SupportedBufferSize::Range { min: 1, max: 8_192 }, SampleFormat::F32)
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Device {}

impl Hash for Device {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

impl HostTrait for System {
    type Device = Device;
    type Devices = std::vec::IntoIter<Device>;

    fn is_available() -> bool {
        true
    }

    fn devices(&self) -> Result<Self::Devices, Error> {
        let present = self.0.present.load(Ordering::Acquire);
        Ok(present.then(|| Device(Arc::clone(&self.0))).into_iter().collect::<Vec<_>>().into_iter())
    }

    fn default_input_device(&self) -> Option<Device> {
        None
    }

    fn default_output_device(&self) -> Option<Device> {
        self.devices().ok()?.next()
    }
}

impl DeviceTrait for Device {
    type SupportedInputConfigs = std::iter::Empty<SupportedStreamConfigRange>;
    type SupportedOutputConfigs = std::iter::Empty<SupportedStreamConfigRange>;
    type Stream = Stream;

    fn description(&self) -> Result<DeviceDescription, Error> {
        Ok(DeviceDescriptionBuilder::new(NAME).build())
    }

    fn id(&self) -> Result<DeviceId, Error> {
        Err(Error::new(ErrorKind::UnsupportedOperation))
    }

    fn supported_input_configs(&self) -> Result<Self::SupportedInputConfigs, Error> {
        Ok(std::iter::empty())
    }

    fn supported_output_configs(&self) -> Result<Self::SupportedOutputConfigs, Error> {
        Ok(std::iter::empty())
    }

    fn default_input_config(&self) -> Result<SupportedStreamConfig, Error> {
        Err(Error::new(ErrorKind::UnsupportedConfig))
    }

    fn default_output_config(&self) -> Result<SupportedStreamConfig, Error> {
        Ok(self.config())
    }

    fn build_input_stream_raw<D, E>(&self, _: StreamConfig, _: SampleFormat, _: D, _: E, _: Option<Duration>) -> Result<Stream, Error>
    where
        D: FnMut(&Data, &InputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        Err(Error::new(ErrorKind::UnsupportedConfig))
    }

    fn build_output_stream_raw<D, E>(
        &self,
        config: StreamConfig,
        format: SampleFormat,
        mut data_callback: D,
        mut error_callback: E,
        _: Option<Duration>,
    ) -> Result<Stream, Error>
    where
        D: FnMut(&mut Data, &OutputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        assert_eq!((config.channels, u64::from(config.sample_rate)), (2, self.0.rate.load(Ordering::Acquire)));
        assert_eq!(format, SampleFormat::F32);
        assert!(matches!(config.buffer_size, cpal::BufferSize::Fixed(1..)), "the period is never left to chance");
        self.0.opened.fetch_add(1, Ordering::AcqRel);
        let (script, state) = (Arc::clone(&self.0), Arc::new(StreamState::default()));
        let theirs = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let mut buffer = Vec::new();
            for turn in 0_usize.. {
                if theirs.ended.load(Ordering::Acquire) {
                    return;
                }
                while let Some(kind) = script.faults.lock().expect("no test panicked").pop_front() {
                    error_callback(Error::new(kind));
                }
                if theirs.running.load(Ordering::Acquire) && !script.stalled.load(Ordering::Acquire) {
                    let frames = [1, 64, 128, 333, 512, 1_024, 97][turn % 7];
                    buffer.clear();
                    buffer.resize(frames * 2, 0.0_f32);
                    fill(&mut buffer, &mut data_callback);
                    script.heard.lock().expect("no test panicked").extend(buffer.iter().step_by(2));
                }
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        Ok(Stream { started: Instant::now(), state, thread: Some(thread) })
    }
}

#[expect(unsafe_code, reason = "cpal hands type-erased buffers to callbacks; a sound system has to make one")]
fn fill<D: FnMut(&mut Data, &OutputCallbackInfo)>(buffer: &mut [f32], callback: &mut D) {
    // SAFETY: pointer, length and sample format are those of `buffer`, which outlives the call.
    let mut data = unsafe { Data::from_parts(buffer.as_mut_ptr().cast(), buffer.len(), SampleFormat::F32) };
    let now = StreamInstant::new(0, 0);
    callback(&mut data, &OutputCallbackInfo::new(OutputStreamTimestamp { callback: now, playback: now }));
}

impl StreamTrait for Stream {
    fn play(&self) -> Result<(), Error> {
        self.state.running.store(true, Ordering::Release);
        Ok(())
    }

    fn pause(&self) -> Result<(), Error> {
        self.state.running.store(false, Ordering::Release);
        Ok(())
    }

    fn now(&self) -> StreamInstant {
        let elapsed = self.started.elapsed();
        StreamInstant::new(elapsed.as_secs(), elapsed.subsec_nanos())
    }

    fn buffer_size(&self) -> Result<FrameCount, Error> {
        Ok(1_024)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the stream ends");
        }
    }
}

struct Studio {
    script: Arc<Script>,
    engine: Engine,
    /// The samples of the file, none of them 0.
    file: Vec<f32>,
    _folder: tempfile::TempDir,
}

fn studio(rate: u32, frames: usize) -> Studio {
    let folder = folder();
    let file: Vec<f32> = (0..frames).map(|frame| ((frame % 32_000) + 1) as f32 / 32_768.0).collect();
    let path = files::wav(folder.path(), "x.wav", std::slice::from_ref(&file), rate, Store::I16);
    let script = Arc::new(Script {
        rate: AtomicU64::new(rate.into()),
        present: AtomicBool::new(true),
        stalled: AtomicBool::new(false),
        opened: AtomicU64::new(0),
        faults: Mutex::default(),
        heard: Mutex::default(),
    });
    let system = System(Arc::clone(&script));
    let output = DeviceOutput::on_host(move || cpal::Host::from(cpal::platform::CustomHost::from_host(system.clone())));
    let engine = Engine::start(Box::new(output)).expect("the engine starts");
    engine.load(LaneId::A, LaneSource::new(path)).expect("it loads");
    wait_until("the device", || engine.state().device.is_some());
    Studio { script, engine, file, _folder: folder }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

impl Studio {
    fn opened(&self) -> u64 {
        self.script.opened.load(Ordering::Acquire)
    }

    fn heard(&self) -> Vec<f32> {
        self.script.heard.lock().expect("no test panicked").iter().copied().filter(|sample| *sample != 0.0).collect()
    }

    /// Plays until at least `frames` frames were heard, and lets the quiet time after opening pass.
    fn play_on(&self, frames: usize) {
        let start = Instant::now();
        wait_until("playing", || self.heard().len() > frames && start.elapsed() > Duration::from_millis(600));
    }

    /// What was heard is the file in order: nothing twice, nothing changed, and at most a block left out per new stream, which had
    /// been rendered when its stream ended. Returns how many frames were left out.
    fn check_order(&self, streams: usize) -> usize {
        let (heard, mut at, mut breaks) = (self.heard(), 0, 0);
        for sample in &heard {
            if self.file[at] != *sample {
                let skipped = self.file[at..at + BLOCK].iter().position(|other| other == sample);
                at += skipped.unwrap_or_else(|| panic!("frame {at}: {sample} is heard, which is not what follows"));
                breaks += 1;
            }
            at += 1;
        }
        assert!(breaks <= streams, "{breaks} breaks with {streams} new streams");
        at - heard.len()
    }
}

#[test]
fn p13_faults_of_every_kind_build_at_most_one_stream_and_lose_no_frame() {
    let studio = studio(48_000, 48_000 * 40);
    studio.engine.play();
    studio.play_on(10_000);
    for (kind, rebuilds) in [
        (ErrorKind::StreamInvalidated, 1),
        (ErrorKind::DeviceChanged, 1),
        (ErrorKind::Xrun, 0),
        (ErrorKind::RealtimeDenied, 0),
        (ErrorKind::DeviceBusy, 1),
    ] {
        let (opened, heard, xruns) = (studio.opened(), studio.heard().len(), studio.engine.state().xruns);
        studio.script.faults.lock().expect("no test panicked").extend([kind; 20]);
        wait_until("the fault", || studio.script.faults.lock().expect("no test panicked").is_empty());
        if rebuilds > 0 {
            wait_until("a new stream", || studio.opened() > opened);
        } else {
            wait_until("counting", || studio.engine.state().xruns >= xruns + 20);
        }
        studio.play_on(heard + 10_000);
        assert_eq!(studio.opened(), opened + rebuilds, "{kind:?}: one burst, one stream");
        assert!(studio.engine.state().playing, "{kind:?}: it plays on");
    }
    studio.check_order(3);
    studio.engine.stop();
}

#[test]
fn p13_an_unplugged_device_pauses_within_a_block_and_another_rate_keeps_the_place() {
    let studio = studio(48_000, 48_000 * 20);
    studio.engine.play();
    studio.play_on(10_000);
    studio.script.present.store(false, Ordering::Release);
    studio.script.faults.lock().expect("no test panicked").push_back(ErrorKind::DeviceNotAvailable);
    wait_until("the note", || studio.engine.state().note == Some(Note::DeviceLost));
    let lost = studio.engine.state();
    assert!(!lost.playing && lost.device.is_none());
    let ahead = lost.position_frames as usize - studio.heard().len();
    assert!(ahead < BLOCK, "the playhead stands {ahead} frames after the last one heard");
    studio.check_order(0);
    studio.script.rate.store(96_000, Ordering::Release);
    studio.script.present.store(true, Ordering::Release);
    wait_until("the device", || studio.engine.state().device.is_some());
    let back = studio.engine.state();
    assert_eq!((back.playing, back.rate, back.position_frames), (false, 96_000, lost.position_frames * 2));
    studio.engine.play();
    wait_until("playing again", || studio.engine.state().position_frames > back.position_frames + 1_000);
    studio.engine.stop();
}

#[test]
fn p13_a_device_without_callbacks_is_lost_and_found_again() {
    let studio = studio(48_000, 48_000 * 20);
    studio.engine.play();
    studio.play_on(5_000);
    studio.script.stalled.store(true, Ordering::Release);
    wait_until("the note", || studio.engine.state().note == Some(Note::DeviceLost));
    assert!(!studio.engine.state().playing);
    studio.script.stalled.store(false, Ordering::Release);
    studio.engine.play();
    let heard = studio.heard().len();
    studio.play_on(heard + 5_000);
    studio.check_order(1);
    studio.engine.stop();
}

#[test]
fn p13_the_last_frame_of_a_file_is_played_whatever_the_blocks() {
    for frames in [1, 127, 128, 4_097, 30_011] {
        let studio = studio(44_100, frames);
        studio.engine.play();
        wait_until("the end", || studio.heard().len() >= frames && !studio.engine.state().playing);
        assert_eq!(studio.heard(), studio.file, "{frames} frames");
        assert_eq!(studio.engine.state().position_frames, frames as u64);
        studio.engine.stop();
    }
}
