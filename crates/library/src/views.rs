//! Building read models from what the store shows.

use std::collections::HashMap;

use collabtrack_audio::downmix::Downmix;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::role::Role;
use serde_json::Value;
use sqlx::SqliteConnection;

use crate::error::Result;
use crate::library::Library;
use crate::store::projects::{self, Project};
use crate::store::roots;
use crate::store::shown::{self, ShownVersion};
use crate::store::{change_sets, tracks};
use crate::view::{ConnectionState, Here, ProjectView, ReviewState, RootState, RootView, TrackView, VersionSync, VersionView};
use crate::watch::marker;

/// Failures after which a version says why it waits.
const SAY_WHY_AFTER: i64 = 3;

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A version's row.
pub(crate) fn version(library: &Library, row: ShownVersion) -> VersionView {
    let summary: Value = serde_json::from_str(&row.summary).unwrap_or_default();
    let number_of = |field: &str| summary.get(field).and_then(Value::as_u64).unwrap_or(0);
    let frames = number_of("frames");
    let rate = number_of("sample_rate");
    VersionView {
        sync: sync_of(library, &row),
        here: here_of(&row),
        review: review_of(&row),
        flags: flags(&summary),
        is_pinned: row.is_pinned == 1,
        is_final: row.numbered == 1 || row.has_server == 0,
        id: row.id,
        track: row.track,
        number: row.number,
        kind: row.kind,
        note: row.note,
        file_name: row.file_name.unwrap_or_default(),
        size_bytes: row.size_bytes.map(unsigned).unwrap_or(0),
        format: summary.get("format").and_then(Value::as_str).unwrap_or_default().to_owned(),
        sample_rate: u32::try_from(rate).unwrap_or(0),
        bit_depth: summary.get("bit_depth").and_then(Value::as_u64).and_then(|depth| u16::try_from(depth).ok()),
        channels: u16::try_from(number_of("channels")).unwrap_or(0),
        frames,
        duration_ms: (u128::from(frames) * 1_000).checked_div(u128::from(rate)).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0),
        loudness_lufs: summary.get("loudness_lufs").and_then(Value::as_f64),
        true_peak_db: summary.get("true_peak_db").and_then(Value::as_f64),
        author: row.author_name,
        captured_at: row.captured_at,
        fingerprint: row.content_id,
        same_as: row.same_as_number,
    }
}

fn sync_of(library: &Library, row: &ShownVersion) -> VersionSync {
    if row.has_server == 0 {
        return VersionSync::OnlyHere;
    }
    let Some(step) = &row.step else {
        return match row.state.as_str() {
            "complete" => VersionSync::Synced,
            "announced" => VersionSync::Announced,
            "damaged" => VersionSync::NeedsYou {
                because: "The server lost this file. Somebody who has the original should open CollabTrack.".into(),
            },
            _ => VersionSync::Waiting { because: None },
        };
    };
    if let Some(held) = &row.held {
        return VersionSync::NeedsYou { because: held.clone() };
    }
    let connection = library.connection();
    if connection.paused {
        return VersionSync::Paused;
    }
    match connection.state() {
        ConnectionState::Offline => return VersionSync::Offline,
        ConnectionState::NeedsYou | ConnectionState::SignedOut | ConnectionState::None => {
            return VersionSync::NeedsYou { because: connection.message().unwrap_or_else(|| "Sign in to go on.".to_owned()) };
        }
        ConnectionState::Connected => {}
    }
    drop(connection);
    if row.attempts.unwrap_or(0) >= SAY_WHY_AFTER {
        return VersionSync::Waiting { because: row.because.clone() };
    }
    let sending = VersionId::parse(&row.id).ok().and_then(|id| library.sync_state().percent(&id));
    match sending {
        Some(percent) => VersionSync::Sending { percent },
        None if step == "original_sending" => VersionSync::Sending { percent: 0 },
        None => VersionSync::Waiting { because: row.because.clone() },
    }
}

fn here_of(row: &ShownVersion) -> Here {
    if row.files_missing == 0 && row.file_name.is_some() {
        Here::Original
    } else if row.preview_here == 1 {
        Here::Preview
    } else {
        Here::Nothing
    }
}

fn review_of(row: &ShownVersion) -> ReviewState {
    if row.is_retired == 1 {
        return ReviewState::Retired;
    }
    if row.is_approved == 1 {
        return ReviewState::Approved;
    }
    match row.proposed.as_deref() {
        Some("open") => ReviewState::Waiting,
        Some("changes_requested") => ReviewState::ChangesAsked,
        Some("rejected") => ReviewState::Rejected,
        _ if row.was_approved == 1 => ReviewState::Superseded,
        _ => ReviewState::Draft,
    }
}

