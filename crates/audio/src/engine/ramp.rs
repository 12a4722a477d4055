//! Gains that move smoothly. Pure arithmetic, one step per frame.

/// How two lanes share a ramp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Gains add up to one: for lanes that carry the same music.
    EqualGain,
    /// Powers add up to one: for lanes that differ.
    EqualPower,
}

/// A gain on its way from one value to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ramp {
    from: f32,
    to: f32,
    done: u32,
    length: u32,
    curve: Curve,
}

impl Ramp {
    /// A constant gain.
    pub(super) const fn still(gain: f32) -> Self {
        Ramp { from: gain, to: gain, done: 1, length: 1, curve: Curve::EqualGain }
    }

    /// The gain of the current frame.
    pub(super) fn value(&self) -> f32 {
        self.at(self.done)
    }

    /// Where the ramp leads.
    pub(super) fn target(&self) -> f32 {
        self.to
    }

    /// Whether the gain no longer moves.
    pub(super) fn is_still(&self) -> bool {
        self.done >= self.length
    }

    /// Frames until the gain no longer moves.
    pub(super) fn left(&self) -> usize {
        self.length.saturating_sub(self.done) as usize
    }

    /// Whether nothing is heard, now or later.
    pub(super) fn is_silent(&self) -> bool {
        self.is_still() && self.to == 0.0
    }

    /// Starts moving from the present value to `to` in `length` frames.
    pub(super) fn move_to(&mut self, to: f32, length: u32, curve: Curve) {
        *self = Ramp { from: self.value(), to, done: 0, length: length.max(1), curve };
    }

    /// Writes the gains of the next frames and moves on.
    pub(super) fn fill(&mut self, gains: &mut [f32]) {
        for gain in gains.iter_mut() {
            *gain = self.at(self.done);
            self.done = (self.done + 1).min(self.length);
        }
    }

    /// Moves on without writing.
    pub(super) fn skip(&mut self, frames: usize) {
        self.done = self.done.saturating_add(u32::try_from(frames).unwrap_or(u32::MAX)).min(self.length);
    }

    fn at(&self, done: u32) -> f32 {
        if done >= self.length {
            return self.to;
        }
        let share = done as f32 / self.length as f32;
        match self.curve {
            Curve::EqualGain => self.from + (self.to - self.from) * share,
            Curve::EqualPower => {
                let angle = share * std::f32::consts::FRAC_PI_2;
                // The rising side follows a sine, the falling side a cosine.
                if self.to.abs() >= self.from.abs() {
                    self.from + (self.to - self.from) * angle.sin()
                } else {
                    self.to + (self.from - self.to) * angle.cos()
                }
            }
        }
    }
}
