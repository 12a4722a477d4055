//! `./dev bench audio`: decoding, measuring, converting and playing against peers, as ratios of one run, printed as Markdown tables.
//!
//! Arguments: `--minutes N` (length of the generated master, default 4), `--runs N` (repetitions, default 30), `--folder DIR`,
//! `--quick` (half a minute, 3 repetitions: shows that everything runs, measures nothing).
//! Rules: ours and theirs alternate; both run as programs of their own on one core (`taskset`); the time a program needs for a
//! file of a tenth of a second is subtracted; decoded samples are compared first. The ratio is ours ÷ theirs, the median with
//! a bootstrap 95 % interval.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod jobs;
mod playing;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use collabtrack_audio::decode::Decoder;
use collabtrack_audio::wav::{WavDepth, WavWriter};

const RATE: u32 = 48_000;

struct Case {
    name: &'static str,
    file: &'static str,
    codec: &'static [&'static str],
    lossless: bool,
}

const CASES: [Case; 8] = [
    Case { name: "WAV 16 bit", file: "16.wav", codec: &["-c:a", "pcm_s16le"], lossless: true },
    Case { name: "WAV 24 bit", file: "24.wav", codec: &["-c:a", "pcm_s24le"], lossless: true },
    Case { name: "AIFF 24 bit", file: "24.aiff", codec: &["-c:a", "pcm_s24be"], lossless: true },
    Case { name: "FLAC 24 bit", file: "24.flac", codec: &["-c:a", "flac", "-sample_fmt", "s32"], lossless: true },
    Case { name: "ALAC 16 bit", file: "16.m4a", codec: &["-c:a", "alac", "-sample_fmt", "s16p"], lossless: true },
    Case { name: "AAC-LC 256k", file: "aac.m4a", codec: &["-c:a", "aac", "-b:a", "256k"], lossless: false },
    Case { name: "MP3 320k", file: "320.mp3", codec: &["-c:a", "libmp3lame", "-b:a", "320k"], lossless: false },
    Case { name: "Vorbis q6", file: "q6.ogg", codec: &["-c:a", "libvorbis", "-q:a", "6"], lossless: false },
];

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

