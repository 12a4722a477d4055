//! The player: versions of the library in the slots of the engine.
//!
//! The engine owns sound and position; this module knows which version sits in which slot, and starts the engine when it is first
//! needed, so that the app opens on a computer without any sound device.

mod blind;
mod desk;
mod memory;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use collabtrack_audio::engine::LaneSource;
use collabtrack_audio::engine::device::{DeviceOutput, device_names};
use collabtrack_audio::listening::Rendition;
use collabtrack_domain::id::VersionId;
use collabtrack_library::Library;
use collabtrack_library::view::{BlindButton, BlindKind, PlayerView, Slot};

use crate::error::{CommandError, CommandResult};
use blind::BlindTest;
use desk::{Desk, Loaded, index};
use memory::Memory;

/// The player. Clones share it.
#[derive(Clone)]
pub(crate) struct Player {
    library: Library,
    desk: Arc<Mutex<Desk>>,
    /// Name of the output that would be played on, found out in the background while nothing plays yet.
    likely: Arc<OnceLock<Option<String>>>,
    /// What was remembered last.
    remembered: Arc<Mutex<String>>,
}

fn nothing_loaded() -> CommandError {
    CommandError::new("not_found", "There is nothing to play: no version is loaded.", "Select a version first.")
}

fn empty_slot() -> CommandError {
    CommandError::new("not_found", "That slot is empty, so there is nothing to flip to.", "Put a version into it first.")
}

fn not_while_blind() -> CommandError {
    CommandError::new(
        "blind_test",
        "A blind test is under way, so the versions stay as they are.",
        "Reveal or end the test first; your versions are not affected.",
    )
}

fn two_needed() -> CommandError {
    CommandError::new("not_found", "Comparing needs two versions, and only one is loaded.", "Put a version into the other slot first.")
}

fn originals_only() -> CommandError {
    CommandError::new(
        "not_here",
        "A preview is not the exact sound, so it cannot be compared this way.",
        "Get the original of both versions first.",
    )
}

impl Player {
    /// A player with empty slots and no sound device yet.
    pub(crate) fn new(library: Library) -> Self {
        let likely = Arc::new(OnceLock::new());
        let found = Arc::clone(&likely);
        std::thread::spawn(move || found.set(device_names().into_iter().next()));
        let desk = Desk::new(Box::new(|| Box::new(DeviceOutput::new())), Some(library.scratch_folder()));
        Self { library, desk: Arc::new(Mutex::new(desk)), likely, remembered: Arc::default() }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A command that panicked left whole values behind: each field is set in one assignment.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn playable(&self, version: &VersionId) -> CommandResult<Loaded> {
        let playable = self.library.playable(version).await?;
        Ok(Loaded {
            version: version.clone(),
            number: playable.number,
            track: playable.track.to_string(),
            track_name: playable.track_name,
            is_preview: playable.is_preview,
            duration_s: playable.duration_ms as f64 / 1000.0,
            source: LaneSource {
                table: playable.loudness,
                table_is_own: playable.loudness_is_own,
                is_preview: playable.is_preview,
                ..LaneSource::new(playable.path)
            },
        })
    }

    /// Puts a version into a slot. A version that sits in the other slot changes places with this one's.
    pub(crate) async fn load(&self, slot: Slot, version: &VersionId) -> CommandResult<PlayerView> {
        let loaded = self.playable(version).await?;
        let mut desk = self.desk();
        desk.may_change()?;
        desk.put(slot, loaded)?;
        self.library.set_playing(desk.versions());
        Ok(desk.view())
    }

    /// Empties a slot.
    pub(crate) fn unload(&self, slot: Slot) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        desk.may_change()?;
        desk.take_out(slot);
        self.library.set_playing(desk.versions());
        Ok(desk.view())
    }

    /// Plays; opens the sound device the first time.
    pub(crate) fn play(&self) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        if desk.slots.iter().all(Option::is_none) {
            return Err(nothing_loaded());
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
        desk.seek(if seconds.is_finite() { seconds.max(0.0) } else { 0.0 });
        Ok(desk.view())
    }

