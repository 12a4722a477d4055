//! An output without a sound card: renders when told to, in blocks as told, and gives the samples back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::core::RenderCore;
use crate::engine::output::{FaultSender, Output, StreamInfo, StreamWish};
use crate::error::AudioError;

/// How long a chunk may take to arrive before rendering gives up.
const FEED_LIMIT: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Stage {
    core: Option<RenderCore>,
}

/// The output to give to an engine.
pub struct OfflineOutput {
    rate: u32,
    stage: Arc<Mutex<Stage>>,
}

/// Renders what the engine plays into an [`OfflineOutput`].
pub struct OfflineDriver {
    stage: Arc<Mutex<Stage>>,
    blocks: Vec<usize>,
    next: usize,
    around: fn(&mut dyn FnMut()),
}

impl OfflineOutput {
    /// An output at `rate` frames per second and the driver that makes it run.
    pub fn new(rate: u32) -> (Self, OfflineDriver) {
        let stage = Arc::new(Mutex::new(Stage::default()));
        let driver = OfflineDriver { stage: Arc::clone(&stage), blocks: vec![512], next: 0, around: |render| render() };
        (OfflineOutput { rate, stage }, driver)
    }
}

impl Output for OfflineOutput {
    fn prepare(&mut self, _wish: &StreamWish) -> Result<StreamInfo, AudioError> {
        Ok(StreamInfo { device: "offline".to_owned(), rate: self.rate, channels: 2, period_frames: None, latency_frames: 0 })
    }

    fn open(&mut self, core: RenderCore, wish: &StreamWish, _faults: FaultSender) -> Result<StreamInfo, AudioError> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).core = Some(core);
        self.prepare(wish)
    }

    fn close(&mut self) {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).core = None;
    }
}

impl OfflineDriver {
    /// Renders in blocks of these sizes, over and over.
    pub fn set_blocks(&mut self, blocks: &[usize]) {
        self.blocks = blocks.iter().copied().filter(|size| *size > 0).collect();
        self.next = 0;
    }

    /// Runs every render call inside `around`, which must call its argument: a place for watching what rendering does.
    pub fn set_around(&mut self, around: fn(&mut dyn FnMut())) {
        self.around = around;
    }

    /// Renders `frames` frames as left and right, waiting for chunks where the engine has not made them yet.
    /// # Errors
    /// `Internal` when the engine is closed or does not deliver.
    pub fn render(&mut self, frames: usize) -> Result<[Vec<f32>; 2], AudioError> {
        self.run(frames, true)
    }

    /// Renders like a sound card: chunks that are not there yet are silence, and the playhead waits for them.
    /// # Errors
    /// `Internal` when the engine is closed.
    pub fn render_without_waiting(&mut self, frames: usize) -> Result<[Vec<f32>; 2], AudioError> {
        self.run(frames, false)
    }

    fn run(&mut self, frames: usize, wait: bool) -> Result<[Vec<f32>; 2], AudioError> {
        let mut out = [vec![0.0; frames], vec![0.0; frames]];
        let mut done = 0;
        while done < frames {
            let block = self.blocks.get(self.next % self.blocks.len().max(1)).copied().unwrap_or(512).min(frames - done);
            self.next += 1;
            let started = Instant::now();
            loop {
                let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
                let core = stage.core.as_mut().ok_or_else(|| AudioError::Internal { what: "the engine is closed".to_owned() })?;
                if !wait || core.is_ready(block) {
                    let [left, right] = &mut out;
                    let (left, right) = (&mut left[done..done + block], &mut right[done..done + block]);
                    (self.around)(&mut || core.render(left, right));
                    break;
                }
                drop(stage);
                if started.elapsed() > FEED_LIMIT {
                    return Err(AudioError::Internal { what: "a piece of the sound did not arrive".to_owned() });
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            done += block;
        }
        Ok(out)
    }
}
