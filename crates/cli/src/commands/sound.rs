//! Rendering what plays, and measuring files.

use collabtrack_audio::analysis::dat::{Dat, Resolution};
use collabtrack_audio::analysis::{self, Summary};
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::container::notes::{self, Notes};
use collabtrack_audio::decode::Tag;
use collabtrack_audio::engine::render::{RenderOrder, render_offline};
use collabtrack_audio::engine::{LaneId, LaneSource};
use collabtrack_domain::id::VersionId;
use collabtrack_library::Library;
use serde::Serialize;

use crate::arguments::{Analyse, Render};
use crate::output::{Output, Trouble};
use crate::select;

#[derive(Serialize)]
struct Rendered {
    file: String,
    frames: u64,
    rate: u32,
    /// Matched gain of each lane in dB.
    gains_db: Vec<f64>,
    /// A lane played its preview, because the original is not here.
    preview: bool,
}

/// What is measured of a file, and what stands in it beside the sound.
#[derive(Serialize)]
struct Analysed {
    #[serde(flatten)]
    summary: Summary,
    /// Tags of coded files.
    tags: Vec<Tag>,
    /// bext, iXML, cue markers, loops, tempo, instrument and texts of linear files.
    notes: Notes,
}

/// Writes what the player would play.
pub(crate) async fn render(library: &Library, render: &Render, output: &Output) -> Result<(), Trouble> {
    if !(render.flip.is_finite() && render.flip > 0.0) {
        return Err(Trouble::new("--flip takes a number of seconds above 0", "Nothing was written.", "Leave it out for 2 seconds."));
    }
    let mut lanes = Vec::new();
    let mut longest_ms = 0;
    for text in std::iter::once(&render.version).chain(&render.ab) {
        let version = select::version(library, text).await?;
        longest_ms = longest_ms.max(version.duration_ms);
        let playable = library.playable(&VersionId::parse(&version.id)?).await?;
        lanes.push(LaneSource {
            table: playable.loudness,
            table_is_own: playable.loudness_is_own,
            is_preview: playable.is_preview,
            ..LaneSource::new(playable.path)
        });
    }
    let from = render.from.unwrap_or(0.0);
    let flips = if render.ab.is_some() {
        let end = render.to.unwrap_or(longest_ms as f64 / 1000.0);
        (1..)
            .map(|turn| (from + f64::from(turn) * render.flip, if turn % 2 == 1 { LaneId::B } else { LaneId::A }))
            .take_while(|(at, _)| *at < end)
            .collect()
    } else {
        Vec::new()
    };
    let preview = lanes.iter().any(|lane| lane.is_preview);
    let order = RenderOrder { lanes, from_seconds: from, to_seconds: render.to, flips, level_match: true, rate: None, depth: None };
    let target = render.output.clone();
    let rendered = tokio::task::spawn_blocking(move || render_offline(&order, &target, &Cancel::default(), &mut |_| {}))
        .await
        .map_err(|_| Trouble::new("The render ended unexpectedly", "No file was written.", "Try again."))??;
    let answer = Rendered {
        file: render.output.display().to_string(),
        frames: rendered.frames,
        rate: rendered.rate,
        gains_db: rendered.gains_db,
        preview,
    };
    output.answer(&answer, |answer| {
        let note = if answer.preview { "\nA preview was rendered: the original is not on this computer." } else { "" };
        format!("{}: {} frames at {} Hz{note}", answer.file, answer.frames, answer.rate)
    });
    Ok(())
}

/// Measures a file.
pub(crate) fn analyse(analyse: &Analyse, output: &Output) -> Result<(), Trouble> {
    let measured = analysis::analyse(&analyse.file, &Cancel::default(), &mut |_| {})?;
    if let Some(target) = &analyse.dat {
        let dat = Dat::from_pyramid(&measured.peaks, 0, Resolution::Bits16)
            .ok_or_else(|| Trouble::new("This file has no samples to draw", "No .dat was written.", "Choose a file with sound in it."))?;
        std::fs::write(target, dat.to_bytes())?;
    }
    let answer = Analysed { summary: measured.summary, tags: measured.tags, notes: notes::read(&analyse.file)? };
    output.answer(&answer, |Analysed { summary, .. }| {
        let decibels = |value: Option<f64>, unit: &str| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2} {unit}"));
        format!(
            "{} {}, {} Hz, {} channels, {} frames\nloudness {}, range {}, true peak {}, sample peak {}",
            summary.format,
            summary.bit_depth.map_or_else(String::new, |bits| format!("{bits} bit")),
            summary.sample_rate,
            summary.channels,
            summary.frames,
            decibels(summary.loudness_lufs, "LUFS"),
            decibels(summary.range_lu, "LU"),
            decibels(summary.true_peak_db, "dBTP"),
            decibels(summary.sample_peak_db, "dBFS"),
        )
    });
    Ok(())
}