    /// Lets a slot be heard; in a blind comparison slot A stands for X and slot B for Y.
    pub(crate) fn flip(&self, slot: Slot) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        if let Some(test) = &desk.blind
            && !test.is_open()
        {
            let button = test.next();
            return desk.hear_blind(button);
        }
        if desk.slots[index(slot)].is_none() {
            return Err(empty_slot());
        }
        desk.difference = false;
        desk.active = slot;
        desk.tell_heard();
        Ok(desk.view())
    }

    /// Plays what differs: slot B minus slot A, at matched levels. Originals only.
    pub(crate) fn difference(&self, on: bool) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        desk.may_change()?;
        if on {
            let [Some(a), Some(b)] = &desk.slots else { return Err(two_needed()) };
            if a.is_preview || b.is_preview {
                return Err(originals_only());
            }
        }
        desk.difference = on;
        desk.tell_heard();
        Ok(desk.view())
    }

    /// Level matching on or off.
    pub(crate) fn level_match(&self, on: bool) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        desk.may_change()?;
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
        desk.tell_loop();
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

    /// Starts a blind test between the two slots: X against Y, or whether X is A or B.
    pub(crate) fn blind_start(&self, kind: BlindKind, trials: u32) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        let [Some(a), Some(b)] = &desk.slots else { return Err(two_needed()) };
        let rendition = |loaded: &Loaded| if loaded.is_preview { Rendition::Preview } else { Rendition::Original };
        let renditions = [rendition(a), rendition(b)];
        let test = BlindTest::start(kind, trials, renditions, rand::random).map_err(|_| originals_only())?;
        desk.difference = false;
        // Loudness alone would give the answer away.
        if let Some(engine) = &desk.engine {
            engine.set_level_match(true);
        }
        let first = test.view([0, 0]).heard;
        desk.blind = Some(test);
        desk.hear_blind(first)
    }

    /// Hears a button of the blind test.
    pub(crate) fn blind_hear(&self, button: BlindButton) -> CommandResult<PlayerView> {
        self.desk().hear_blind(button)
    }

    /// Answers a trial: X is the version of `slot`.
    pub(crate) fn blind_answer(&self, slot: Slot) -> CommandResult<PlayerView> {
        let mut desk = self.desk();
        if let Some(next) = desk.blind.as_mut().and_then(|test| test.answer(slot)) {
            desk.active = next;
            desk.tell_heard();
        }
        Ok(desk.view())
    }

    /// Shows which version was which.
    pub(crate) fn blind_reveal(&self) -> PlayerView {
        let mut desk = self.desk();
        if let Some(test) = &mut desk.blind {
            test.reveal();
        }
        desk.view()
    }

    /// Ends the blind test; level matching goes back to what it was.
    pub(crate) fn blind_end(&self) -> PlayerView {
        let mut desk = self.desk();
        desk.blind = None;
        if let Some(engine) = &desk.engine {
            engine.set_level_match(desk.level_match);
        }
        desk.view()
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

    /// Puts the slots, the position and the settings of the last time back; nothing plays by itself. Versions that are gone are
    /// left out.
    pub(crate) async fn restore(&self) {
        let memory = match self.library.remembered_player().await {
            Ok(Some(text)) => Memory::read(&text),
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "what the player held last time could not be read");
                return;
            }
        };
        let mut slots = [None, None];
        for (slot, id) in slots.iter_mut().zip(&memory.slots) {
            if let Some(id) = id.as_deref().and_then(|id| VersionId::parse(id).ok()) {
                *slot = self.playable(&id).await.ok();
            }
        }
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = memory.text();
        let mut desk = self.desk();
        desk.take_up(memory, slots);
        self.library.set_playing(desk.versions());
    }

    /// Keeps what the player holds for the next start, if it changed.
    pub(crate) async fn remember(&self) {
        let text = self.desk().memory().text();
        {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if *remembered == text {
                return;
            }
            remembered.clone_from(&text);
        }
        if let Err(error) = self.library.remember_player(&text).await {
            tracing::warn!(%error, "what the player holds could not be kept");
        }
    }

    /// Exchanges previews whose originals have arrived, without a gap: the original is loaded beside the preview and flipped to at
    /// the same frame once it is ready. Never during a blind test.
    pub(crate) async fn originals_arrived(&self) {
        for slot in [Slot::A, Slot::B] {
            let waiting = self.desk().preview_in(slot);
            let Some(version) = waiting else { continue };
            let Ok(original) = self.playable(&version).await else { continue };
            if original.is_preview {
                continue;
            }
            let player = self.clone();
            let exchange = tokio::task::spawn_blocking(move || player.desk().exchange_preview(slot, original));
            if let Ok(Err(error)) | Err(error) = exchange.await.map_err(|error| error.to_string()).map(|done| done.map_err(|e| e.message()))
            {
                tracing::warn!(error, "a preview could not be exchanged for its original");
            }
        }
    }

    /// Silence, and the device back to the system.
    pub(crate) fn stop(&self) {
        // The last clone of the engine ends its threads.
        drop(self.desk().engine.take());
    }
}
