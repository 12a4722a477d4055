//! Keys of pieces: `[A-G][b#]?m?`, with the Camelot and Open Key wheels of DJ software as other ways to write them.

const MAJORS: [&str; 12] = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const MINORS: [&str; 12] = ["Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm"];

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The German H.
    #[error("H is the German name of B")]
    GermanH {
        /// The key with B for H.
        suggestion: String,
    },
    /// A lower-case letter alone: some write minor keys so, others are only in a hurry.
    #[error("a lower-case letter alone may mean major or minor")]
    LowerCase {
        /// The major and the minor key.
        readings: [String; 2],
    },
    /// Anything else.
    #[error("this is no key")]
    NotAKey,
}

/// The stored form of a key: a spelling with a letter is kept, a wheel number gets its usual spelling.
/// # Errors
/// When the text is no key or can mean two.
pub fn canonical(text: &str) -> Result<String, KeyError> {
    let compact: String = text
        .chars()
        .filter(|character| !character.is_whitespace() && *character != '-')
        .map(|character| match character {
            '♯' => '#',
            '♭' => 'b',
            other => other,
        })
        .collect();
    if !compact.is_ascii() || compact.len() > 16 {
        return Err(KeyError::NotAKey);
    }
    if compact.starts_with(|character: char| character.is_ascii_digit()) {
        return wheel(&compact).ok_or(KeyError::NotAKey);
    }
    let letter = compact.chars().next().ok_or(KeyError::NotAKey)?;
    let rest = &compact[1..];
    let (accidental, suffix) = match rest.chars().next() {
        Some(accidental @ ('#' | 'b')) => (String::from(accidental), &rest[1..]),
        _ => (String::new(), rest),
    };
    let minor = match suffix {
        "m" => true,
        "" | "M" => false,
        longer => match longer.to_ascii_lowercase().as_str() {
            "min" | "minor" | "moll" => true,
            "maj" | "major" | "dur" => false,
            _ => return Err(KeyError::NotAKey),
        },
    };
    let upper = letter.to_ascii_uppercase();
    let spelled = |minor: bool| format!("{upper}{accidental}{}", if minor { "m" } else { "" });
    match upper {
        'A'..='G' if letter.is_ascii_lowercase() && suffix.is_empty() => {
            Err(KeyError::LowerCase { readings: [spelled(false), spelled(true)] })
        }
        'A'..='G' => Ok(spelled(minor)),
        'H' => Err(KeyError::GermanH { suggestion: spelled(minor).replacen('H', "B", 1) }),
        _ => Err(KeyError::NotAKey),
    }
}

/// Camelot `nA`, `nB` and Open Key `nm`, `nd`.
fn wheel(text: &str) -> Option<String> {
    let (number, side) = text.split_at(text.len() - 1);
    let number: usize = number.parse().ok().filter(|number| (1..=12).contains(number))?;
    let (camelot, minor) = match side {
        "B" | "b" => (number, false),
        "A" | "a" => (number, true),
        "d" | "D" => ((number + 6) % 12 + 1, false),
        "m" | "M" => ((number + 6) % 12 + 1, true),
        _ => return None,
    };
    // 7(n − 8) mod 12, kept positive.
    let major = (7 * (camelot + 4)) % 12;
    Some(if minor { MINORS[(major + 9) % 12] } else { MAJORS[major] }.to_owned())
}

/// Pitch class 0–11 (C = 0) of a stored key, and whether it is minor.
fn pitch(key: &str) -> Option<(u8, bool)> {
    let minor = key.ends_with('m');
    let note = key.strip_suffix('m').unwrap_or(key);
    let mut characters = note.chars();
    let natural = match characters.next()? {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        _ => return None,
    };
    let shift = match characters.as_str() {
        "" => 0,
        "#" => 1,
        "b" => 11,
        _ => return None,
    };
    Some(((natural + shift) % 12, minor))
}

/// Whether two stored keys sound the same, such as `Db` and `C#`.
#[must_use]
pub fn enharmonic(a: &str, b: &str) -> bool {
    matches!((pitch(a), pitch(b)), (Some(a), Some(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_kept_and_wheel_numbers_are_spelled() {
        for (text, key) in [
            ("C", "C"),
            ("Cb", "Cb"),
            ("F♯ minor", "F#m"),
            ("B♭ Dur", "Bb"),
            ("a-moll", "Am"),
            ("G#m", "G#m"),
            ("8A", "Am"),
            ("8B", "C"),
            ("1A", "G#m"),
            ("1B", "B"),
            ("12B", "E"),
            ("1d", "C"),
            ("1m", "Am"),
            ("6d", "B"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(key), "{text}");
        }
    }

    #[test]
    fn the_three_wheels_agree_all_the_way_round() {
        for number in 1..=12 {
            let major = canonical(&format!("{number}B")).expect("a key");
            let minor = canonical(&format!("{number}A")).expect("a key");
            let (major_pitch, minor_pitch) = (pitch(&major).expect("a pitch"), pitch(&minor).expect("a pitch"));
            assert_eq!((minor_pitch.0 + 3) % 12, major_pitch.0, "{minor} is the relative minor of {major}");
            let next = canonical(&format!("{}B", number % 12 + 1)).expect("a key");
            assert_eq!((major_pitch.0 + 7) % 12, pitch(&next).expect("a pitch").0, "the wheel goes up by fifths");
        }
    }

    #[test]
    fn what_is_no_key_or_two_keys_is_refused() {
        assert_eq!(canonical("H"), Err(KeyError::GermanH { suggestion: "B".into() }));
        assert_eq!(canonical("h moll"), Err(KeyError::GermanH { suggestion: "Bm".into() }));
        assert_eq!(canonical("c"), Err(KeyError::LowerCase { readings: ["C".into(), "Cm".into()] }));
        for text in ["", "0A", "13A", "C##", "X", "Cmm", "8", "Кm", "8C"] {
            assert_eq!(canonical(text), Err(KeyError::NotAKey), "{text}");
        }
        assert!(enharmonic("Cb", "B") && enharmonic("A#m", "Bbm") && !enharmonic("A#m", "Bb"));
    }
}
