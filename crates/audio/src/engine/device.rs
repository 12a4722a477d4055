//! The sound card, through rodio. A thread of its own owns the stream; the callback runs the render core and nothing else.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rodio::cpal;
use rodio::cpal::traits::{DeviceTrait, HostTrait};
use rodio::{DeviceSinkBuilder, DeviceSinkError, Source};

use crate::engine::core::RenderCore;
use crate::engine::output::{Fault, FaultSender, Output, StreamInfo, StreamWish};
use crate::error::AudioError;

/// Frames per period that are asked for. Sound servers play from a buffer of two periods, and an ordinary thread on a busy
/// computer is late by more than 20 ms now and then.
const PERIOD_FRAMES: u32 = if cfg!(target_os = "linux") { 1_024 } else { 512 };
/// Frames rendered at a time inside the callback.
const BLOCK: usize = 128;

/// Names of the outputs this computer has; empty when it has none.
pub fn device_names() -> Vec<String> {
    let Ok(devices) = cpal::default_host().output_devices() else { return Vec::new() };
    devices.filter_map(|device| name(&device)).collect()
}

fn name(device: &cpal::Device) -> Option<String> {
    device.description().ok().map(|description| description.name().to_owned())
}

/// Where devices are looked for.
type FindHost = Arc<dyn Fn() -> cpal::Host + Send + Sync>;

/// The output that plays on a device.
pub struct DeviceOutput {
    period_frames: Option<u32>,
    host: FindHost,
    open: Option<Open>,
}

impl Default for DeviceOutput {
    fn default() -> Self {
        Self::on_host(cpal::default_host)
    }
}

struct Open {
    /// Dropping it ends the thread.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl DeviceOutput {
    /// An output that is not open yet; making it needs no device.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`DeviceOutput::new`], asking for periods of `frames` frames: longer ones survive a busier computer.
    pub fn with_period(frames: u32) -> Self {
        DeviceOutput { period_frames: Some(frames), host: Arc::new(cpal::default_host), open: None }
    }

    /// As [`DeviceOutput::new`], on the devices of another sound system than the usual one: `host` is asked whenever a device is
    /// looked for.
    pub fn on_host(host: impl Fn() -> cpal::Host + Send + Sync + 'static) -> Self {
        DeviceOutput { period_frames: None, host: Arc::new(host), open: None }
    }

    fn wish(&self, wish: &StreamWish) -> StreamWish {
        StreamWish { device: wish.device.clone(), period_frames: wish.period_frames.or(self.period_frames) }
    }
}

impl Output for DeviceOutput {
    fn prepare(&mut self, wish: &StreamWish) -> Result<StreamInfo, AudioError> {
        let wish = self.wish(wish);
        let device = choose(&(self.host)(), &wish)?;
        Ok(plan(&device, &wish)?.info)
    }

    fn open(&mut self, core: RenderCore, wish: &StreamWish, faults: FaultSender) -> Result<StreamInfo, AudioError> {
        self.close();
        let (stop, stopped) = channel();
        let (reply, answer) = channel();
        let (wish, host) = (self.wish(wish), Arc::clone(&self.host));
        let owner = move || own_stream(core, &host, &wish, faults, &reply, &stopped);
        let thread = std::thread::Builder::new().name("audio-device".to_owned()).spawn(owner);
        let thread = thread.map_err(|error| AudioError::Internal { what: format!("starting a thread: {error}") })?;
        let info = answer.recv_timeout(Duration::from_secs(10)).unwrap_or(Err(AudioError::DeviceLost))?;
        self.open = Some(Open { stop, thread });
        Ok(info)
    }

    fn close(&mut self) {
        if let Some(Open { stop, thread }) = self.open.take() {
            drop(stop);
            // A device thread that panicked holds no stream any more.
            let _ = thread.join();
        }
    }

    fn look(&self, wish: &StreamWish) -> Box<dyn FnOnce() -> bool + Send> {
        let (host, wish) = (Arc::clone(&self.host), wish.clone());
        Box::new(move || choose(&host(), &wish).is_ok())
    }
}

impl Drop for DeviceOutput {
    fn drop(&mut self) {
        self.close();
    }
}