fn flags(summary: &Value) -> Vec<String> {
    let says = |field: &str| summary.get(field).and_then(Value::as_bool).unwrap_or(false);
    let count = |field: &str| summary.get(field).and_then(Value::as_u64).unwrap_or(0);
    let mut flags = Vec::new();
    if says("truncated") {
        flags.push("The file ends before its header says so: it was cut off. What is there plays.".to_owned());
    }
    if says("damaged") {
        flags.push("Parts of the file cannot be read. What is there plays.".to_owned());
    }
    if says("untrimmed") {
        flags.push(
            "The file does not say how much silence its encoder put before the sound: it may begin some hundredths of a second late."
                .to_owned(),
        );
    }
    let channels = u16::try_from(count("channels")).unwrap_or(0);
    let mask = summary.get("channel_mask").and_then(Value::as_u64).map(|mask| u32::try_from(mask).unwrap_or(0));
    if mask.is_some_and(|mask| !Downmix::new(channels, mask).known_layout()) {
        flags.push(format!("It does not say where its {channels} channels belong. You hear channels 1 and 2."));
    }
    match count("bad_samples") {
        0 => {}
        bad => flags.push(format!("{bad} samples are not numbers; they count as silence.")),
    }
    match count("clip_runs") {
        0 => {}
        runs => flags.push(format!("It clips in {runs} {}.", if runs == 1 { "place" } else { "places" })),
    }
    flags
}

/// Tracks with their newest versions.
pub(crate) async fn tracks(library: &Library, connection: &mut SqliteConnection, project: Option<&ProjectId>) -> Result<Vec<TrackView>> {
    let names: HashMap<String, String> =
        projects::all(connection).await?.into_iter().map(|project| (project.id.to_string(), project.name)).collect();
    let mut newest: HashMap<String, ShownVersion> =
        shown::newest(connection, project).await?.into_iter().map(|row| (row.track.clone(), row)).collect();
    let counts: HashMap<String, shown::TrackCounts> =
        shown::track_counts(connection, project).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
    Ok(tracks::list(connection, project)
        .await?
        .into_iter()
        .map(|track| {
            let id = track.id.to_string();
            let count = counts.get(&id);
            TrackView {
                newest: newest.remove(&id).map(|row| version(library, row)),
                versions: count.map_or(0, |count| count.versions),
                approved: count.and_then(|count| count.approved),
                in_catalogue: count.is_some_and(|count| count.in_catalogue == 1),
                in_trash: count.is_some_and(|count| count.versions == 0 && count.trashed > 0),
                project_name: names.get(track.project.as_str()).cloned().unwrap_or_default(),
                project: track.project.to_string(),
                name: track.name,
                please_check: track.please_check,
                id,
            }
        })
        .collect())
}

/// A project in the dashboard.
pub(crate) async fn project(library: &Library, connection: &mut SqliteConnection, project: Project) -> Result<ProjectView> {
    let counts = shown::project_counts(connection, &project.id).await?;
    let contributors = shown::contributors(connection, &project.id).await?;
    let waiting = change_sets::waiting(connection, &project.id).await?;
    let roots = roots::all(connection).await?.into_iter().filter(|root| root.project == project.id);
    let roots = roots
        .map(|root| {
            let known = library.candidates_state().root_state(root.id);
            let here = known.unwrap_or_else(|| if marker::is_present(&root) { RootState::Watching } else { RootState::Missing });
            RootView { path: root.path.to_string_lossy().into_owned(), state: here }
        })
        .collect();
    Ok(ProjectView {
        id: project.id.to_string(),
        name: project.name,
        role: project.role.map(|role| role.as_str().to_owned()),
        on_server: project.server.is_some(),
        away: project.away,
        roots,
        tracks: counts.tracks,
        versions: counts.versions,
        newest_at: counts.newest_at,
        waiting,
        contributors,
        may: project.role.into_iter().flat_map(Role::actions).map(|action| action.as_str().to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_odd_about_the_sound_is_said_in_words() {
        assert_eq!(flags(&json!({"channels": 2, "truncated": false, "untrimmed": false})), [""; 0]);
        assert_eq!(flags(&json!({"channels": 6})), [""; 0], "measured before the layout was kept");
        assert_eq!(flags(&json!({"channels": 6, "channel_mask": 0x3f})), [""; 0]);
        let unknown = flags(&json!({"channels": 6, "channel_mask": 0}));
        assert_eq!(unknown, ["It does not say where its 6 channels belong. You hear channels 1 and 2."]);
        let untrimmed = flags(&json!({"channels": 2, "untrimmed": true}));
        assert!(untrimmed.len() == 1 && untrimmed[0].contains("encoder"), "{untrimmed:?}");
        assert_eq!(flags(&json!({"truncated": true, "damaged": true, "bad_samples": 3, "clip_runs": 1})).len(), 4);
    }
}
