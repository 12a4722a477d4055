//! The render core: what runs inside the audio callback. It never decodes, locks, allocates, frees, logs or does I/O.
//!
//! One playhead moves over all lanes at once, so a flip is nothing but a change of gains at the same frame.

use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::engine::chunk::CHUNK_FRAMES;
use crate::engine::link::{Command, Gains, Garbage, LaneSlots, Link, LoopRange, Playhead};
use crate::engine::ramp::{Curve, Ramp};
use crate::limits;

/// Frames rendered in one step at most.
const STEP: usize = 128;
/// Commands and pieces of garbage under way at most.
const RING: usize = 4_096;
/// Fades around a seek or a pause, in milliseconds.
const FADE_MS: u32 = 3;
/// Cross-fade at the end of a loop, in milliseconds.
const LOOP_FADE_MS: u32 = 4;
/// A lane is opened only with the sound of this much beyond the playhead at hand, so that it does not run dry right after.
const OPENING_MS: u64 = 100;
/// Commands applied per block at most, so that no block takes long.
const COMMANDS_PER_BLOCK: usize = 1_024;

/// One lane inside the core.
struct Lane {
    slots: Option<Box<LaneSlots>>,
    gain: Ramp,
}

/// The place a seek came from, heard for the length of a fade.
#[derive(Clone, Copy)]
struct Tail {
    position: u64,
    fade: Ramp,
    /// The gains at the moment of the seek.
    gains: [f32; limits::MAX_LANES],
}

/// The core. Outputs own it and call [`RenderCore::render`].
pub struct RenderCore {
    rate: u32,
    lanes: [Lane; limits::MAX_LANES],
    position: u64,
    duration: u64,
    playing: bool,
    stalled: bool,
    /// A pause that waits for its fade.
    stopping: bool,
    /// The transport: fades in after a seek, out before a pause.
    transport: Ramp,
    tail: Option<Tail>,
    /// A seek that waits for its chunk fades in once it has it.
    fade_in_due: bool,
    looping: Option<LoopRange>,
    /// Gains waiting for the lanes they open to have their chunk.
    pending: Option<Box<Gains>>,
    commands: Consumer<Command>,
    garbage: Producer<Garbage>,
    playhead: Arc<Playhead>,
}

impl RenderCore {
    /// A core for `rate` frames per second, with the link that controls it.
    pub fn new(rate: u32) -> (Self, Link) {
        let (commands_in, commands) = RingBuffer::new(RING);
        let (garbage, garbage_out) = RingBuffer::new(RING);
        let playhead = Arc::new(Playhead::default());
        let core = RenderCore {
            rate,
            lanes: std::array::from_fn(|_| Lane { slots: None, gain: Ramp::still(0.0) }),
            position: 0,
            duration: 0,
            playing: false,
            stalled: false,
            stopping: false,
            transport: Ramp::still(1.0),
            tail: None,
            fade_in_due: false,
            looping: None,
            pending: None,
            commands,
            garbage,
            playhead: Arc::clone(&playhead),
        };
        (core, Link { commands: commands_in, garbage: garbage_out, playhead, waiting: std::collections::VecDeque::new(), sent: 0 })
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Renders the next frames into `left` and `right`, which have the same length. Every sample is written.
    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        self.apply_commands();
        let total = left.len().min(right.len());
        let mut done = 0;
        while done < total {
            let frames = (total - done).min(STEP);
            let (left, right) = (&mut left[done..done + frames], &mut right[done..done + frames]);
            done += self.step(left, right);
        }
        self.playhead.publish(self.position, self.playing && !self.stopping, self.stalled, self.audible());
        // Last: who sees the count sees what was published before it.
        self.playhead.count_rendered(total as u64);
    }

    /// Applies waiting commands and tells whether the next `frames` frames can be rendered without waiting for a chunk.
    pub fn is_ready(&mut self, frames: usize) -> bool {
        self.apply_commands();
        if !self.playing || self.pending.as_ref().is_some_and(|gains| !self.opens(gains)) {
            return !self.playing;
        }
        let first = self.position;
        let last = (first + frames as u64).min(self.duration).saturating_sub(1).max(first);
        let mut ready = self.heard(first) && self.heard(last);
        if let Some(range) = self.looping
            && (range.start..range.end).contains(&first)
            && last + self.loop_fade(range) as u64 >= range.end
        {
            ready &= self.heard(range.start) && self.heard(range.start.saturating_sub(self.loop_fade(range) as u64));
            ready &= self.heard((range.start + frames as u64).min(range.end - 1));
        }
        ready
    }

