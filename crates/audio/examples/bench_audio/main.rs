//! `./dev bench audio`: decoding, measuring, converting and playing against peers, as ratios of one run, printed as Markdown tables.
//!
//! Arguments: `--minutes N` (length of the generated pieces, default 4), `--runs N` (repetitions, default 30), `--folder DIR`,
//! `--quick` (half a minute, 3 repetitions: shows that everything runs, measures nothing).
//! Rules: ours and theirs take turns; all run as programs of their own; the time a program needs for a file of a tenth of a second is
//! subtracted; decoded samples are compared first. The ratio is ours ÷ theirs, the median with a bootstrap 95 % interval.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod corpus;
mod jobs;
mod measure;
mod playing;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::corpus::{CASES, Case, Music, make, same_samples};
use crate::measure::{Program, Run, Task, compare};

/// As in the programs that are shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RATE: u32 = 48_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // The measured programs themselves: one job, then exit.
        [job, path] if jobs::NAMES.contains(&job) => println!("{}", jobs::run(job, Path::new(path))),
        _ => tables(&arguments),
    }
}

fn option(arguments: &[String], name: &str) -> Option<String> {
    arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).cloned()
}

const FFMPEG_DECODE: Program =
    &["ffmpeg", "-nostdin", "-threads", "THREADS", "-loglevel", "error", "-i", "FILE", "-c:a", "pcm_f32le", "-f", "null", "-"];
const FFMPEG_LOUDNESS: Program =
    &["ffmpeg", "-nostdin", "-threads", "THREADS", "-loglevel", "error", "-i", "FILE", "-filter_complex", "ebur128", "-f", "null", "-"];
const FFMPEG_TRUE_PEAK: Program = &[
    "ffmpeg",
    "-nostdin",
    "-threads",
    "THREADS",
    "-loglevel",
    "error",
    "-i",
    "FILE",
    "-filter_complex",
    "ebur128=peak=true",
    "-f",
    "null",
    "-",
];
const FFMPEG_PICTURE: Program = &[
    "ffmpeg",
    "-nostdin",
    "-threads",
    "THREADS",
    "-loglevel",
    "error",
    "-i",
    "FILE",
    "-filter_complex",
    "showwavespic=s=1024x120",
    "-frames:v",
    "1",
    "-f",
    "null",
    "-",
];
const DECODE: Program = &["SELF", "--decode", "FILE"];

/// What every format is measured on.
const TASKS: [Task; 6] = [
    Task { name: "decode to f32", rival: "ffmpeg", ours: DECODE, theirs: &[FFMPEG_DECODE] },
    Task {
        name: "import pass",
        rival: "sum of three",
        ours: &["SELF", "--import", "FILE"],
        theirs: &[FFMPEG_DECODE, FFMPEG_TRUE_PEAK, FFMPEG_PICTURE],
    },
    Task {
        name: "the same with landmarks",
        rival: "sum of three",
        ours: &["SELF", "--everything", "FILE"],
        theirs: &[FFMPEG_DECODE, FFMPEG_TRUE_PEAK, FFMPEG_PICTURE],
    },
    Task { name: "peaks, all levels", rival: "showwavespic", ours: &["SELF", "--peaks", "FILE"], theirs: &[FFMPEG_PICTURE] },
    Task { name: "loudness", rival: "`ebur128`", ours: &["SELF", "--loudness", "FILE"], theirs: &[FFMPEG_LOUDNESS] },
    Task { name: "loudness, true peak", rival: "`ebur128=peak=true`", ours: &["SELF", "--true-peak", "FILE"], theirs: &[FFMPEG_TRUE_PEAK] },
];
const SOX_READ: Task = Task { name: "decode to f32", rival: "`sox -n`", ours: DECODE, theirs: &[&["sox", "FILE", "-n"]] };
const FLAC_TEST: Task = Task { name: "decode to f32", rival: "`flac -t`", ours: DECODE, theirs: &[&["flac", "-t", "-s", "FILE"]] };
const SOX_RATE: Task = Task {
    name: "48 to 44.1 kHz",
    rival: "`sox rate -v`",
    ours: &["SELF", "--resample", "FILE"],
    theirs: &[&["sox", "FILE", "-n", "rate", "-v", "44100"]],
};
/// Formats that are measured on quiet music, on all cores and from the disk as well.
const CLOSER: [&str; 3] = ["24.wav", "24.flac", "320.mp3"];
/// Repetitions for the file above 4 GB.
const HUGE_RUNS: usize = 5;

