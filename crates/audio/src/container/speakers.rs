//! Where the channels of AIFF and CAF files belong: Apple's channel layout, `CHAN` and `chan` ("Core Audio Format Specification 1.0").

use crate::limits;

/// The longest layout that is read: a description of every channel there may be.
pub(super) const MOST_BYTES: u64 = 12 + 20 * limits::MAX_CHANNELS as u64;
/// The payload says which loudspeakers there are by a mask, in its order.
const BY_MASK: u32 = 1 << 16;
/// The payload describes every channel.
const DESCRIBED: u32 = 0;
/// Bytes of one description: label, flags, coordinates.
const DESCRIPTION: usize = 20;
/// Layouts with a number of their own (upper half; the lower one counts channels) whose channels are in the order of the mask.
const NAMED: [(u32, u32); 10] = [
    // Left, right, centre.
    (113, 0x7),
    // … and centre surround, or LFE.
    (115, 0x107),
    (136, 0xf),
    // Left, right and both surrounds.
    (108, 0x33),
    (131, 0x33),
    // Five channels, and with LFE six.
    (117, 0x37),
    (121, 0x3f),
    // Six and a centre surround.
    (125, 0x13f),
    // Seven: with left and right centre, and with sides and rears.
    (126, 0xff),
    (128, 0x63f),
];

/// The loudspeaker mask (as in WAVE EXTENSIBLE) of `channels` channels; 0 when the layout is none a mask can say.
pub(super) fn mask_of(data: &[u8], channels: u16) -> u32 {
    let long = |at: usize| data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (Some(tag), Some(bitmap), Some(count)) = (long(0), long(4), long(8)) else { return 0 };
    let mask = match tag {
        BY_MASK => bitmap,
        DESCRIBED if count == u32::from(channels) => {
            let labels = data.get(12..).unwrap_or_default().chunks_exact(DESCRIPTION).take(usize::from(channels));
            let speakers: Vec<Option<u32>> =
                labels.map(|entry| entry.first_chunk::<4>().and_then(|label| speaker(u32::from_be_bytes(*label)))).collect();
            // A mask says no order but its own.
            let is_ordered = speakers.windows(2).all(|pair| pair[0] < pair[1]);
            if is_ordered { speakers.into_iter().flatten().fold(0, |mask, speaker| mask | speaker) } else { 0 }
        }
        named if named & 0xffff == u32::from(channels) => {
            NAMED.iter().find(|(number, _)| *number == named >> 16).map_or(0, |(_, mask)| *mask)
        }
        _ => 0,
    };
    if mask.count_ones() == u32::from(channels) { mask } else { 0 }
}

/// The bit of a channel's label: the first eighteen are those of the mask.
fn speaker(label: u32) -> Option<u32> {
    (1..=18).contains(&label).then(|| 1 << (label - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(tag: u32, bitmap: u32, labels: &[u32]) -> Vec<u8> {
        let mut data: Vec<u8> = [tag, bitmap, labels.len() as u32].iter().flat_map(|word| word.to_be_bytes()).collect();
        for label in labels {
            data.extend(label.to_be_bytes());
            data.extend([0; 16]);
        }
        data
    }

    #[test]
    fn every_way_to_write_the_places_of_six_channels_is_read() {
        for data in [layout(BY_MASK, 0x3f, &[]), layout(121 << 16 | 6, 0, &[]), layout(DESCRIBED, 0, &[1, 2, 3, 4, 5, 6])] {
            assert_eq!(mask_of(&data, 6), 0x3f);
        }
        assert_eq!(mask_of(&layout(DESCRIBED, 0, &[1, 2, 3, 4, 10, 11]), 6), 0x60f, "sides instead of rears");
    }

    #[test]
    fn what_no_mask_can_say_is_unknown() {
        for (data, what) in [
            (layout(BY_MASK, 0x3, &[]), "places for two of six"),
            (layout(122 << 16 | 6, 0, &[]), "the centre comes fifth"),
            (layout(DESCRIBED, 0, &[1, 3, 2, 5, 6, 4]), "the order of films"),
            (layout(DESCRIBED, 0, &[1, 2]), "two descriptions"),
            (layout(DESCRIBED, 0, &[0, 0, 0, 0, 0, 0]), "labels without a meaning"),
            (layout(DESCRIBED, 0, &[1, 2, 3, 4, 5, 6])[..100].to_vec(), "cut short"),
            (Vec::new(), "nothing"),
        ] {
            assert_eq!(mask_of(&data, 6), 0, "{what}");
        }
    }
}
