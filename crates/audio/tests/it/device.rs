//! The real device output against a PulseAudio server of our own with a null sink. `./dev` installs `pulseaudio`.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use collabtrack_audio::engine::device::DeviceOutput;
use collabtrack_audio::engine::{Engine, LaneId, LaneSource, Note};

use crate::support::files::{self, Store};
use crate::support::machine::{self, Watch};
use crate::support::{folder, signal};

const RATE: u32 = 48_000;

/// A private server; both processes end with it.
struct Server {
    children: Vec<Child>,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            // Already gone is fine.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Server {
    fn start() -> Self {
        let folder = folder();
        let at = |name: &str| folder.path().join(name).to_str().expect("a UTF-8 path").to_owned();
        std::fs::create_dir(folder.path().join("run")).expect("the folder takes folders");
        set_private(&folder.path().join("run"));
        let server = Command::new("pulseaudio")
            .args([
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--disallow-exit",
                "--use-pid-file=no",
                "--high-priority=yes",
                "--realtime=yes",
            ])
            .arg(format!("--log-target=file:{}", at("pulse.log")))
            .args(["-L", &format!("module-native-protocol-unix socket={} auth-anonymous=1", at("native"))])
            .args(["-L", "module-null-sink sink_name=t rate=48000 channels=2 format=float32le"])
            .envs([("HOME", folder.path()), ("XDG_RUNTIME_DIR", &folder.path().join("run"))])
            .env("PULSE_RUNTIME_PATH", at("run"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("pulseaudio is needed by this test ({error}); ./dev installs it"));
        let server = Server { children: vec![server], folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !server.folder.path().join("native").exists() {
            assert!(Instant::now() < deadline, "the private PulseAudio server did not start");
            std::thread::yield_now();
        }
        server.raise();
        server
    }

    /// The server lets go of the priority it was started with; what is tested is our program, not a server that has to wait.
    fn raise(&self) {
        if let (true, Some(server)) = (in_real_time(), self.children.first()) {
            let raised = Command::new("chrt").args(["--rr", "--pid", "20", &server.id().to_string()]).status();
            assert!(raised.is_ok_and(|status| status.success()), "the sound server runs in real time");
        }
    }

    fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("native").display())
    }

    /// Records what the sink plays.
    fn record(&mut self) -> impl Read + Send + use<> {
        let mut parec = real_time(10, "parec")
            .args(["-d", "t.monitor", "--format=float32le", "--rate=48000", "--channels=2", "--latency-msec=500", "--raw"])
            .env("PULSE_SERVER", self.address())
            .env("HOME", self.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("parec is needed by this test ({error}); ./dev installs pulseaudio-utils"));
        let output = parec.stdout.take().expect("the output is a pipe");
        self.children.push(parec);
        output
    }
}

#[cfg(unix)]
fn set_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("rights can be set");
}

fn wait_until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not happen in {limit:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Child processes of this test see the private server through their environment, so the engine runs in one.
const CHILD: &str = "COLLABTRACK_TEST_DEVICE_FILE";
const PERIOD: &str = "COLLABTRACK_TEST_DEVICE_PERIOD";
const STRICT: &str = "COLLABTRACK_TEST_DEVICE_STRICT";

/// What a machine can promise.
#[derive(Clone, Copy)]
struct Promise {
    period_frames: u32,
    seconds: u32,
    /// How often playing is tried until no gap is heard.
    attempts: usize,
    /// No gap is reported either.
    strict: bool,
}

impl Promise {
    /// What can be promised on a machine whose processors stood still for so long: a period of which that is more than a quarter proves
    /// nothing about the program that fills it, so the next longer one is tried. `None` when the trouble is our own.
    fn beyond(self, stood_still: Duration) -> Option<Self> {
        let period = Duration::from_secs(1) * self.period_frames / RATE;
        let longer = Promise { period_frames: self.period_frames * 2, ..self };
        (stood_still > period / 4 && longer.period_frames <= LONGEST_PERIOD).then_some(longer)
    }
}

/// A sixth of a second: who cannot fill that is at fault, whatever the machine.
const LONGEST_PERIOD: u32 = 8_192;

/// With the right to run threads in real time (root in CI, a desktop set up for sound) a minute at the usual period comes through
/// whole while every core is busy, unless the machine itself stands still. Without that right any program that fills a buffer is late
/// now and then on a busy computer: then longer periods and a shorter time have to do.
fn promise() -> Promise {
    if in_real_time() {
        Promise { period_frames: 1_024, seconds: 60, attempts: 3, strict: true }
    } else {
        Promise { period_frames: 4_096, seconds: 4, attempts: 4, strict: false }
    }
}

fn in_real_time() -> bool {
    Command::new("chrt")
        .args(["--rr", &machine::PRIORITY.to_string(), "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A program that runs before all ordinary ones, where that is allowed.
fn real_time(priority: u8, program: &str) -> Command {
    if !in_real_time() {
        return Command::new(program);
    }
    let mut command = Command::new("chrt");
    command.args(["--rr", &priority.to_string(), program]);
    command
}

/// Keeps every core busy until it is dropped.
struct Stress(Arc<AtomicBool>, Vec<std::thread::JoinHandle<()>>);

impl Stress {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let work = |stop: Arc<AtomicBool>| {
            move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::black_box((0..10_000_u64).fold(1_u64, |product, n| product.wrapping_mul(31).wrapping_add(n)));
                }
            }
        };
        let threads = (0..2 * cores).map(|_| std::thread::spawn(work(Arc::clone(&stop)))).collect();
        Stress(stop, threads)
    }
}

impl Drop for Stress {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.drain(..).for_each(|thread| thread.join().expect("it only counts"));
    }
}

