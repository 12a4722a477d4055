//! Any number of channels to two, for listening. Pure arithmetic.

/// Front left, front right, front centre, LFE, back left, back right, … in the order of WAVE EXTENSIBLE's mask.
const FRONT_LEFT: u32 = 1;
const FRONT_RIGHT: u32 = 1 << 1;
const FRONT_CENTRE: u32 = 1 << 2;
const LOW_FREQUENCY: u32 = 1 << 3;
const LEFT_SIDE: u32 = 1 << 4 | 1 << 6 | 1 << 9;
const RIGHT_SIDE: u32 = 1 << 5 | 1 << 7 | 1 << 10;
/// −3 dB.
const MINUS_3_DB: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// How channels go to left and right.
#[derive(Clone, Debug, PartialEq)]
pub struct Downmix {
    /// Per channel its share of left and of right.
    weights: Vec<(f32, f32)>,
    plain: bool,
    known_layout: bool,
}

impl Downmix {
    /// The mix for `channels` channels with loudspeaker mask `mask`, 0 when unknown. Mono goes to both sides; known layouts
    /// follow ITU-R BS.775 (centre and surrounds −3 dB, no LFE); of unknown ones the first two channels are heard.
    pub fn new(channels: u16, mask: u32) -> Self {
        let known_layout = channels <= 2 || mask.count_ones() == u32::from(channels);
        let weights: Vec<(f32, f32)> = match channels {
            1 => vec![(1.0, 1.0)],
            2 => vec![(1.0, 0.0), (0.0, 1.0)],
            _ if known_layout => (0..32).map(|bit| 1_u32 << bit).filter(|bit| mask & bit != 0).map(weight).collect(),
            _ => (0..channels).map(|channel| (f32::from(channel == 0), f32::from(channel == 1))).collect(),
        };
        Downmix { weights, plain: channels <= 2, known_layout }
    }

    /// Whether every channel's place was known; if not, only channels 1 and 2 are heard.
    pub fn known_layout(&self) -> bool {
        self.known_layout
    }

    /// Appends the two-channel mix of `planes` to `left` and `right`.
    pub fn mix(&self, planes: &[Vec<f32>], left: &mut Vec<f32>, right: &mut Vec<f32>) {
        if let (true, [first, .., last] | [first @ last]) = (self.plain, planes) {
            left.extend_from_slice(first);
            right.extend_from_slice(last);
            return;
        }
        let frames = planes.first().map_or(0, Vec::len);
        let (from_left, from_right) = (left.len(), right.len());
        left.resize(from_left + frames, 0.0);
        right.resize(from_right + frames, 0.0);
        for (plane, (to_left, to_right)) in planes.iter().zip(&self.weights) {
            for (out, share) in [(&mut left[from_left..], to_left), (&mut right[from_right..], to_right)] {
                if *share != 0.0 {
                    out.iter_mut().zip(plane).for_each(|(out, sample)| *out += sample * share);
                }
            }
        }
    }
}

fn weight(speaker: u32) -> (f32, f32) {
    match speaker {
        FRONT_LEFT => (1.0, 0.0),
        FRONT_RIGHT => (0.0, 1.0),
        FRONT_CENTRE => (MINUS_3_DB, MINUS_3_DB),
        LOW_FREQUENCY => (0.0, 0.0),
        side if side & LEFT_SIDE != 0 => (MINUS_3_DB, 0.0),
        side if side & RIGHT_SIDE != 0 => (0.0, MINUS_3_DB),
        _ => (MINUS_3_DB * MINUS_3_DB, MINUS_3_DB * MINUS_3_DB),
    }
}
