//! What is chosen, apart from what the engine knows, and how the engine is told.

use std::path::PathBuf;
use std::sync::Arc;

use collabtrack_audio::engine::output::Output;
use collabtrack_audio::engine::{Engine, EngineOptions, LaneId, LaneSource, Note, PlayerState};
use collabtrack_audio::error::AudioError;
use collabtrack_audio::limits::MAX_LANES;
use collabtrack_domain::id::VersionId;
use collabtrack_library::view::{BlindButton, BlindKind, LaneView, PlayerView, Slot};

use super::blind::BlindTest;
use super::memory::Memory;
use super::not_while_blind;
use crate::error::CommandResult;

/// What a slot holds.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) version: VersionId,
    pub(super) number: i64,
    pub(super) track: String,
    pub(super) track_name: String,
    pub(super) is_preview: bool,
    pub(super) duration_s: f64,
    pub(super) source: LaneSource,
}

/// Makes the output an engine plays on.
pub(super) type MakeOutput = Box<dyn Fn() -> Box<dyn Output + Send> + Send>;

/// The desk.
pub(super) struct Desk {
    pub(super) engine: Option<Arc<Engine>>,
    pub(super) slots: [Option<Loaded>; 2],
    /// The engine's lane of each slot.
    pub(super) lanes: [LaneId; 2],
    pub(super) active: Slot,
    pub(super) level_match: bool,
    pub(super) difference: bool,
    pub(super) loop_s: Option<(f64, f64)>,
    pub(super) volume: f64,
    pub(super) device: Option<String>,
    pub(super) blind: Option<BlindTest>,
    /// Where to begin when the engine starts.
    start_s: f64,
    /// The lane that was given away last.
    last_lane: u8,
    make_output: MakeOutput,
    /// Where the engine keeps decoded copies of lossy files.
    proxy_folder: Option<PathBuf>,
}

pub(super) fn index(slot: Slot) -> usize {
    usize::from(slot == Slot::B)
}

/// What the listener should know, as a sentence.
fn sentence(note: Note, position_s: f64, wish: Option<&str>, device: Option<&str>) -> String {
    let at = format!("{}:{:02}", position_s as u64 / 60, position_s as u64 % 60);
    match note {
        Note::NoDevice => "There is no device to play on. Connect headphones or speakers; your versions are not affected.".to_owned(),
        Note::DeviceLost => format!("The sound device went away. Playback is paused at {at}."),
        Note::DeviceBusy => "Another program uses the sound device. Close it, or choose another device in Settings.".to_owned(),
        Note::StandIn => {
            let (wish, device) = (wish.unwrap_or("The chosen device"), device.unwrap_or("another device"));
            format!("{wish} is not connected. Playback is paused at {at}; press play to hear it on {device} meanwhile.")
        }
        Note::LaneDamaged => "A part of this version cannot be decoded; it is silent there, and everything else is in place.".to_owned(),
    }
}

impl Desk {
    /// Empty slots, and no engine yet.
    pub(super) fn new(make_output: MakeOutput, proxy_folder: Option<PathBuf>) -> Self {
        Desk {
            engine: None,
            slots: [None, None],
            lanes: [LaneId::A, LaneId::B],
            active: Slot::A,
            level_match: true,
            difference: false,
            loop_s: None,
            volume: 1.0,
            device: None,
            blind: None,
            start_s: 0.0,
            last_lane: LaneId::B.0,
            make_output,
            proxy_folder,
        }
    }

    /// The versions in the slots: their originals stay on this computer.
    pub(super) fn versions(&self) -> Vec<VersionId> {
        self.slots.iter().flatten().map(|loaded| loaded.version.clone()).collect()
    }