/// A program we are measured against, as its arguments with the file in place of `FILE`.
type Rival<'a> = &'a [&'a str];

const DECODE: Rival<'_> =
    &["ffmpeg", "-nostdin", "-threads", "1", "-loglevel", "error", "-i", "FILE", "-c:a", "pcm_f32le", "-f", "null", "-"];
const LOUDNESS: Rival<'_> =
    &["ffmpeg", "-nostdin", "-threads", "1", "-loglevel", "error", "-i", "FILE", "-filter_complex", "ebur128", "-f", "null", "-"];
const TRUE_PEAK: Rival<'_> =
    &["ffmpeg", "-nostdin", "-threads", "1", "-loglevel", "error", "-i", "FILE", "-filter_complex", "ebur128=peak=true", "-f", "null", "-"];
const PICTURE: Rival<'_> = &[
    "ffmpeg",
    "-nostdin",
    "-threads",
    "1",
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
const FLAC_TEST: Rival<'_> = &["flac", "-t", "-s", "FILE"];
const SOX_READ: Rival<'_> = &["sox", "FILE", "-n"];
const SOX_RATE: Rival<'_> = &["sox", "FILE", "-n", "rate", "-v", "44100"];

fn tables(arguments: &[String]) {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let number = |name: &str, usual: f64| option(arguments, name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let minutes = number("--minutes", if quick { 0.5 } else { 4.0 });
    let runs = number("--runs", if quick { 3.0 } else { 30.0 }) as usize;
    let folder = option(arguments, "--folder").map_or_else(|| std::env::temp_dir().join("collabtrack-bench-audio"), PathBuf::from);
    let folder = folder.join(format!("{minutes}"));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    for program in ["ffmpeg", "flac", "sox", "taskset"] {
        if Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            eprintln!("{program} is not installed: `./dev bench` installs it");
            std::process::exit(1);
        }
    }
    if quick {
        println!("*Quick run: too short to measure anything.*\n");
    }
    let (long, short) = (folder.join("long.wav"), folder.join("short.wav"));
    master(&long, (minutes * 60.0 * f64::from(RATE)) as usize);
    master(&short, RATE as usize / 10);
    println!("| file ({minutes} min) | task | rival | ours ÷ rival | 95 % | ours, s | rival, s |");
    println!("|---|---|---|---|---|---|---|");
    for case in CASES {
        let (file, tiny) = (folder.join(case.file), folder.join(format!("tiny-{}", case.file)));
        make(&long, &file, case.codec);
        make(&short, &tiny, case.codec);
        if case.lossless {
            same_samples(&file, &folder);
        }
        let row = |task: &str, rival: &str, ours: &str, theirs: &[Rival<'_>]| {
            row(&[case.name, task, rival], &file, &tiny, runs, ours, theirs);
        };
        row("decode to f32", "ffmpeg", "--decode", &[DECODE]);
        match case.file {
            "16.wav" => row("decode to f32", "`sox -n`", "--decode", &[SOX_READ]),
            "24.flac" => row("decode to f32", "`flac -t`", "--decode", &[FLAC_TEST]),
            _ => {}
        }
        row("import pass", "sum of three", "--import", &[DECODE, TRUE_PEAK, PICTURE]);
        row("the same with landmarks", "sum of three", "--everything", &[DECODE, TRUE_PEAK, PICTURE]);
        row("peaks, all levels", "showwavespic", "--peaks", &[PICTURE]);
        row("loudness", "`ebur128`", "--loudness", &[LOUDNESS]);
        row("loudness, true peak", "`ebur128=peak=true`", "--true-peak", &[TRUE_PEAK]);
        if case.file == "24.wav" {
            row("48 to 44.1 kHz", "`sox rate -v`", "--resample", &[SOX_RATE]);
        }
    }
    println!();
    println!(
        "Import pass, ours: hash, peak pyramid, loudness table, true peak, summary in one pass; landmarks are the band envelope and the"
    );
    println!("content-defined hashes, which no rival makes. Theirs: the sum of ffmpeg decoding, ffmpeg `ebur128=peak=true`, and ffmpeg");
    println!("`showwavespic` in place of audiowaveform, which has no package here: not run.");
    println!();
    memory(&folder, quick);
    println!();
    playing::tables(&folder, quick);
}

/// Peak memory of the import pass over an hour, and the time a region of it takes.
fn memory(folder: &Path, quick: bool) {
    let minutes = if quick { 1 } else { 60 };
    let hour = folder.join(format!("hour-{minutes}.wav"));
    master(&hour, minutes * 60 * RATE as usize);
    println!("| import pass with landmarks over {minutes} min | peak memory, MB |");
    println!("|---|---|");
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

/// A dense, seeded master: chords, a bass, noise bursts, driven into soft clipping.
fn master(path: &Path, frames: usize) {
    if path.exists() {
        return;
    }
    let mut writer = WavWriter::create(path, RATE, 2, WavDepth::Int24).expect("the folder takes files");
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        (seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let mut done = 0;
    while done < frames {
        let count = (RATE as usize / 2).min(frames - done);
        let root = 55.0 * 2_f32.powf(((random() + 1.0) * 6.0).floor() / 12.0);
        let mut planes = [Vec::with_capacity(count), Vec::with_capacity(count)];
        for frame in 0..count {
            let time = frame as f32 / RATE as f32;
            let chord: f32 = [1.0, 2.0, 2.378, 2.997, 4.0, 5.04, 8.0]
                .iter()
                .map(|ratio| (std::f32::consts::TAU * root * ratio * time).sin() / ratio.sqrt())
                .sum();
            let hit = (-time * 30.0).exp();
            for plane in &mut planes {
                plane.push((chord * 0.5 + random() * (0.02 + hit)).tanh() * 0.95);
            }
        }
        writer.write(&[&planes[0], &planes[1]]).expect("the disk has room");
        done += count;
    }
    writer.finish().expect("the disk has room");
}

fn make(source: &Path, target: &Path, codec: &[&str]) {
    if !target.exists() {
        let status =
            Command::new("ffmpeg").args(["-nostdin", "-loglevel", "error", "-y", "-i"]).arg(source).args(codec).arg(target).status();
        assert!(status.is_ok_and(|status| status.success()), "ffmpeg makes {}", target.display());
    }
}

/// Both decoders give the same samples.
fn same_samples(file: &Path, folder: &Path) {
    let raw = folder.join("samples.f32");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
        .arg(file)
        .args(["-c:a", "pcm_f32le", "-f", "f32le"])
        .arg(&raw)
        .status();
    assert!(status.is_ok_and(|status| status.success()));
    let theirs = std::fs::read(&raw).expect("ffmpeg wrote it");
    std::fs::remove_file(&raw).expect("it can be removed");
    let mut theirs = theirs.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let mut decoder = Decoder::open(file).expect("the file opens");
    let mut planes = vec![Vec::new(); 2];
    while decoder.read(&mut planes, 16_384).expect("the file decodes") > 0 {
        for (left, right) in planes[0].iter().zip(&planes[1]) {
            assert_eq!((Some(*left), Some(*right)), (theirs.next(), theirs.next()), "{}", file.display());
        }
        planes.iter_mut().for_each(Vec::clear);
    }
    assert_eq!(theirs.next(), None);
}

/// Seconds a program takes, pinned to one core.
fn time(program: &Path, arguments: &[String]) -> f64 {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status();
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.is_ok_and(|status| status.success()), "{} {arguments:?}", program.display());
    seconds
}

fn row(names: &[&str; 3], file: &Path, tiny: &Path, runs: usize, ours: &str, theirs: &[Rival<'_>]) {
    let me = std::env::current_exe().expect("the program knows itself");
    let text = |path: &Path| path.to_str().expect("a UTF-8 path").to_owned();
    let (file, tiny) = (text(file), text(tiny));
    let run_ours = |path: &str| time(&me, &[ours.to_owned(), path.to_owned()]);
    let run_theirs = |path: &str| -> f64 {
        let run = |rival: &Rival<'_>| {
            let arguments: Vec<String> =
                rival[1..].iter().map(|part| if *part == "FILE" { path.to_owned() } else { (*part).to_owned() }).collect();
            time(Path::new(rival[0]), &arguments)
        };
        theirs.iter().map(run).sum()
    };
    // Warm: both have read the file once before anything counts.
    run_ours(&file);
    run_theirs(&file);
    let (start_ours, start_theirs) = (median((0..5).map(|_| run_ours(&tiny))), median((0..5).map(|_| run_theirs(&tiny))));
    let (mut times_ours, mut times_theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        times_ours.push((run_ours(&file) - start_ours).max(1e-4));
        times_theirs.push((run_theirs(&file) - start_theirs).max(1e-4));
    }
    let ratios: Vec<f64> = times_ours.iter().zip(&times_theirs).map(|(ours, theirs)| ours / theirs).collect();
    let (low, high) = bootstrap(&ratios);
    let (ours, theirs) = (median(times_ours.into_iter()), median(times_theirs.into_iter()));
    let [name, task, rival] = names;
    println!("| {name} | {task} | {rival} | {:.2} | {low:.2}–{high:.2} | {ours:.3} | {theirs:.3} |", median(ratios.into_iter()));
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn bootstrap(values: &[f64]) -> (f64, f64) {
    let mut seed = 7_u64;
    let mut medians: Vec<f64> = (0..1_000)
        .map(|_| {
            median((0..values.len()).map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                values[(seed >> 33) as usize % values.len()]
            }))
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    (medians[25], medians[974])
}
