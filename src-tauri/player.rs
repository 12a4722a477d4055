//! The player: versions of the library in the slots of the engine.
//!
//! The engine owns sound and position; this file knows which version sits in which slot, and starts the engine when it is first needed,
//! so that the app opens on a computer without any sound device.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use collabtrack_audio::engine::device::{DeviceOutput, device_names};
use collabtrack_audio::engine::{Engine, LaneId, LaneSource, Note, PlayerState};
use collabtrack_domain::id::VersionId;
use collabtrack_library::Library;
use collabtrack_library::view::{LaneView, PlayerView, Slot};

use crate::error::{CommandError, CommandResult};

/// What a slot holds.
#[derive(Clone)]
struct Loaded {
    version: VersionId,
    number: i64,
    track: String,
    track_name: String,
    is_preview: bool,
    duration_s: f64,
    source: LaneSource,
}

/// What is chosen, apart from what the engine knows.
struct Desk {
    engine: Option<Engine>,
    slots: [Option<Loaded>; 2],
    active: Slot,
    level_match: bool,
    loop_s: Option<(f64, f64)>,
    volume: f64,
    device: Option<String>,
}

/// The player.
pub(crate) struct Player {
    library: Library,
    desk: Mutex<Desk>,
    /// Name of the output that would be played on, found out in the background while nothing plays yet.
    likely: Arc<OnceLock<Option<String>>>,
}

fn lane(slot: Slot) -> LaneId {
    match slot {
        Slot::A => LaneId::A,
        Slot::B => LaneId::B,
    }
}

fn index(slot: Slot) -> usize {
    usize::from(lane(slot).0)
}

/// What the listener should know, as a sentence.
fn sentence(note: Note, position_s: f64) -> String {
    let at = format!("{}:{:02}", position_s as u64 / 60, position_s as u64 % 60);
    match note {
        Note::NoDevice => "There is no device to play on. Connect headphones or speakers; your versions are not affected.".to_owned(),
        Note::DeviceLost => format!("The sound device went away. Playback is paused at {at}."),
        Note::DeviceBusy => "Another program uses the sound device. Close it, or choose another device in Settings.".to_owned(),
        Note::LaneDamaged => "A part of this version cannot be decoded; it is silent there, and everything else is in place.".to_owned(),
    }
}

impl Player {
    /// A player with empty slots and no sound device yet.
    pub(crate) fn new(library: Library) -> Self {
        let desk = Desk { engine: None, slots: [None, None], active: Slot::A, level_match: true, loop_s: None, volume: 1.0, device: None };
        let likely = Arc::new(OnceLock::new());
        let found = Arc::clone(&likely);
        std::thread::spawn(move || found.set(device_names().into_iter().next()));
        Self { library, desk: Mutex::new(desk), likely }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A command that panicked left whole values behind: each field is set in one assignment.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a version into a slot. A version that sits in the other slot changes places with this one's.
    pub(crate) async fn load(&self, slot: Slot, version: &VersionId) -> CommandResult<PlayerView> {
        let playable = self.library.playable(version).await?;
        let source = LaneSource { path: playable.path, offset_frames: 0, table: playable.loudness, is_preview: playable.is_preview };
        let loaded = Loaded {
            version: version.clone(),
            number: playable.number,
            track: playable.track.to_string(),
            track_name: playable.track_name,
            is_preview: playable.is_preview,
            duration_s: playable.duration_ms as f64 / 1000.0,
            source,
        };
        let mut desk = self.desk();
        let other = 1 - index(slot);
        let swap = desk.slots[other].as_ref().is_some_and(|there| there.version == *version);
        let displaced = desk.slots[index(slot)].replace(loaded);
        if swap {
            desk.slots[other] = displaced;
        }
        if desk.slots[other].is_none() {
            desk.active = slot;
        }
        desk.tell_lanes()?;
        self.library.set_playing(desk.versions());
        Ok(desk.view())
    }

    /// Empties a slot.
    pub(crate) fn unload(&self, slot: Slot) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        desk.slots[index(slot)] = None;
        if desk.active == slot && desk.slots[1 - index(slot)].is_some() {
            desk.active = if slot == Slot::A { Slot::B } else { Slot::A };
        }
        desk.tell_lanes()?;
        self.library.set_playing(desk.versions());
        Ok(desk.view())
    }

