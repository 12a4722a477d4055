//! Recognising, by their first bytes, formats that cannot be played, so that the message can name them.

use crate::container::Bytes;
use crate::error::AudioError;

/// Returns `NotAudio` or `Unsupported` for files that are certainly nothing we decode.
pub(super) fn refuse_known_others(bytes: &mut Bytes) -> Result<(), AudioError> {
    let mut head = [0_u8; 64];
    let got = bytes.read_at(0, &mut head)?;
    let head = &head[..got];
    if got == 0 {
        return Err(AudioError::NotAudio { reason: "the file is empty" });
    }
    if got < 12 {
        return Err(AudioError::NotAudio { reason: "the file is too short to hold sound" });
    }
    let unsupported = |format: &str| Err(AudioError::Unsupported { format: format.to_owned() });
    match head {
        [b'w', b'v', b'p', b'k', ..] => unsupported("WavPack"),
        [b'D', b'S', b'D', b' ', ..] | [b'F', b'R', b'M', b'8', ..] => unsupported("DSD"),
        [b'M', b'A', b'C', b' ', ..] => unsupported("Monkey's Audio (APE)"),
        [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, ..] => unsupported("WMA"),
        [b'T', b'T', b'A', b'1', ..] => unsupported("True Audio (TTA)"),
        [b'M', b'P', b'C', b'K', ..] | [b'M', b'P', b'+', ..] => unsupported("Musepack"),
        [b'#', b'!', b'A', b'M', b'R', ..] => unsupported("AMR"),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => unsupported("Matroska or WebM"),
        [b'O', b'g', b'g', b'S', ..] if head.windows(8).any(|w| w == b"OpusHead") => unsupported("Opus"),
        [b'O', b'g', b'g', b'S', ..] if head.windows(8).any(|w| w == b"Speex   ") => unsupported("Speex"),
        [b'M', b'T', b'h', b'd', ..] => Err(AudioError::NotAudio { reason: "it is a MIDI file; it holds notes, not sound" }),
        [b'P', b'K', 3, 4, ..] => Err(AudioError::NotAudio { reason: "it is a zip archive" }),
        [b'%', b'P', b'D', b'F', ..] => Err(AudioError::NotAudio { reason: "it is a PDF document" }),
        [0x89, b'P', b'N', b'G', ..] | [0xFF, 0xD8, 0xFF, ..] | [b'G', b'I', b'F', b'8', ..] => {
            Err(AudioError::NotAudio { reason: "it is a picture" })
        }
        _ => Ok(()),
    }
}
