//! Predicted floats: how many floats lie between the new sample and the old one times the gain. The product is taken in 64 bits and rounded
//! once (IEEE 754), so every machine computes the same; a gain that a mixer applied in 32 bits is met exactly, and one it applied before
//! it rounded to floats to within the last place.

/// A gain whose rest is as long as the samples themselves is no gain: bits of an average sample's rest at most.
const MOST_BITS: u64 = 14;

/// The gain that leaves least of the new floats, and what it leaves of each. Both are given by their bits.
pub(super) fn rest(new: &[u32], old: &[u32]) -> Option<(f64, Vec<i32>)> {
    let gain = least_squares(new, old).filter(|gain| super::is_plausible(*gain))?;
    // What a mixer keeps as a 32-bit number, unless the measured one fits better.
    let tries = [f64::from(gain as f32), gain].map(|gain| (gain, of_gain(new, old, gain)));
    let (gain, rest) = tries.into_iter().min_by_key(|(_, rest)| length(rest))?;
    (length(&rest) <= MOST_BITS * rest.len() as u64).then_some((gain, rest))
}

/// The new floats, by their bits.
pub(super) fn restored(rest: &[i32], old: &[u32], gain: f64) -> Vec<u32> {
    rest.iter().zip(old).map(|(rest, old)| bits(place(predicted(*old, gain)).wrapping_add(rest.cast_unsigned()))).collect()
}

fn of_gain(new: &[u32], old: &[u32], gain: f64) -> Vec<i32> {
    new.iter().zip(old).map(|(new, old)| place(*new).wrapping_sub(place(predicted(*old, gain))).cast_signed()).collect()
}

fn is_finite(bits: u32) -> bool {
    (bits >> 23) & 0xff != 0xff
}

/// Old bits times the gain. Infinities and what is no number stay as they are: what a product of those looks like is not said anywhere.
fn predicted(old: u32, gain: f64) -> u32 {
    if is_finite(old) { ((f64::from(f32::from_bits(old)) * gain) as f32).to_bits() } else { old }
}

/// Where a float stands in the row of all floats by size, the lowest at 0.
fn place(bits: u32) -> u32 {
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The bits of the float at a place.
fn bits(place: u32) -> u32 {
    if place >> 31 == 1 { place & !(1 << 31) } else { !place }
}

/// About how many bits a rest takes.
fn length(rest: &[i32]) -> u64 {
    rest.iter().map(|rest| u64::from(u32::BITS - rest.unsigned_abs().leading_zeros())).sum()
}

fn least_squares(new: &[u32], old: &[u32]) -> Option<f64> {
    let (mut cross, mut power) = (0_f64, 0_f64);
    for (new, old) in new.iter().zip(old).filter(|(new, old)| is_finite(**new) && is_finite(**old)) {
        let (new, old) = (f64::from(f32::from_bits(*new)), f64::from(f32::from_bits(*old)));
        cross += new * old;
        power += old * old;
    }
    (power > 0.0).then(|| cross / power)
}