/// The body of the device thread: opens the stream, answers, and keeps it until told to stop.
fn own_stream(
    core: RenderCore,
    host: &FindHost,
    wish: &StreamWish,
    faults: FaultSender,
    reply: &Sender<Result<StreamInfo, AudioError>>,
    stopped: &Receiver<()>,
) {
    run_in_real_time();
    let opened = open_stream(core, host, wish, faults);
    match opened {
        Ok((sink, info)) => {
            // If nobody waits for the answer any more, the stop channel is gone as well.
            let _ = reply.send(Ok(info));
            let _ = stopped.recv();
            drop(sink);
        }
        Err(error) => drop(reply.send(Err(error))),
    }
}

fn open_stream(
    core: RenderCore,
    host: &FindHost,
    wish: &StreamWish,
    faults: FaultSender,
) -> Result<(rodio::MixerDeviceSink, StreamInfo), AudioError> {
    let device = choose(&host(), wish)?;
    let plan = plan(&device, wish)?;
    if plan.info.rate != core.rate() {
        return Err(AudioError::DeviceLost);
    }
    let errors = faults.clone();
    let mut sink = DeviceSinkBuilder::from_device(device)
        .map_err(sink_error)?
        .with_config(&plan.config)
        .with_error_callback(move |error: cpal::Error| report(&errors, error.kind()))
        .open_stream()
        .map_err(sink_error)?;
    sink.log_on_drop(false);
    // rodio converts with a linear filter whenever these differ; then better no sound than a wrong one.
    if sink.config().sample_rate().get() != plan.info.rate || sink.config().channel_count().get() != plan.info.channels {
        return Err(AudioError::Internal { what: "the stream opened with another format".to_owned() });
    }
    sink.mixer().add(CoreSource::new(core, &plan.info, faults)?);
    Ok((sink, plan.info))
}

fn choose(host: &cpal::Host, wish: &StreamWish) -> Result<cpal::Device, AudioError> {
    let Some(wanted) = &wish.device else { return host.default_output_device().ok_or(AudioError::NoDevice) };
    let mut devices = host.output_devices().map_err(|error| cpal_error(&error))?;
    devices.find(|device| name(device).as_ref() == Some(wanted)).ok_or(AudioError::NoDevice)
}

struct Plan {
    info: StreamInfo,
    config: cpal::StreamConfig,
}

fn plan(device: &cpal::Device, wish: &StreamWish) -> Result<Plan, AudioError> {
    let default = device.default_output_config().map_err(|error| cpal_error(&error))?;
    let wanted = wish.period_frames.unwrap_or(PERIOD_FRAMES).max(1);
    let period = match default.buffer_size() {
        cpal::SupportedBufferSize::Range { min, max } if min <= max => wanted.clamp((*min).max(1), (*max).max(1)),
        _ => wanted,
    };
    let (rate, channels) = (default.sample_rate(), default.channels());
    if rate == 0 || channels == 0 {
        return Err(AudioError::NoDevice);
    }
    let info = StreamInfo {
        device: name(device).unwrap_or_else(|| "sound output".to_owned()),
        rate,
        channels,
        period_frames: Some(period),
        latency_frames: period,
    };
    Ok(Plan { info, config: cpal::StreamConfig { channels, sample_rate: rate, buffer_size: cpal::BufferSize::Fixed(period) } })
}

fn report(faults: &FaultSender, kind: cpal::ErrorKind) {
    match kind {
        cpal::ErrorKind::StreamInvalidated | cpal::ErrorKind::DeviceChanged => faults.report(Fault::Invalidated),
        cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::HostUnavailable => faults.report(Fault::Lost),
        cpal::ErrorKind::DeviceBusy => faults.report(Fault::Busy),
        _ => faults.count_xrun(),
    }
}

fn sink_error(error: DeviceSinkError) -> AudioError {
    match error {
        DeviceSinkError::PlayError(error)
        | DeviceSinkError::BuildError(error)
        | DeviceSinkError::DefaultSinkConfigError(error)
        | DeviceSinkError::SupportedConfigsError(error) => cpal_error(&error),
        _ => AudioError::NoDevice,
    }
}

