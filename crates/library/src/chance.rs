//! Where the library takes its random numbers from: the system, or in tests a seed, so that a run can be done again.

#[cfg(any(test, feature = "testing"))]
mod seeded {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Lets everything on this thread that is random follow from `seed`.
    pub fn seed_random(seed: u64) {
        STATE.set(Some(seed));
    }

    /// The next number of the seed, if there is one (`SplitMix64`).
    pub(super) fn next() -> Option<u64> {
        let state = STATE.get()?.wrapping_add(0x9E37_79B9_7F4A_7C15);
        STATE.set(Some(state));
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Some(mixed ^ (mixed >> 31))
    }
}

#[cfg(any(test, feature = "testing"))]
pub use seeded::seed_random;

#[cfg(any(test, feature = "testing"))]
fn next() -> u64 {
    seeded::next().unwrap_or_else(rand::random)
}

#[cfg(not(any(test, feature = "testing")))]
fn next() -> u64 {
    rand::random()
}

/// A number in [0, 1).
pub(crate) fn fraction() -> f64 {
    (next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Random bytes.
pub(crate) fn bits<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for piece in bytes.chunks_mut(8) {
        piece.copy_from_slice(&next().to_le_bytes()[..piece.len()]);
    }
    bytes
}