#[test]
fn p15_the_recorded_monitor_holds_the_played_samples_in_order() {
    let mut promise = promise();
    let mut noise = signal::quantised(&signal::noise(21, 2, (RATE * promise.seconds) as usize, 0.6), 24);
    // No exact zeros, so that the music cannot be taken for silence.
    noise.iter_mut().flatten().filter(|sample| **sample == 0.0).for_each(|sample| *sample = 0.25);
    let mut troubles = Vec::new();
    let mut attempts = 0;
    let _stress = Stress::start();
    while attempts < promise.attempts {
        let watch = Watch::start(in_real_time());
        let played = play_and_record(&noise, promise).and_then(|recorded| compare(&recorded, &noise));
        let stood_still = watch.worst();
        let Err(trouble) = played else { return say(promise, stood_still, &troubles) };
        troubles.push(format!("{} frames, stood still for {stood_still:?}: {trouble}", promise.period_frames));
        match promise.beyond(stood_still) {
            Some(longer) => promise = longer,
            None => attempts += 1,
        }
    }
    panic!("{} attempts at periods of {} frames had trouble: {troubles:#?}", promise.attempts, promise.period_frames);
}

#[expect(clippy::print_stdout, reason = "what a run showed, for whoever asks with --nocapture")]
fn say(promise: Promise, stood_still: Duration, troubles: &[String]) {
    println!(
        "p15: {} s whole at periods of {} frames; processors stood still for {stood_still:?}; before: {troubles:?}",
        promise.seconds, promise.period_frames
    );
}

/// Every frame once, in order, unchanged, without silence between. A sound server that runs dry drops what comes late, so losing
/// frames is a kind of gap.
fn compare(recorded: &[[f32; 2]], noise: &[Vec<f32>]) -> Result<(), String> {
    let frames = noise[0].len();
    let start = recorded.iter().position(|frame| *frame != [0.0; 2]).ok_or("nothing was heard")?;
    let heard = &recorded[start..(start + frames).min(recorded.len())];
    let wrong = heard.iter().zip(noise[0].iter().zip(&noise[1])).position(|(got, (left, right))| *got != [*left, *right]);
    match wrong {
        Some(frame) => Err(format!("frame {frame} of {frames}: {:?} instead of {:?}", heard[frame], [noise[0][frame], noise[1][frame]])),
        None if heard.len() < frames => Err(format!("only {} of {frames} frames were recorded", heard.len())),
        None => Ok(()),
    }
}