    fn apply_commands(&mut self) {
        for _ in 0..COMMANDS_PER_BLOCK {
            // Whatever a command retires must have a place to go before it is taken.
            if self.garbage.slots() < 4 {
                break;
            }
            let Ok(command) = self.commands.pop() else { break };
            self.apply(command);
            self.playhead.count_applied();
        }
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::Lane { lane, slots } => {
                if let Some(place) = self.lanes.get_mut(lane) {
                    let old = std::mem::replace(&mut place.slots, slots);
                    self.retire(old.map(Garbage::Lane));
                } else {
                    self.retire(slots.map(Garbage::Lane));
                }
            }
            Command::Chunk { lane, epoch, index, chunk } => {
                let slots = self.lanes.get_mut(lane).and_then(|lane| lane.slots.as_mut()).filter(|slots| slots.epoch == epoch);
                let old = match slots.and_then(|slots| slots.chunks.get_mut(index)) {
                    Some(place) => std::mem::replace(place, chunk),
                    None => chunk,
                };
                self.retire(old.map(Garbage::Chunk));
            }
            Command::Play => {
                self.stopping = false;
                if self.transport.target() != 1.0 {
                    self.transport.move_to(1.0, self.fade_frames(), Curve::EqualGain);
                }
                self.playing = true;
            }
            Command::Pause if self.playing && !self.stalled => {
                self.stopping = true;
                self.transport.move_to(0.0, self.fade_frames(), Curve::EqualGain);
            }
            Command::Pause => self.stop(),
            Command::Seek(frame) => self.seek(frame),
            Command::Gains(gains) => {
                let old = self.pending.replace(gains);
                self.retire(old.map(Garbage::Gains));
                if !self.playing {
                    self.take_gains(true);
                }
            }
            Command::Loop(range) => self.looping = range.filter(|range| range.start < range.end),
            Command::Duration(frames) => self.duration = frames,
        }
    }

    fn retire(&mut self, garbage: Option<Garbage>) {
        if let Some(garbage) = garbage
            && let Err(rtrb::PushError::Full(garbage)) = self.garbage.push(garbage)
        {
            // Room was checked before the command was taken. Leaking is still better than freeing here.
            std::mem::forget(garbage);
        }
    }

    fn seek(&mut self, frame: u64) {
        // What a seek before this one led to was not heard yet: what fades is still the place before both.
        if self.playing && !self.stalled && !self.fade_in_due {
            let mut fade = Ramp::still(self.transport.value());
            fade.move_to(0.0, self.fade_frames(), Curve::EqualGain);
            let gains = std::array::from_fn(|number| self.lanes[number].gain.value());
            self.tail = Some(Tail { position: self.position, fade, gains });
            self.fade_in_due = true;
        }
        self.position = frame.min(self.duration);
    }

    fn stop(&mut self) {
        self.playing = false;
        self.stopping = false;
        self.stalled = false;
        self.fade_in_due = false;
        self.tail = None;
        self.transport = Ramp::still(1.0);
        self.take_gains(true);
    }

    /// Starts the ramp to waiting gains, at once when `now`, else when every lane they open has its chunk.
    fn take_gains(&mut self, now: bool) {
        let Some(gains) = self.pending.take() else { return };
        if !now && !self.opens(&gains) {
            self.pending = Some(gains);
            return;
        }
        for (lane, target) in self.lanes.iter_mut().zip(gains.targets) {
            if now {
                lane.gain = Ramp::still(target);
            } else if lane.gain.target() != target {
                lane.gain.move_to(target, gains.ramp_frames, gains.curve);
            }
        }
        self.retire(Some(Garbage::Gains(gains)));
    }

    fn opens(&self, gains: &Gains) -> bool {
        let nothing_heard = self.lanes.iter().all(|lane| lane.gain.is_silent());
        let soon = self.position + u64::from(self.rate) * OPENING_MS / 1_000;
        let opens = |lane: &Lane| is_there(lane, self.position) && (!lane.gain.is_silent() || is_there(lane, soon));
        nothing_heard || self.lanes.iter().zip(gains.targets).all(|(lane, target)| target == 0.0 || opens(lane))
    }

    /// The lanes that are heard or fading, one bit each.
    fn audible(&self) -> u32 {
        if !self.playing {
            return 0;
        }
        self.lanes.iter().enumerate().fold(0, |heard, (number, lane)| {
            let fades = self.tail.is_some_and(|tail| tail.gains[number] != 0.0);
            heard | (u32::from(fades || !lane.gain.is_silent()) << number)
        })
    }

    /// Whether every lane that is heard has its chunk for `frame`.
    fn heard(&self, frame: u64) -> bool {
        let pending = self.pending.as_ref().map(|gains| gains.targets);
        self.lanes.iter().enumerate().all(|(number, lane)| {
            let opening = pending.is_some_and(|targets| targets[number] != 0.0);
            (lane.gain.is_silent() && !opening) || is_there(lane, frame)
        })
    }

    fn fade_frames(&self) -> u32 {
        (self.rate * FADE_MS / 1_000).max(1)
    }

    fn loop_fade(&self, range: LoopRange) -> u32 {
        let half = u32::try_from((range.end - range.start) / 2).unwrap_or(u32::MAX);
        (self.rate * LOOP_FADE_MS / 1_000).min(half)
    }

    /// Renders at most the given frames; returns how many.
    fn step(&mut self, left: &mut [f32], right: &mut [f32]) -> usize {
        let wanted = left.len();
        if !self.playing {
            left.fill(0.0);
            right.fill(0.0);
            return wanted;
        }
        self.take_gains(false);
        if self.position >= self.duration {
            left.fill(0.0);
            right.fill(0.0);
            self.stop();
            self.playhead.count_finished();
            return wanted;
        }
        if !self.lanes.iter().all(|lane| lane.gain.is_silent() || is_there(lane, self.position)) {
            return self.hold(left, right);
        }
        self.stalled = false;
        if self.fade_in_due {
            self.fade_in_due = false;
            if !self.stopping {
                self.transport = Ramp::still(0.0);
                self.transport.move_to(1.0, self.fade_frames(), Curve::EqualGain);
            }
        }
        let (frames, fade_from) = self.stretch(wanted);
        let (left, right) = (&mut left[..frames], &mut right[..frames]);
        left.fill(0.0);
        right.fill(0.0);
        let mut shape = [1.0_f32; STEP];
        let plain = self.transport.is_still() && self.transport.target() == 1.0;
        if !plain {
            self.transport.fill(&mut shape[..frames]);
        }
        self.mix(left, right, &mut shape, plain, fade_from);
        self.mix_tail(left, right);
        self.advance(frames);
        frames
    }

    /// How many frames can be rendered in one go, and, near the end of a loop, where the audio before its start is taken from.
    fn stretch(&self, wanted: usize) -> (usize, Option<(i64, u32, u32)>) {
        let mut frames = (wanted as u64).min(self.duration - self.position).min(chunk_rest(self.position));
        if self.stopping {
            // The pause falls on the frame its fade ends, however the output cuts its blocks.
            frames = frames.min(self.transport.left().max(1) as u64);
        }
        let mut fade_from = None;
        if let Some(range) = self.looping.filter(|range| self.position < range.end && self.position >= range.start) {
            let length = self.loop_fade(range);
            let fade_start = range.end - u64::from(length);
            if self.position < fade_start {
                frames = frames.min(fade_start - self.position);
            } else {
                frames = frames.min(range.end - self.position);
                let before = range.start as i64 - (range.end - self.position) as i64;
                frames = frames.min(if before < 0 { before.unsigned_abs() } else { chunk_rest(before as u64) });
                fade_from = Some((before, (self.position - fade_start) as u32, length));
            }
        }
        (frames as usize, fade_from)
    }

    /// Adds every lane that is heard.
    fn mix(&mut self, left: &mut [f32], right: &mut [f32], shape: &mut [f32; STEP], plain: bool, fade_from: Option<(i64, u32, u32)>) {
        let frames = left.len();
        let mut first = true;
        for lane in &mut self.lanes {
            if lane.gain.is_silent() {
                continue;
            }
            let mut gains = [lane.gain.target(); STEP];
            let steady = lane.gain.is_still() && plain && fade_from.is_none();
            if !lane.gain.is_still() {
                lane.gain.fill(&mut gains[..frames]);
            }
            let gains = &mut gains[..frames];
            if !plain {
                gains.iter_mut().zip(shape.iter()).for_each(|(gain, shape)| *gain *= shape);
            }
            if let Some((before, done, length)) = fade_from {
                let mut rising = [0.0_f32; STEP];
                for (index, (gain, rising)) in gains.iter_mut().zip(&mut rising).enumerate() {
                    let share = (done + index as u32 + 1) as f32 / (length + 1) as f32;
                    *rising = *gain * share;
                    *gain *= 1.0 - share;
                }
                if before >= 0
                    && let Some((l, r)) = samples(lane, before as u64, frames)
                {
                    add(left, l, &rising[..frames]);
                    add(right, r, &rising[..frames]);
                    first = false;
                }
            }
            if let Some((l, r)) = samples(lane, self.position, frames) {
                if first && steady && gains.first() == Some(&1.0) {
                    left[..l.len()].copy_from_slice(l);
                    right[..r.len()].copy_from_slice(r);
                } else {
                    add(left, l, gains);
                    add(right, r, gains);
                }
                first = false;
            }
        }
    }

    /// Adds what was heard before a seek, fading.
    fn mix_tail(&mut self, left: &mut [f32], right: &mut [f32]) {
        let Some(mut tail) = self.tail.take() else { return };
        let mut done = 0;
        while done < left.len() && !tail.fade.is_still() {
            let frames = (left.len() - done).min(chunk_rest(tail.position) as usize);
            let mut fade = [0.0_f32; STEP];
            tail.fade.fill(&mut fade[..frames]);
            for (lane, gain) in self.lanes.iter().zip(tail.gains) {
                if gain != 0.0
                    && let Some((l, r)) = samples(lane, tail.position, frames)
                {
                    let mut gains = [0.0_f32; STEP];
                    gains.iter_mut().zip(&fade).for_each(|(out, fade)| *out = fade * gain);
                    add(&mut left[done..], l, &gains[..frames]);
                    add(&mut right[done..], r, &gains[..frames]);
                }
            }
            tail.position += frames as u64;
            done += frames;
        }
        self.tail = Some(tail).filter(|tail| !tail.fade.is_still());
    }

    fn advance(&mut self, frames: usize) {
        self.position += frames as u64;
        if let Some(range) = self.looping
            && self.position == range.end
        {
            self.position = range.start;
        }
        if self.stopping && self.transport.is_still() {
            self.stop();
        }
    }

    /// Waits for a chunk: silence, and the playhead stays. What was heard before still fades out.
    fn hold(&mut self, left: &mut [f32], right: &mut [f32]) -> usize {
        left.fill(0.0);
        right.fill(0.0);
        self.mix_tail(left, right);
        if !self.stalled {
            self.stalled = true;
            self.playhead.count_stall();
        }
        if self.stopping {
            self.transport.skip(left.len());
            if self.transport.is_still() {
                self.stop();
            }
        }
        left.len()
    }
}