    /// Slots and levels stay as they are while the listener may not know.
    pub(super) fn may_change(&mut self) -> CommandResult<()> {
        match &self.blind {
            Some(test) if !test.is_open() => Err(not_while_blind()),
            Some(_) => {
                self.blind = None;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The engine, started on the chosen device if it is not running.
    pub(super) fn engine(&mut self) -> CommandResult<&Engine> {
        if self.engine.is_none() {
            let (device, proxy_folder) = (self.device.clone(), self.proxy_folder.clone());
            let options = EngineOptions { device, proxy_folder, ..EngineOptions::default() };
            let engine = Engine::start_with((self.make_output)(), options)?;
            engine.set_volume(self.volume as f32);
            engine.set_level_match(self.level_match || self.blind.is_some());
            for (loaded, lane) in self.slots.iter().zip(self.lanes) {
                if let Some(loaded) = loaded {
                    engine.load(lane, loaded.source.clone())?;
                }
            }
            engine.seek_seconds(self.start_s);
            self.engine = Some(Arc::new(engine));
            self.tell_heard();
            self.tell_loop();
        }
        self.engine.as_deref().ok_or_else(|| AudioError::NoDevice.into())
    }

    /// Puts a version into a slot. One that sits in the other slot changes places with what this slot holds.
    /// # Errors
    /// As [`Engine::load`]; the slots are then as they were.
    pub(super) fn put(&mut self, slot: Slot, loaded: Loaded) -> CommandResult<()> {
        let (here, other) = (index(slot), 1 - index(slot));
        let change_places = self.slots[other].as_ref().is_some_and(|there| there.version == loaded.version);
        let before = self.take_lane(if change_places { other } else { here }, loaded)?;
        if change_places {
            // Each version keeps its lane, so that the one that plays goes on.
            self.slots.swap(0, 1);
            self.lanes.swap(0, 1);
        }
        if self.slots[other].is_none() {
            self.active = slot;
        }
        self.difference = false;
        self.tell_heard();
        self.retire(before);
        Ok(())
    }

    /// Empties a slot; what it held fades into the other one, or into silence.
    pub(super) fn take_out(&mut self, slot: Slot) {
        self.slots[index(slot)] = None;
        if let Some(engine) = &self.engine
            && self.slots.iter().all(Option::is_none)
        {
            engine.pause();
        }
        if self.active == slot && self.slots[1 - index(slot)].is_some() {
            self.active = if slot == Slot::A { Slot::B } else { Slot::A };
        }
        self.difference = false;
        self.tell_heard();
        self.retire(Some(self.lanes[index(slot)]));
    }

    /// Exchanges the preview in a slot for its original, if it still sits there.
    /// # Errors
    /// As [`Engine::load`]; the preview then stays.
    pub(super) fn exchange_preview(&mut self, slot: Slot, original: Loaded) -> CommandResult<()> {
        if self.preview_in(slot).as_ref() == Some(&original.version) {
            let before = self.take_lane(index(slot), original)?;
            self.tell_heard();
            self.retire(before);
        }
        Ok(())
    }

    /// Puts a version into a place of `slots`, on a lane of its own beside the one that plays there now, which is returned. The
    /// other slot is not touched, and neither is this one when it holds the same file already.
    fn take_lane(&mut self, place: usize, loaded: Loaded) -> CommandResult<Option<LaneId>> {
        let the_same = |there: &Loaded| there.version == loaded.version && there.source.path == loaded.source.path;
        let mut before = None;
        if !self.slots[place].as_ref().is_some_and(the_same)
            && let Some(engine) = self.engine.clone()
        {
            let lane = self.spare_lane();
            engine.load(lane, loaded.source.clone())?;
            before = Some(std::mem::replace(&mut self.lanes[place], lane));
        }
        self.slots[place] = Some(loaded);
        Ok(before)
    }

    fn retire(&self, lane: Option<LaneId>) {
        if let (Some(engine), Some(lane)) = (&self.engine, lane) {
            engine.retire(lane);
        }
    }

    /// Tells the engine which slot is heard, or that the difference is.
    pub(super) fn tell_heard(&self) {
        let Some(engine) = &self.engine else { return };
        engine.set_active(self.lanes[index(self.active)]);
        engine.set_null(self.difference.then_some((self.lanes[1], self.lanes[0], 1.0)));
    }

    pub(super) fn tell_loop(&self) {
        let Some(engine) = &self.engine else { return };
        engine.set_loop_seconds(self.loop_s);
    }

    pub(super) fn seek(&mut self, seconds: f64) {
        match &self.engine {
            Some(engine) => engine.seek_seconds(seconds),
            None => self.start_s = seconds.min(self.duration_s()),
        }
    }

    /// A button of the blind test becomes the one that is heard.
    pub(super) fn hear_blind(&mut self, button: BlindButton) -> CommandResult<PlayerView> {
        if let Some(slot) = self.blind.as_mut().and_then(|test| test.hear(button)) {
            self.active = slot;
            self.tell_heard();
        }
        Ok(self.view())
    }

    /// The version whose preview sits in a slot, unless a blind test forbids touching it.
    pub(super) fn preview_in(&self, slot: Slot) -> Option<VersionId> {
        let loaded = self.slots[index(slot)].as_ref().filter(|loaded| loaded.is_preview)?;
        self.blind.as_ref().is_none_or(BlindTest::is_open).then(|| loaded.version.clone())
    }

    /// A lane of the engine that no slot uses: each time another one, because the last ones may still be fading.
    fn spare_lane(&mut self) -> LaneId {
        loop {
            self.last_lane = (self.last_lane + 1) % MAX_LANES as u8;
            if !self.lanes.contains(&LaneId(self.last_lane)) {
                return LaneId(self.last_lane);
            }
        }
    }

    pub(super) fn take_up(&mut self, memory: Memory, slots: [Option<Loaded>; 2]) {
        if self.slots.iter().any(Option::is_some) {
            // Somebody was faster than the database.
            return;
        }
        self.slots = slots;
        self.active = if memory.hears_b && self.slots[1].is_some() || self.slots[0].is_none() { Slot::B } else { Slot::A };
        if self.slots.iter().all(Option::is_none) {
            self.active = Slot::A;
        }
        self.start_s = memory.position_s.min(self.duration_s());
        self.loop_s = memory.loop_s.filter(|(_, to)| *to <= self.duration_s());
        self.volume = memory.volume.unwrap_or(self.volume);
        self.device = memory.device;
        self.level_match = !memory.unmatched;
    }

    pub(super) fn memory(&self) -> Memory {
        let id = |slot: usize| self.slots[slot].as_ref().map(|loaded| loaded.version.to_string());
        Memory {
            slots: [id(0), id(1)],
            hears_b: self.active == Slot::B,
            position_s: self.position_s(),
            loop_s: self.loop_s,
            volume: Some(self.volume),
            device: self.device.clone(),
            unmatched: !self.level_match,
        }
    }

    fn duration_s(&self) -> f64 {
        self.slots.iter().flatten().map(|loaded| loaded.duration_s).fold(0.0, f64::max)
    }

    fn position_s(&self) -> f64 {
        self.engine.as_ref().map_or(self.start_s, |engine| {
            let state = engine.state();
            state.position_frames as f64 / f64::from(state.rate.max(1))
        })
    }

    fn lane_view(&self, slot: Slot, state: Option<&PlayerState>) -> Option<LaneView> {
        let loaded = self.slots[index(slot)].as_ref()?;
        let lane = self.lanes[index(slot)];
        let gain = state.and_then(|state| state.lane_gains_db.iter().find(|(id, _)| *id == lane)).map_or(0.0, |(_, gain)| *gain);
        Some(LaneView {
            slot,
            version: loaded.version.to_string(),
            number: loaded.number,
            track_name: loaded.track_name.clone(),
            track: loaded.track.clone(),
            gain_db: gain,
            is_preview: loaded.is_preview,
            approximate: state.is_some_and(|state| state.approximate.contains(&lane)),
            duration_s: loaded.duration_s,
        })
    }

    fn note(&self, state: &PlayerState) -> Option<String> {
        Some(sentence(state.note?, self.position_s(), self.device.as_deref(), state.device.as_deref()))
    }

    pub(super) fn view(&self) -> PlayerView {
        let state = self.engine.as_ref().map(|engine| engine.state());
        let lanes = [Slot::A, Slot::B].into_iter().filter_map(|slot| self.lane_view(slot, state.as_ref())).collect();
        let mut view = PlayerView {
            playing: state.as_ref().is_some_and(|state| state.playing),
            position_s: self.position_s(),
            duration_s: self.duration_s(),
            lanes,
            active: self.active,
            level_match: self.level_match,
            loop_s: self.loop_s,
            volume: self.volume,
            device: state.as_ref().and_then(|state| state.device.clone()),
            device_wish: self.device.clone(),
            note: state.as_ref().and_then(|state| self.note(state)),
            difference: self.difference,
            nothing_to_match: state.is_some_and(|state| state.nothing_to_match),
            blind: None,
        };
        if let Some(test) = &self.blind {
            let number = |slot: usize| self.slots[slot].as_ref().map_or(0, |loaded| loaded.number);
            view.blind = Some(test.view([number(0), number(1)]));
            if !test.is_open() {
                hide(&mut view);
            }
        }
        view
    }
}

/// Takes out of a view whatever tells the versions apart.
fn hide(view: &mut PlayerView) {
    let longest = view.duration_s;
    for lane in &mut view.lanes {
        lane.version = String::new();
        lane.number = 0;
        lane.gain_db = 0.0;
        lane.approximate = false;
        lane.duration_s = longest;
    }
    view.level_match = true;
    view.nothing_to_match = false;
    view.active = match view.blind.as_ref().map(|blind| (blind.kind, blind.heard)) {
        Some((BlindKind::Compare, BlindButton::Y)) => Slot::B,
        _ => Slot::A,
    };
}

#[cfg(test)]
mod tests;
