//! QR codes, as a path to draw: screens insert no markup, so they get numbers.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

use crate::view::accounts::QrView;

/// The QR code of a text; an empty one for a text too long for any.
pub(super) fn qr(text: &str) -> QrView {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return QrView { size: 0, path: String::new() } };
    let width = code.width();
    let mut path = String::new();
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            // Writing to a text does not fail.
            let _ = write!(path, "M{} {}h1v1h-1z", place % width, place / width);
        }
    }
    QrView { size: u32::try_from(width).unwrap_or_default(), path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_draws_the_three_corners_of_a_qr_code_and_nothing_outside() {
        let drawn = qr("otpauth://totp/CollabTrack:mara%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=CollabTrack");
        assert!(drawn.size >= 33, "{}", drawn.size);
        let last = drawn.size - 1;
        for (x, y) in [(0, 0), (6, 6), (3, 3), (last, 0), (0, last)] {
            assert!(drawn.path.contains(&format!("M{x} {y}h1")), "{x} {y} is dark");
        }
        for (x, y) in [(1, 1), (7, 7), (last, last + 1)] {
            assert!(!drawn.path.contains(&format!("M{x} {y}h1")), "{x} {y} is light");
        }
    }
}