/// Plays the signal through a private server in a process of its own; returns what the sink's monitor recorded.
fn play_and_record(noise: &[Vec<f32>], promise: Promise) -> Result<Vec<[f32; 2]>, String> {
    let mut server = Server::start();
    let path = files::wav(server.folder.path(), "x.wav", noise, RATE, Store::I24);
    let mut recording = server.record();
    let wanted = noise[0].len();
    let recorder = std::thread::spawn(move || {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 65_536]);
        loop {
            let got = recording.read(&mut buffer).expect("the recorder runs");
            bytes.extend_from_slice(&buffer[..got]);
            // Counted only at the end, where it matters: counting takes the time the recorder needs.
            let full = bytes.len() >= wanted * 8;
            let heard = if full { bytes.as_chunks::<8>().0.iter().filter(|frame| **frame != [0; 8]).count() } else { 0 };
            if got == 0 || heard >= wanted || bytes.len() > wanted * 8 + 20 * 48_000 * 8 {
                return bytes;
            }
        }
    });
    let child = Command::new(std::env::current_exe().expect("the test knows itself"))
        .args(["--exact", "device::plays_one_file_in_a_child_process", "--ignored", "--nocapture"])
        .env(CHILD, &path)
        .env(PERIOD, promise.period_frames.to_string())
        .env(STRICT, u8::from(promise.strict).to_string())
        .env("PULSE_SERVER", server.address())
        .env("HOME", server.folder.path())
        .output()
        .expect("the child runs");
    if !child.status.success() {
        let said = String::from_utf8_lossy(&child.stderr).into_owned();
        return Err(said.lines().filter(|line| !line.trim_start().starts_with("at ")).take(8).collect::<Vec<_>>().join("\n"));
    }
    let bytes = recorder.join().expect("the recorder ends");
    let frame = |[a, b, c, d, e, f, g, h]: &[u8; 8]| [f32::from_le_bytes([*a, *b, *c, *d]), f32::from_le_bytes([*e, *f, *g, *h])];
    Ok(bytes.as_chunks::<8>().0.iter().map(frame).collect())
}

/// The body of the test above, run in a process of its own: environment variables choose the server.
#[test]
#[ignore = "run by p15 as a child process"]
fn plays_one_file_in_a_child_process() {
    let path = std::env::var_os(CHILD).expect("p15 runs this");
    let period = std::env::var(PERIOD).ok().and_then(|text| text.parse().ok()).expect("p15 gives a period");
    let engine = Engine::start(Box::new(DeviceOutput::with_period(period))).expect("the engine starts");
    let source = LaneSource::new(path);
    let info = engine.load(LaneId::A, source).expect("it loads");
    wait_until("opening the device", Duration::from_secs(10), || engine.state().device.is_some());
    assert_eq!(engine.state().rate, RATE);
    engine.play();
    wait_until("starting to play", Duration::from_secs(5), || engine.state().playing);
    wait_until("playing to the end", Duration::from_secs(90), || !engine.state().playing);
    let state = engine.state();
    assert!(state.xruns == 0 || std::env::var(STRICT).is_ok_and(|strict| strict == "0"), "{} gaps were counted", state.xruns);
    assert_eq!(Some(state.position_frames), info.frames, "{state:?}");
    assert_eq!(state.stalls, 0, "the core had to wait for the decoder");
    // The last period is still on its way to the sink.
    let heard = Instant::now() + Duration::from_secs(1);
    wait_until("the tail", Duration::from_secs(5), || Instant::now() > heard);
    engine.stop();
}

#[test]
fn without_a_device_the_engine_starts_and_says_so() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::noise(1, 2, 48_000, 0.1), RATE, Store::I16);
    let child = Command::new(std::env::current_exe().expect("the test knows itself"))
        .args(["--exact", "device::starts_without_a_device_in_a_child_process", "--ignored", "--nocapture"])
        .env(CHILD, &path)
        .env("PULSE_SERVER", "unix:/nonexistent/native")
        .env("ALSA_CONFIG_PATH", folder.path().join("no-such.conf"))
        .env("HOME", folder.path())
        .output()
        .expect("the child runs");
    assert!(child.status.success(), "{}\n{}", String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
}

/// The body of the test above.
#[test]
#[ignore = "run by the test above as a child process"]
fn starts_without_a_device_in_a_child_process() {
    let path = std::env::var_os(CHILD).expect("the test above runs this");
    let engine = Engine::start(Box::new(DeviceOutput::new())).expect("the engine starts");
    engine.load(LaneId::A, LaneSource::new(path)).expect("it loads");
    engine.play();
    // The note of the start is there before the lane is; both together are the answer to what was asked.
    wait_until("the lane", Duration::from_secs(30), || engine.state().duration_frames == 48_000);
    wait_until("the note", Duration::from_secs(30), || engine.state().note == Some(Note::NoDevice));
    assert_eq!(engine.state().device, None);
    assert!(!engine.state().playing);
}
