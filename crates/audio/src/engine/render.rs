//! Rendering to memory or a file exactly what the engine would play.

use std::path::{Path, PathBuf};

use crate::cancel::Cancel;
use crate::engine::offline::OfflineOutput;
use crate::engine::{Engine, LaneId, LaneSource};
use crate::error::AudioError;
use crate::wav::{WavDepth, WavWriter};

/// Frames rendered between looks at the cancel flag.
const STEP_FRAMES: u64 = 48_000;

/// What to render.
#[derive(Clone, Debug)]
pub struct RenderOrder {
    /// The lanes, in order A, B, …
    pub lanes: Vec<LaneSource>,
    /// First second, and the second to stop before; `None` is the end.
    pub from_seconds: f64,
    /// Where to stop; `None` is the end.
    pub to_seconds: Option<f64>,
    /// Flips: the lane to hear from a second of the timeline on.
    pub flips: Vec<(f64, LaneId)>,
    /// Level matching between the lanes.
    pub level_match: bool,
    /// Sample rate; `None` takes the rate of the first lane.
    pub rate: Option<u32>,
    /// How samples are stored; `None` takes the file's own depth when one version plays untouched, and float as soon as anything is
    /// computed: rounded or clamped it would not be what the engine plays.
    pub depth: Option<WavDepth>,
}

/// What was rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// Frames written.
    pub frames: u64,
    /// Frames per second.
    pub rate: u32,
    /// The matched gain of each lane in dB.
    pub gains_db: Vec<f64>,
}

/// Writes to the WAV file `target` what the engine plays for `order`. Nothing is left there on an error.
/// # Errors
/// As [`crate::decode::Decoder::open`] and [`WavWriter`]; `Cancelled`; `Internal` when there is no lane.
pub fn render_offline(order: &RenderOrder, target: &Path, cancel: &Cancel, progress: &mut dyn FnMut(f32)) -> Result<Rendered, AudioError> {
    let part = part_path(target);
    let result = render_to(order, &part, cancel, progress)
        .and_then(|rendered| std::fs::rename(&part, target).map(|()| rendered).map_err(|source| AudioError::io("write", target, source)));
    if result.is_err() {
        // Best effort: the error that matters is the one returned.
        let _ = std::fs::remove_file(&part);
    }
    result
}

fn part_path(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    target.with_file_name(name)
}

fn render_to(order: &RenderOrder, target: &Path, cancel: &Cancel, progress: &mut dyn FnMut(f32)) -> Result<Rendered, AudioError> {
    let Some(first) = order.lanes.first() else { return Err(AudioError::Internal { what: "nothing to render".to_owned() }) };
    let info = crate::decode::probe(&first.path)?;
    let rate = order.rate.unwrap_or(info.sample_rate);
    let untouched = order.lanes.len() == 1 && rate == info.sample_rate && info.channels <= 2 && first.offset_fraction == 0.0;
    let depth = order.depth.unwrap_or_else(|| if untouched { WavDepth::of(&info) } else { WavDepth::Float32 });
    let (output, mut driver) = OfflineOutput::new(rate);
    let engine = Engine::start(Box::new(output))?;
    engine.set_level_match(order.level_match);
    for (number, source) in order.lanes.iter().enumerate() {
        // Without a table the gain would depend on when it is measured.
        let mut source = source.clone();
        if source.table.is_none() && order.lanes.len() > 1 && order.level_match {
            source.table = Some(crate::analysis::analyse_levels(&source.path, cancel, &mut |_| {})?.loudness);
        }
        engine.load(LaneId(number as u8), source)?;
    }
    let frame = |seconds: f64| (seconds.max(0.0) * f64::from(rate)).round() as u64;
    engine.settle();
    let duration = engine.state().duration_frames;
    let from = frame(order.from_seconds).min(duration);
    let to = order.to_seconds.map_or(duration, |to| frame(to).min(duration)).max(from);
    let mut flips: Vec<(u64, LaneId)> = order.flips.iter().map(|(seconds, lane)| (frame(*seconds), *lane)).collect();
    flips.sort_by_key(|(at, _)| *at);
    let mut writer = WavWriter::create(target, rate, 2, depth)?;
    engine.seek_frames(from);
    let mut position = from;
    for (_, lane) in flips.iter().filter(|(at, _)| *at <= from) {
        engine.set_active(*lane);
    }
    flips.retain(|(at, _)| *at > from && *at < to);
    engine.play();
    while position < to {
        cancel.check()?;
        let stop = flips.first().map_or(to, |(at, _)| *at).min(position + STEP_FRAMES);
        if !engine.settle() {
            return Err(AudioError::Internal { what: "the engine does not answer".to_owned() });
        }
        let [left, right] = driver.render((stop - position) as usize)?;
        writer.write(&[&left, &right])?;
        position = stop;
        if flips.first().is_some_and(|(at, _)| *at == position) {
            engine.set_active(flips.remove(0).1);
        }
        progress((position - from) as f32 / (to - from).max(1) as f32);
    }
    let gains_db = (0..order.lanes.len()).map(|number| engine.lane_gain_db(LaneId(number as u8))).collect();
    writer.finish()?;
    engine.stop();
    Ok(Rendered { frames: to - from, rate, gains_db })
}