fn tables(arguments: &[String]) {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let number = |name: &str, usual: f64| option(arguments, name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let minutes = number("--minutes", if quick { 0.5 } else { 4.0 });
    let runs = number("--runs", if quick { 3.0 } else { 30.0 }) as usize;
    let folder = option(arguments, "--folder").map_or_else(|| std::env::temp_dir().join("collabtrack-bench-audio"), PathBuf::from);
    let folder = folder.join(format!("{minutes}"));
    for program in ["ffmpeg", "flac", "sox", "taskset", "dd"] {
        if Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            eprintln!("{program} is not installed: `./dev bench` installs it");
            std::process::exit(1);
        }
    }
    println!("## Decoding, measuring, playing\n");
    if quick {
        println!("*Quick run: too short to measure anything.*\n");
    }
    println!("| file ({minutes} min, 48 kHz stereo) | task | rival | ours ÷ rival | 95 % | ours, s | rival, s |");
    println!("|---|---|---|---:|---|---:|---:|");
    let frames = (minutes * 60.0 * f64::from(RATE)) as usize;
    for music in [Music::Dense, Music::Quiet] {
        let folder = folder.join(music.name());
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        corpus::write(&folder.join("long.wav"), music, frames);
        corpus::write(&folder.join("short.wav"), music, RATE as usize / 10);
        for case in CASES.iter().filter(|case| music == Music::Dense || CLOSER.contains(&case.file)) {
            let (file, tiny) = files(case, &folder);
            if case.lossless {
                same_samples(&file, &folder);
            }
            let label = if music == Music::Dense { case.name.to_owned() } else { format!("{}, quiet music", case.name) };
            rows(&label, &TASKS, &file, &tiny, runs, Run::OneCore);
            match (music, case.file) {
                (Music::Dense, "16.wav") => rows(&label, &[SOX_READ], &file, &tiny, runs, Run::OneCore),
                (Music::Dense, "24.wav") => rows(&label, &[SOX_RATE], &file, &tiny, runs, Run::OneCore),
                (Music::Dense, "24.flac") => rows(&label, &[FLAC_TEST], &file, &tiny, runs, Run::OneCore),
                _ => {}
            }
            if music == Music::Dense && CLOSER.contains(&case.file) {
                rows(&format!("{label}, all cores"), &TASKS[..2], &file, &tiny, runs, Run::AllCores);
                rows(&format!("{label}, not in the page cache"), &TASKS[..2], &file, &tiny, runs, Run::Cold);
            }
        }
    }
    let dense = folder.join(Music::Dense.name());
    if !quick {
        huge(&dense);
    }
    println!();
    println!("Pinned to one core and from the page cache unless said; {runs} repetitions.");
    println!(
        "Import pass, ours: hash, peak pyramid, loudness table, true peak, summary in one pass; landmarks are the band envelope and the"
    );
    println!("content-defined hashes, which no rival makes. Theirs: the sum of ffmpeg decoding, ffmpeg `ebur128=peak=true`, and ffmpeg");
    println!("`showwavespic` in place of audiowaveform, which has no package here: not run.");
    println!();
    memory(&dense, quick);
    println!();
    playing::tables(&dense, quick);
}

fn files(case: &Case, folder: &Path) -> (PathBuf, PathBuf) {
    let (file, tiny) = (folder.join(case.file), folder.join(format!("tiny-{}", case.file)));
    make(&folder.join("long.wav"), &file, case.codec);
    make(&folder.join("short.wav"), &tiny, case.codec);
    (file, tiny)
}

fn rows(label: &str, tasks: &[Task], file: &Path, tiny: &Path, runs: usize, how: Run) {
    for (task, outcome) in tasks.iter().zip(compare(tasks, file, tiny, runs, how)) {
        let (low, high) = outcome.interval;
        println!(
            "| {label} | {} | {} | {:.2} | {low:.2}–{high:.2} | {:.3} | {:.3} |",
            task.name, task.rival, outcome.ratio, outcome.ours, outcome.theirs
        );
    }
}

/// A file above 4 GB, which only RF64 can hold: an hour at 192 kHz.
fn huge(folder: &Path) {
    let seconds = 64 * 60;
    let (file, long) = (folder.join("huge.wav"), folder.join("long.wav"));
    if !file.exists() {
        let made = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y", "-stream_loop", "-1", "-i"])
            .arg(&long)
            .args(["-t", &seconds.to_string(), "-ar", "192000", "-c:a", "pcm_s24le", "-rf64", "auto"])
            .arg(&file)
            .status();
        assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the file above 4 GB");
    }
    rows("RF64 24 bit, 192 kHz, 4.4 GB", &TASKS[..1], &file, &folder.join("tiny-24.wav"), HUGE_RUNS, Run::OneCore);
    std::fs::remove_file(&file).expect("it can be removed");
}

/// Peak memory of the import pass over an hour, and the time a region of it takes.
fn memory(folder: &Path, quick: bool) {
    let minutes = if quick { 1 } else { 60 };
    let hour = folder.join(format!("hour-{minutes}.wav"));
    corpus::write(&hour, Music::Dense, minutes * 60 * RATE as usize);
    println!("| import pass with landmarks over {minutes} min | peak memory, MB |");
    println!("|---|---:|");
    for (name, file, codec) in [
        ("WAV 24 bit", None, &[][..]),
        ("FLAC", Some("hour.flac"), &["-c:a", "flac"][..]),
        ("MP3", Some("hour.mp3"), &["-c:a", "libmp3lame", "-b:a", "320k"][..]),
    ] {
        let path = file.map_or_else(|| hour.clone(), |file| folder.join(format!("{minutes}-{file}")));
        make(&hour, &path, codec);
        let me = std::env::current_exe().expect("the program knows itself");
        let output = Command::new(me).arg("--memory").arg(&path).output().expect("it runs");
        println!("| {name} | {} |", String::from_utf8_lossy(&output.stdout).trim());
    }
    println!();
    println!("Region loudness from the stored table, any 30 s of it: {}.", jobs::run("--region", &hour));
}
