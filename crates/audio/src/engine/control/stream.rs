//! The control thread's care for the stream: opening it, bringing a fresh core up to date, noticing faults, building it again.
//!
//! All state lives in [`Control`], never in the stream, so a lost device loses nothing but sound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::decode::Decoder;
use crate::engine::control::{Control, Lane, Message};
use crate::engine::core::RenderCore;
use crate::engine::lane::{LaneWorker, Placement};
use crate::engine::link::{Command, Link, LoopRange};
use crate::engine::output::{Fault, FaultSender, StreamInfo, StreamWish};
use crate::engine::state::Note;
use crate::error::AudioError;

/// A device that has asked for nothing this long while playing is lost.
const SILENT_DEVICE: Duration = Duration::from_secs(1);
/// A stream may take this long to ask for its first frames.
const SLOW_START: Duration = Duration::from_secs(8);
/// Reports of one fault within this time are one fault.
const DEBOUNCE: Duration = Duration::from_millis(500);
/// Waits between attempts to open a device.
const BACK_OFF: [Duration; 4] = [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// Waits between looks for the wished device while another one stands in for it.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After so many gaps the next stream gets longer periods, up to the given length.
const GAPS: u64 = 3;
const MAX_PERIOD_FRAMES: u32 = 4_096;

impl Control {
    pub(super) fn open_stream(&mut self) {
        self.device.opened = Instant::now();
        self.resting = None;
        let stood_in = std::mem::take(&mut self.device.standing_in);
        let mut opened = self.try_stream(&self.wish.clone());
        if matches!(opened, Err(AudioError::NoDevice)) && self.wish.device.is_some() {
            opened = self.try_stream(&StreamWish { device: None, ..self.wish.clone() });
            self.device.standing_in = opened.is_ok();
        }
        self.device.look_at = self.device.standing_in.then(|| Instant::now() + LOOK_EVERY);
        match opened {
            Ok((info, link)) => {
                self.stream = Some(info);
                if self.device.standing_in && !stood_in {
                    // Whoever chose headphones may not want the room to hear it.
                    self.playing = false;
                    self.note = Some(Note::StandIn);
                }
                self.link = Some(link);
                self.finished_seen = 0;
                self.device.retry_at = None;
                self.device.attempts = 0;
                self.device.rendered = 0;
                self.device.changed = Instant::now();
                self.device.used = self.device.changed;
                let over = match self.note {
                    Some(Note::NoDevice | Note::DeviceBusy) => true,
                    Some(Note::StandIn) => !self.device.standing_in,
                    _ => false,
                };
                if over {
                    self.note = None;
                }
                self.send_everything();
            }
            Err(error) => {
                tracing::info!(%error, "no sound output could be opened");
                if self.note != Some(Note::DeviceLost) {
                    self.note = Some(if matches!(error, AudioError::DeviceBusy) { Note::DeviceBusy } else { Note::NoDevice });
                }
                self.stream = None;
                self.link = None;
                self.playing = false;
                let wait = BACK_OFF[self.device.attempts.min(BACK_OFF.len() - 1)];
                self.device.attempts += 1;
                self.device.retry_at = Some(Instant::now() + wait);
            }
        }
    }

    fn try_stream(&mut self, wish: &StreamWish) -> Result<(StreamInfo, Link), AudioError> {
        let info = self.output.prepare(wish)?;
        self.change_rate(info.rate);
        let (core, link) = RenderCore::new(info.rate);
        self.faults = FaultSender::default();
        let info = self.output.open(core, wish, self.faults.clone())?;
        Ok((info, link))
    }

    /// Looks for the wished device on a thread of its own, because asking the system for its devices takes its time.
    fn look_for_wished(&mut self) {
        self.device.look_at = None;
        let (look, results) = (self.output.look(&self.wish), self.results.clone());
        // The engine may be gone by the time it is found.
        let work = move || drop(results.send(Message::Looked(look())));
        if let Err(error) = std::thread::Builder::new().name("device-look".to_owned()).spawn(work) {
            tracing::error!(%error, "no thread for looking for the chosen device");
        }
    }

    /// The wished device is back: play on there.
    pub(super) fn looked(&mut self, found: bool) {
        if !self.device.standing_in || self.stream.is_none() {
            return;
        }
        if found {
            self.rebuild_stream();
        } else {
            self.device.look_at = Some(Instant::now() + LOOK_EVERY);
        }
    }

    /// Brings a fresh core to the present state.
    fn send_everything(&mut self) {
        for number in 0..self.lanes.len() {
            if self.lanes[number].is_some() {
                self.send_lane(number);
            }
        }
        let mut chunks: Vec<Command> = Vec::new();
        for ((number, index), resident) in &self.resident {
            if let Some(lane) = &self.lanes[*number] {
                let chunk = Some(Arc::clone(&resident.chunk));
                chunks.push(Command::Chunk { lane: *number, epoch: lane.epoch, index: *index, chunk });
            }
        }
        chunks.into_iter().for_each(|command| self.send(command));
        let (duration, position, looping) = (self.duration, self.position, self.looping);
        self.send(Command::Duration(duration));
        self.send(Command::Seek(position));
        self.send(Command::Loop(looping));
        self.send_gains();
        if self.playing {
            self.send(Command::Play);
        }
        for retiring in self.retiring.clone() {
            self.mark_retiring(retiring.lane);
        }
    }

    /// Moves the timeline to another rate; the musical position stays.
    fn change_rate(&mut self, rate: u32) {
        if rate == self.rate || rate == 0 {
            return;
        }
        let (old, new) = (u128::from(self.rate), u128::from(rate));
        let scale = |frame: u64| ((u128::from(frame) * new + old / 2) / old) as u64;
        self.position = scale(self.position);
        self.wished_loop = self.wished_loop.map(|range| LoopRange { start: scale(range.start), end: scale(range.end) });
        self.rate = rate;
        self.resident.clear();
        for number in 0..self.lanes.len() {
            let Some(Lane { source, placement, worker, gain_db, .. }) = self.lanes[number].take() else { continue };
            // Its decoded copy makes room for the next one.
            drop(worker);
            let placement = Placement { timeline_rate: rate, ..placement };
            let epoch = self.next_epoch;
            self.next_epoch = self.next_epoch.wrapping_add(1);
            let worker = Decoder::open(&source.path)
                .and_then(|decoder| LaneWorker::start(number, epoch, placement.clone(), decoder, &self.proxies, self.results.clone()));
            match worker {
                Ok(worker) => self.lanes[number] = Some(Lane { source, placement, epoch, worker, in_work: Vec::new(), gain_db }),
                Err(error) => {
                    tracing::warn!(%error, lane = number, "a lane could not be opened again");
                    self.note = Some(Note::LaneDamaged);
                }
            }
        }
        self.duration = self.lanes.iter().flatten().map(|lane| lane.placement.timeline_frames()).max().unwrap_or(0);
        self.looping = self.loop_here();
    }

    pub(super) fn rebuild_stream(&mut self) {
        self.output.close();
        // What was rendered up to the very end counts as played.
        self.follow_playhead();
        self.link = None;
        self.stream = None;
        self.open_stream();
    }

    pub(super) fn watch_device(&mut self) {
        let now = Instant::now();
        if let Some(at) = self.device.retry_at {
            if now >= at {
                self.open_stream();
            }
            return;
        }
        if self.device.look_at.is_some_and(|at| now >= at) {
            self.look_for_wished();
        }
        let Some(stream) = &self.stream else { return };
        let real_time = stream.period_frames.is_some();
        let rendered = self.link.as_ref().map_or(0, |link| link.playhead().rendered());
        if rendered != self.device.rendered || !self.playing {
            self.device.rendered = rendered;
            self.device.changed = now;
        }
        if self.playing {
            self.device.used = now;
        }
        let patience = if rendered == 0 { SLOW_START } else { SILENT_DEVICE };
        let starved = real_time && self.playing && now - self.device.changed > patience;
        let settled = now - self.device.opened > DEBOUNCE;
        match if settled { self.faults.take().or(starved.then_some(Fault::Lost)) } else { None } {
            Some(Fault::Lost) => {
                self.playing = false;
                self.note = Some(Note::DeviceLost);
                self.rebuild_stream();
            }
            Some(Fault::Invalidated | Fault::Busy) => self.rebuild_stream(),
            None if !self.playing
                && self.faults.xruns() >= GAPS
                && stream.period_frames.is_some_and(|period| period < MAX_PERIOD_FRAMES) =>
            {
                // Only while nothing is heard: a new stream takes its time.
                self.wish.period_frames = stream.period_frames.map(|period| (period * 2).min(MAX_PERIOD_FRAMES));
                self.rebuild_stream();
            }
            None if real_time && now - self.device.used > self.idle_limit => {
                self.output.close();
                self.link = None;
                self.resting = self.stream.take().map(|stream| stream.device);
                self.device.look_at = None;
            }
            None => {}
        }
    }
}
