//! The measured programs: one job on one file each.

use std::path::Path;
use std::time::Instant;

use collabtrack_audio::analysis::loudness::LoudnessMeter;
use collabtrack_audio::analysis::peaks::PyramidBuilder;
use collabtrack_audio::analysis::true_peak::TruePeak;
use collabtrack_audio::analysis::{analyse, analyse_levels};
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::decode::Decoder;
use collabtrack_audio::resample::Resampler;

/// Every job.
pub(crate) const NAMES: [&str; 9] =
    ["--decode", "--import", "--everything", "--peaks", "--loudness", "--true-peak", "--resample", "--memory", "--region"];
/// Frames decoded at a time.
const STEP: usize = 16_384;

/// Does a job; the answer says what came out, so that nothing can be left out.
pub(crate) fn run(job: &str, path: &Path) -> String {
    let cancel = Cancel::default();
    match job {
        "--decode" => {
            let mut sum = 0.0;
            let frames = each(path, |planes| sum += f64::from(planes[0][0]));
            format!("{frames} {sum}")
        }
        "--import" => {
            let analysis = analyse_levels(path, &cancel, &mut |_| {}).expect("the file is measured");
            format!("{:?} {:?}", analysis.summary.loudness_lufs, analysis.summary.true_peak_db)
        }
        "--everything" => {
            let analysis = analyse(path, &cancel, &mut |_| {}).expect("the file is measured");
            format!("{:?} {:?}", analysis.summary.loudness_lufs, analysis.landmarks.map(|landmarks| landmarks.blocks.len()))
        }
        "--peaks" => {
            let info = Decoder::open(path).expect("it opens").info().clone();
            let mut builder = PyramidBuilder::new(info.sample_rate, info.channels);
            each(path, |planes| builder.update(planes));
            format!("{}", builder.finish().levels())
        }
        "--loudness" => format!("{:?}", loudness(path, false)),
        "--true-peak" => format!("{:?}", loudness(path, true)),
        "--resample" => resample(path),
        "--memory" => {
            analyse(path, &cancel, &mut |_| {}).expect("the file is measured");
            peak_memory_mb().map_or_else(|| "not told by this system".to_owned(), |megabytes| format!("{megabytes:.0}"))
        }
        "--region" => region(path),
        other => panic!("there is no job {other}"),
    }
}

fn each(path: &Path, mut take: impl FnMut(&[Vec<f32>])) -> u64 {
    let mut decoder = Decoder::open(path).expect("the file opens");
    let mut planes = vec![Vec::with_capacity(STEP); usize::from(decoder.info().channels)];
    let mut frames = 0;
    loop {
        planes.iter_mut().for_each(Vec::clear);
        let got = decoder.read(&mut planes, STEP).expect("the file decodes");
        if got == 0 {
            return frames;
        }
        frames += got as u64;
        take(&planes);
    }
}

fn loudness(path: &Path, true_peak: bool) -> (Option<f64>, f32) {
    let info = Decoder::open(path).expect("it opens").info().clone();
    let mut meter = LoudnessMeter::new(info.sample_rate, info.channels);
    let mut finders: Vec<TruePeak> = (0..info.channels).filter(|_| true_peak).map(|_| TruePeak::new(info.sample_rate)).collect();
    each(path, |planes| {
        meter.update(planes);
        finders.iter_mut().zip(planes).for_each(|(finder, plane)| finder.update(plane));
    });
    let table = meter.finish();
    let highest = finders.into_iter().map(TruePeak::finish).fold(0.0, f32::max);
    (table.integrated(0..table.blocks()), highest)
}

fn resample(path: &Path) -> String {
    let resampler = Resampler::new(48_000, 44_100);
    let mut kept: Vec<Vec<f32>> = Vec::new();
    let (mut base, mut next, mut sum) = (resampler.needs(0..1).start, 0_i64, 0.0);
    let mut out = Vec::new();
    each(path, |planes| {
        kept.resize(planes.len(), vec![0.0; usize::try_from(-base).unwrap_or(0)]);
        kept.iter_mut().zip(planes).for_each(|(kept, plane)| kept.extend_from_slice(plane));
        let have = base + kept[0].len() as i64;
        let mut to = next + (kept[0].len() as i64 * 44_100 / 48_000);
        while to > next && resampler.needs(next..to).end > have {
            to -= 1;
        }
        if to == next {
            return;
        }
        let needs = resampler.needs(next..to);
        for plane in &kept {
            out.clear();
            resampler.process(&plane[(needs.start - base) as usize..(needs.end - base) as usize], next..to, &mut out);
            sum += f64::from(out[0]);
        }
        next = to;
        let drop = (resampler.needs(to..to + 1).start - base).max(0);
        kept.iter_mut().for_each(|plane| drop_front(plane, drop as usize));
        base += drop;
    });
    format!("{next} {sum}")
}

fn drop_front(samples: &mut Vec<f32>, count: usize) {
    samples.drain(..count.min(samples.len()));
}

/// The most memory this process has held, where the system tells.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1_000.0)
}

/// Region loudness, a thousand regions: the median time of one.
fn region(path: &Path) -> String {
    let mut meter = LoudnessMeter::new(48_000, 2);
    let frames = each(path, |planes| meter.update(planes));
    let table = meter.finish();
    let mut times: Vec<f64> = (0..1_000_u64)
        .map(|turn| {
            let from = turn * 7_919_000 % frames.saturating_sub(30 * 48_000).max(1);
            let start = Instant::now();
            std::hint::black_box(table.region(from, from + 30 * 48_000));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    format!("{:.1} µs (median of 1,000)", times[times.len() / 2])
}
