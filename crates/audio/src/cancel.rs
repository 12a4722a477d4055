//! A flag that stops long work. It never blocks and it cannot be taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::AudioError;

/// A cancel flag; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the work holding this flag to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Returns [`AudioError::Cancelled`] once somebody asked to stop.
    /// # Errors
    /// `Cancelled`.
    pub fn check(&self) -> Result<(), AudioError> {
        if self.is_cancelled() { Err(AudioError::Cancelled) } else { Ok(()) }
    }
}