/// Frames left in the chunk that holds `frame`.
fn chunk_rest(frame: u64) -> u64 {
    CHUNK_FRAMES as u64 - frame % CHUNK_FRAMES as u64
}

/// Whether a lane can be played at `frame`: its chunk is there, or it is silent there.
fn is_there(lane: &Lane, frame: u64) -> bool {
    let Some(slots) = &lane.slots else { return true };
    frame >= slots.frames || slots.chunks.get((frame / CHUNK_FRAMES as u64) as usize).is_none_or(Option::is_some)
}

/// Up to `frames` samples of a lane from `frame` on, within one chunk; `None` where it is silent.
fn samples(lane: &Lane, frame: u64, frames: usize) -> Option<(&[f32], &[f32])> {
    let slots = lane.slots.as_ref()?;
    let chunk = slots.chunks.get((frame / CHUNK_FRAMES as u64) as usize)?.as_ref()?;
    let from = (frame % CHUNK_FRAMES as u64) as usize;
    let to = from + frames.min(CHUNK_FRAMES - from);
    let (left, right) = chunk.planes();
    Some((&left[from..to], &right[from..to]))
}

fn add(out: &mut [f32], samples: &[f32], gains: &[f32]) {
    for ((out, sample), gain) in out.iter_mut().zip(samples).zip(gains) {
        *out += sample * gain;
    }
}
