//! The keyboard's media keys and the system's own player controls. They say what plays, never which version during a blind test.

use std::sync::Mutex;
use std::time::Duration;

use collabtrack_library::view::PlayerView;
use souvlaki::{MediaControlEvent, MediaControls, MediaMetadata, MediaPlayback, MediaPosition, PlatformConfig, SeekDirection};

use crate::player::Player;

/// Seconds a "seek" key without a length moves by.
const SEEK_S: f64 = 5.0;

/// The controls, as far as this system has them.
pub(crate) struct MediaKeys {
    controls: Mutex<Option<MediaControls>>,
    told: Mutex<Option<Told>>,
}

/// What the system shows.
#[derive(Clone, PartialEq)]
struct Told {
    title: String,
    duration: Duration,
    playing: bool,
    position_s: u64,
}

impl MediaKeys {
    /// Attaches to the system's controls; without a session bus or window there are none, and nothing else changes.
    pub(crate) fn attach(player: Player, window: Option<*mut std::ffi::c_void>) -> Self {
        let controls = has_session_bus().then(|| open(player, window)).flatten();
        Self { controls: Mutex::new(controls), told: Mutex::new(None) }
    }

    /// Tells the system what plays.
    pub(crate) fn tell(&self, view: &PlayerView) {
        let (Ok(mut controls), Ok(mut told)) = (self.controls.lock(), self.told.lock()) else { return };
        let Some(controls) = &mut *controls else { return };
        let now = shown(view);
        if *told == now {
            return;
        }
        let done = match &now {
            None => controls.set_playback(MediaPlayback::Stopped),
            Some(now) => {
                let progress = Some(MediaPosition(Duration::from_secs(now.position_s)));
                let playback = if now.playing { MediaPlayback::Playing { progress } } else { MediaPlayback::Paused { progress } };
                let metadata = MediaMetadata { title: Some(&now.title), duration: Some(now.duration), ..MediaMetadata::default() };
                controls.set_metadata(metadata).and_then(|()| controls.set_playback(playback))
            }
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the system's player controls do not answer");
        }
        *told = now;
    }
}

/// What is shown of a state: the version only while the listener may know it.
fn shown(view: &PlayerView) -> Option<Told> {
    let lane = view.lanes.iter().find(|lane| lane.slot == view.active)?;
    let hidden = view.blind.as_ref().is_some_and(|test| test.result.is_none());
    let title = if hidden { lane.track_name.clone() } else { format!("{} – version {}", lane.track_name, lane.number) };
    let duration = Duration::try_from_secs_f64(view.duration_s).unwrap_or_default();
    Some(Told { title, duration, playing: view.playing, position_s: view.position_s as u64 })
}

fn has_session_bus() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(std::path::PathBuf::from);
    std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() || runtime.is_some_and(|folder| folder.join("bus").exists())
}

fn open(player: Player, hwnd: Option<*mut std::ffi::c_void>) -> Option<MediaControls> {
    // A name of its own, so that two studios on one desktop do not fight over it.
    let name = format!("collabtrack.instance{}", std::process::id());
    let config = PlatformConfig { display_name: "CollabTrack", dbus_name: &name, hwnd };
    let mut controls = MediaControls::new(config).map_err(|error| tracing::info!(%error, "no media keys")).ok()?;
    let attached = controls.attach(move |event| act(&player, &event));
    attached.map_err(|error| tracing::info!(%error, "no media keys")).ok()?;
    Some(controls)
}

/// Carries out a key.
fn act(player: &Player, event: &MediaControlEvent) {
    let view = player.view();
    let signed = |direction: &SeekDirection, seconds: f64| if *direction == SeekDirection::Forward { seconds } else { -seconds };
    let done = match event {
        MediaControlEvent::Play => player.play(),
        MediaControlEvent::Pause | MediaControlEvent::Stop => player.pause(),
        MediaControlEvent::Toggle if view.playing => player.pause(),
        MediaControlEvent::Toggle => player.play(),
        MediaControlEvent::Next => player.seek(view.position_s + SEEK_S),
        MediaControlEvent::Previous => player.seek(0.0),
        MediaControlEvent::Seek(direction) => player.seek(view.position_s + signed(direction, SEEK_S)),
        MediaControlEvent::SeekBy(direction, length) => player.seek(view.position_s + signed(direction, length.as_secs_f64())),
        MediaControlEvent::SetPosition(MediaPosition(position)) => player.seek(position.as_secs_f64()),
        MediaControlEvent::SetVolume(volume) => player.volume(*volume),
        _ => return,
    };
    if let Err(error) = done {
        tracing::info!(error = error.message(), "a media key did nothing");
    }
}

#[cfg(test)]
mod tests {
    use collabtrack_library::view::{BlindButton, BlindKind, BlindView, LaneView, Slot};

    use super::*;

    fn view() -> PlayerView {
        let lane = |slot, number| LaneView {
            slot,
            version: format!("ver_{number}"),
            number,
            track_name: "Night Drive".to_owned(),
            track: "trk".to_owned(),
            gain_db: 0.0,
            is_preview: false,
            approximate: false,
            duration_s: 222.0,
        };
        PlayerView {
            playing: true,
            position_s: 64.5,
            duration_s: 222.0,
            lanes: vec![lane(Slot::A, 12), lane(Slot::B, 9)],
            active: Slot::B,
            level_match: true,
            loop_s: None,
            volume: 1.0,
            device: None,
            device_wish: None,
            note: None,
            difference: false,
            nothing_to_match: false,
            blind: None,
        }
    }

    #[test]
    fn the_system_is_told_the_version_that_is_heard() {
        let told = shown(&view()).expect("something is loaded");
        assert_eq!((told.title.as_str(), told.playing, told.position_s), ("Night Drive – version 9", true, 64));
        assert!(shown(&PlayerView { lanes: Vec::new(), ..view() }).is_none());
    }

    #[test]
    fn nothing_outside_the_window_tells_which_version_a_blind_test_plays() {
        let blind = BlindView { kind: BlindKind::Compare, heard: BlindButton::X, trial: 1, trials: 1, result: None };
        let told = shown(&PlayerView { blind: Some(blind), ..view() }).expect("something is loaded");
        assert_eq!(told.title, "Night Drive");
    }
}