fn cpal_error(error: &cpal::Error) -> AudioError {
    match error.kind() {
        cpal::ErrorKind::DeviceBusy => AudioError::DeviceBusy,
        cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::HostUnavailable => AudioError::NoDevice,
        _ => AudioError::Internal { what: format!("the sound system: {error}") },
    }
}

/// Notices that the device ran dry, which not every sound system reports: rendering falls behind the clock for good.
struct Pace {
    started: Instant,
    rendered: u64,
    rate: u32,
    /// Seconds rendering may vary against the clock.
    slack: f64,
    /// Least seconds behind the clock so far.
    least: f64,
}

impl Pace {
    fn new(info: &StreamInfo) -> Self {
        let slack = 2.0 * f64::from(info.period_frames.unwrap_or(PERIOD_FRAMES)) / f64::from(info.rate) + 0.005;
        Pace { started: Instant::now(), rendered: 0, rate: info.rate, slack, least: f64::INFINITY }
    }

    /// Counts a block; returns whether the device ran dry before it.
    fn ran_dry(&mut self, frames: usize) -> bool {
        let behind = self.started.elapsed().as_secs_f64() - self.rendered as f64 / f64::from(self.rate);
        self.rendered += frames as u64;
        let dry = behind > self.least + self.slack;
        self.least = if dry { behind } else { self.least.min(behind) };
        dry
    }
}

/// Asks the system to run the present thread, and those the sound system starts from it, before all ordinary ones: the one that
/// fills the device's buffer, and those it shares locks with. Where that is not allowed they stay ordinary: then a busy computer
/// may make gaps, which are counted.
#[cfg(target_os = "linux")]
fn run_in_real_time() {
    use thread_priority::{
        RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    let Ok(priority) = ThreadPriorityValue::try_from(REAL_TIME_PRIORITY) else { return };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    // Being refused is the usual case on a desktop without rights for it.
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy);
}

/// The system's own sound threads run in real time already.
#[cfg(not(target_os = "linux"))]
fn run_in_real_time() {}

/// Low among real-time threads: above every ordinary one, below those of the sound server.
#[cfg(target_os = "linux")]
const REAL_TIME_PRIORITY: u8 = 4;

/// The render core as a rodio source: endless, of constant format.
struct CoreSource {
    pace: Pace,
    core: RenderCore,
    faults: FaultSender,
    left: [f32; BLOCK],
    right: [f32; BLOCK],
    frame: usize,
    channel: u16,
    channels: NonZero<u16>,
    rate: NonZero<u32>,
}

impl CoreSource {
    fn new(core: RenderCore, info: &StreamInfo, faults: FaultSender) -> Result<Self, AudioError> {
        let channels = NonZero::new(info.channels).ok_or(AudioError::NoDevice)?;
        let rate = NonZero::new(info.rate).ok_or(AudioError::NoDevice)?;
        Ok(CoreSource {
            pace: Pace::new(info),
            core,
            faults,
            left: [0.0; BLOCK],
            right: [0.0; BLOCK],
            frame: BLOCK,
            channel: 0,
            channels,
            rate,
        })
    }

    fn render(&mut self) {
        if self.pace.ran_dry(BLOCK) {
            self.faults.count_xrun();
        }
        self.core.render(&mut self.left, &mut self.right);
        let mut overs = 0;
        for sample in self.left.iter_mut().chain(&mut self.right) {
            if sample.abs() > 1.0 {
                overs += 1;
                *sample = sample.clamp(-1.0, 1.0);
            }
        }
        if overs > 0 {
            self.faults.count_overs(overs);
        }
        self.frame = 0;
    }
}

impl Iterator for CoreSource {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.frame == BLOCK {
            self.render();
        }
        let sample = match (self.channels.get(), self.channel) {
            (1, _) => (self.left[self.frame] + self.right[self.frame]) * 0.5,
            (_, 0) => self.left[self.frame],
            (_, 1) => self.right[self.frame],
            _ => 0.0,
        };
        self.channel += 1;
        if self.channel == self.channels.get() {
            self.channel = 0;
            self.frame += 1;
        }
        Some(sample)
    }
}

impl Source for CoreSource {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> rodio::ChannelCount {
        self.channels
    }

    fn sample_rate(&self) -> rodio::SampleRate {
        self.rate
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}
