//! A computer with a library and a bounce folder, worked through the real program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a run of the program gave.
pub(crate) struct Run {
    pub(crate) ok: bool,
    pub(crate) answer: Value,
    pub(crate) trouble: String,
}

impl Run {
    fn of(output: &std::process::Output) -> Self {
        Self {
            ok: output.status.success(),
            answer: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            trouble: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The answer of a run that must have worked.
    pub(crate) fn expect(self, what: &str) -> Value {
        assert!(self.ok, "{what}: {}", self.trouble);
        self.answer
    }

    /// The three parts of a run that must have failed, as one text.
    pub(crate) fn expect_trouble(self, what: &str) -> String {
        assert!(!self.ok, "{what} must fail, but answered {}", self.answer);
        let view: Value = serde_json::from_str(self.trouble.lines().last().unwrap_or_default()).expect("trouble is one JSON document");
        assert!(view["hint"].as_str().is_some_and(|hint| hint.len() > 5), "{what}: what to do is missing in {view}");
        assert!(view["message"].as_str().is_some_and(|text| text.len() > 10), "{what}: what happened is missing in {view}");
        format!(
            "{} {} {}",
            view["code"].as_str().unwrap_or_default(),
            view["message"].as_str().unwrap_or_default(),
            view["hint"].as_str().unwrap_or_default()
        )
    }
}

/// A computer.
pub(crate) struct Computer {
    folder: tempfile::TempDir,
}

impl Computer {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("Night Drive EP")).expect("a bounce folder");
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn bounces(&self) -> PathBuf {
        self.path("Night Drive EP")
    }

    /// Runs the program with `--json`, as an account whose password is right.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with_password("four walls and an amplifier", arguments)
    }

    /// Runs the program until it dies at `step`, as by `kill -9`.
    pub(crate) fn dies(&self, arguments: &[&str], step: &str) {
        let output = self.program("four walls and an amplifier", arguments).env("COLLABTRACK_DIE_AT", step).output().expect("it runs");
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
        let trouble = String::from_utf8_lossy(&output.stderr);
        assert_eq!(signal, Some(9), "{arguments:?} passes the step {step}: {:?} {trouble}", output.status);
    }

    /// Runs the program with `--json` and this password.
    pub(crate) fn run_with_password(&self, password: &str, arguments: &[&str]) -> Run {
        Run::of(&self.program(password, arguments).output().expect("the program runs"))
    }

    /// Runs the program with `--json` and the usual password, which shall become this one.
    pub(crate) fn run_changing_password(&self, new: &str, arguments: &[&str]) -> Run {
        let output = self.program("four walls and an amplifier", arguments).env("COLLABTRACK_NEW_PASSWORD", new).output();
        Run::of(&output.expect("the program runs"))
    }

    /// Looks at a proposal, then approves exactly what was shown.
    pub(crate) fn approve(&self, change_set: &str) -> Run {
        let shown = self.run(&["changes", "show", change_set]).expect("show");
        let seen = shown["fingerprint"].as_str().unwrap_or("nothing").to_owned();
        self.run(&["changes", "approve", change_set, "--seen", &seen])
    }

    fn program(&self, password: &str, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_collabtrack-cli"));
        program
            .args(arguments)
            .args(["--json", "--library"])
            .arg(self.path("library"))
            .arg("--token-file")
            .arg(self.path("token"))
            .env("COLLABTRACK_PASSWORD", password)
            .env("COLLABTRACK_TOKEN_PASSPHRASE", "tall ships and a harbour")
            .env_remove("RUST_LOG");
        program
    }

    /// Captures until a track has that many versions, and answers them, newest first.
    pub(crate) fn capture(&self, track: &str, versions: usize) -> Vec<Value> {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            self.run(&["watch", "--once"]).expect("watch");
            let listed = self.run(&["versions", track]);
            if listed.ok
                && let Some(found) = listed.answer.as_array()
                && found.len() >= versions
            {
                return found.clone();
            }
            assert!(std::time::Instant::now() < deadline, "{track} did not reach {versions} versions: {}", listed.trouble);
        }
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a text path")
}

/// Writes a second of a tone.
pub(crate) fn write_wav(path: &Path, hertz: f32) {
    std::fs::write(path, wav(hertz)).expect("a WAV is written");
}

/// A second of a tone as a 16-bit stereo WAV.
pub(crate) fn wav(hertz: f32) -> Vec<u8> {
    stereo(RATE, |frame| ((frame as f32 / RATE as f32 * hertz * std::f32::consts::TAU).sin() * 12_000.0) as i16)
}

/// A minute of noise as a 16-bit stereo WAV: nothing makes it shorter, so it goes out in more than one part.
pub(crate) fn noise() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    stereo(60 * RATE, |_| {
        // xorshift64, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 48) as i16
    })
}

const RATE: u32 = 44_100;

/// A 16-bit stereo WAV of so many frames; both channels are asked for in turn.
fn stereo(frames: u32, mut sample: impl FnMut(u32) -> i16) -> Vec<u8> {
    let data: Vec<u8> = (0..frames).flat_map(|frame| [sample(frame).to_le_bytes(), sample(frame).to_le_bytes()].concat()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 4).to_le_bytes());
    file.extend(b"\x04\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// What `render` takes for itself: the WAV's bytes after its header.
pub(crate) fn samples(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("a WAV");
    let at = bytes.windows(4).position(|window| window == b"data").expect("a data chunk") + 8;
    bytes[at..].to_vec()
}