    /// Plays; opens the sound device the first time.
    pub(crate) fn play(&self) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        if desk.slots.iter().all(Option::is_none) {
            return Err(CommandError::new("not_found", "There is nothing to play: no version is loaded.", "Select a version first."));
        }
        desk.engine()?.play();
        Ok(desk.view())
    }

    /// Pauses.
    pub(crate) fn pause(&self) -> CommandResult<PlayerView> {
        let desk = self.desk();
        if let Some(engine) = &desk.engine {
            engine.pause();
        }
        Ok(desk.view())
    }

    /// Goes to a position.
    pub(crate) fn seek(&self, seconds: f64) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        desk.engine()?.seek_seconds(seconds.max(0.0));
        Ok(desk.view())
    }

    /// Lets a slot be heard.
    pub(crate) fn flip(&self, slot: Slot) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        if desk.slots[index(slot)].is_none() {
            return Err(CommandError::new(
                "not_found",
                "That slot is empty, so there is nothing to flip to.",
                "Put a version into it first.",
            ));
        }
        desk.active = slot;
        if let Some(engine) = &desk.engine {
            engine.set_active(lane(slot));
        }
        Ok(desk.view())
    }

    /// Level matching on or off.
    pub(crate) fn level_match(&self, on: bool) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        desk.level_match = on;
        if let Some(engine) = &desk.engine {
            engine.set_level_match(on);
        }
        Ok(desk.view())
    }

    /// Loops a range in seconds.
    pub(crate) fn set_loop(&self, range: Option<(f64, f64)>) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        desk.loop_s = range.filter(|(from, to)| from.is_finite() && to.is_finite() && *from >= 0.0 && to > from);
        let range = desk.loop_s;
        let engine = desk.engine()?;
        let rate = f64::from(engine.state().rate);
        engine.set_loop(range.map(|(from, to)| ((from * rate).round() as u64, (to * rate).round() as u64)));
        Ok(desk.view())
    }

    /// Volume, 0 to 1.
    pub(crate) fn volume(&self, volume: f64) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        desk.volume = if volume.is_finite() { volume.clamp(0.0, 1.0) } else { 1.0 };
        if let Some(engine) = &desk.engine {
            engine.set_volume(desk.volume as f32);
        }
        Ok(desk.view())
    }

    /// Names of the devices.
    pub(crate) fn devices(&self) -> Vec<String> {
        device_names()
    }

    /// Chooses a device; none follows the system. Position and slots stay.
    pub(crate) fn choose_device(&self, device: Option<String>) -> PlayerView {
        let mut desk = self.desk();
        desk.device.clone_from(&device);
        if let Some(engine) = &desk.engine {
            engine.set_device(device);
        }
        desk.view()
    }

    /// What the dock shows.
    pub(crate) fn view(&self) -> PlayerView {
        let desk = self.desk();
        let mut view = desk.view();
        if desk.engine.is_none() {
            view.device = desk.device.clone().or_else(|| self.likely.get().cloned().flatten());
        }
        view
    }

    /// Silence, and the device back to the system.
    pub(crate) fn stop(&self) {
        if let Some(engine) = self.desk().engine.take() {
            engine.stop();
        }
    }
}

impl Desk {
    /// The versions in the slots: their originals stay on this computer.
    fn versions(&self) -> Vec<VersionId> {
        self.slots.iter().flatten().map(|loaded| loaded.version.clone()).collect()
    }

    /// The engine, started on the chosen device if it is not running.
    fn engine(&mut self) -> CommandResult<&Engine> {
        if self.engine.is_none() {
            let engine = Engine::start(Box::new(DeviceOutput::new()))?;
            if self.device.is_some() {
                engine.set_device(self.device.clone());
            }
            engine.set_volume(self.volume as f32);
            engine.set_level_match(self.level_match);
            self.engine = Some(engine);
            self.tell_lanes()?;
        }
        self.engine.as_ref().ok_or_else(|| collabtrack_audio::error::AudioError::NoDevice.into())
    }

    /// Brings the engine's lanes to what the slots hold.
    fn tell_lanes(&mut self) -> CommandResult<()> {
        let Some(engine) = &self.engine else { return Ok(()) };
        for slot in [Slot::A, Slot::B] {
            match &self.slots[index(slot)] {
                Some(loaded) => drop(engine.load(lane(slot), loaded.source.clone())?),
                None => engine.unload(lane(slot)),
            }
        }
        engine.set_active(lane(self.active));
        Ok(())
    }

    fn view(&self) -> PlayerView {
        let state = self.engine.as_ref().map(Engine::state);
        let seconds = |frames: u64, state: &PlayerState| frames as f64 / f64::from(state.rate.max(1));
        let lanes: Vec<LaneView> = [Slot::A, Slot::B]
            .into_iter()
            .filter_map(|slot| {
                let loaded = self.slots[index(slot)].as_ref()?;
                Some(LaneView {
                    slot,
                    version: loaded.version.to_string(),
                    number: loaded.number,
                    track_name: loaded.track_name.clone(),
                    track: loaded.track.clone(),
                    gain_db: self.engine.as_ref().map_or(0.0, |engine| engine.lane_gain_db(lane(slot))),
                    is_preview: loaded.is_preview,
                    duration_s: loaded.duration_s,
                })
            })
            .collect();
        PlayerView {
            playing: state.as_ref().is_some_and(|state| state.playing),
            position_s: state.as_ref().map_or(0.0, |state| seconds(state.position_frames, state)),
            duration_s: lanes.iter().map(|lane| lane.duration_s).fold(0.0, f64::max),
            lanes,
            active: self.active,
            level_match: self.level_match,
            loop_s: self.loop_s,
            volume: self.volume,
            device: state.as_ref().and_then(|state| state.device.clone()),
            note: state.as_ref().and_then(|state| state.note.map(|note| sentence(note, seconds(state.position_frames, state)))),
        }
    }
}
