//! The seam between the engine and whatever takes its samples.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::engine::core::RenderCore;
use crate::error::AudioError;

/// What the engine would like from an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamWish {
    /// The device by name; `None` is the default one.
    pub device: Option<String>,
    /// Frames per period; `None` leaves it to the output.
    pub period_frames: Option<u32>,
}

/// What an output gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// Name of the device.
    pub device: String,
    /// Frames per second.
    pub rate: u32,
    /// Channels of the device; the engine renders two.
    pub channels: u16,
    /// Frames per period, when known.
    pub period_frames: Option<u32>,
    /// Frames between rendering and hearing, when known.
    pub latency_frames: u32,
}

/// What happened to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The device is gone: stop there, tell the user.
    Lost,
    /// The stream must be built again: go on playing.
    Invalidated,
    /// Another program holds the device.
    Busy,
}

/// How an output reports faults: it sets a flag and nothing else, so it may be used from any callback.
#[derive(Clone, Debug, Default)]
pub struct FaultSender {
    flags: Arc<AtomicU8>,
    xruns: Arc<AtomicU64>,
    overs: Arc<AtomicU64>,
}

impl FaultSender {
    /// Reports a fault.
    pub fn report(&self, fault: Fault) {
        self.flags.fetch_or(bit(fault), Ordering::AcqRel);
    }

    /// Counts a gap in the stream.
    pub fn count_xrun(&self) {
        self.xruns.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts samples that had to be clamped to full scale.
    pub fn count_overs(&self, samples: u64) {
        self.overs.fetch_add(samples, Ordering::Relaxed);
    }

    /// Gaps so far.
    pub fn xruns(&self) -> u64 {
        self.xruns.load(Ordering::Relaxed)
    }

    /// Clamped samples so far.
    pub fn overs(&self) -> u64 {
        self.overs.load(Ordering::Relaxed)
    }

    /// Takes the worst reported fault; a burst of reports is one fault.
    pub fn take(&self) -> Option<Fault> {
        let flags = self.flags.swap(0, Ordering::AcqRel);
        [Fault::Lost, Fault::Invalidated, Fault::Busy].into_iter().find(|fault| flags & bit(*fault) != 0)
    }
}

fn bit(fault: Fault) -> u8 {
    match fault {
        Fault::Lost => 1,
        Fault::Invalidated => 2,
        Fault::Busy => 4,
    }
}

/// Takes the samples of a render core.
pub trait Output {
    /// The rate the output will run at, asked before a core is made.
    /// # Errors
    /// `NoDevice`, `DeviceBusy`, `DeviceLost`.
    fn prepare(&mut self, wish: &StreamWish) -> Result<StreamInfo, AudioError>;

    /// Starts calling [`RenderCore::render`]; the core was made for the rate [`Output::prepare`] gave.
    /// # Errors
    /// `NoDevice`, `DeviceBusy`, `DeviceLost`.
    fn open(&mut self, core: RenderCore, wish: &StreamWish, faults: FaultSender) -> Result<StreamInfo, AudioError>;

    /// Stops and drops the core.
    fn close(&mut self);

    /// A look whether the wished device is there. It may take its time and runs on a thread of its own. An output that never opens
    /// another device than the wished one need not look.
    fn look(&self, _wish: &StreamWish) -> Box<dyn FnOnce() -> bool + Send> {
        Box::new(|| false)
    }
}
