//! Stems: files of one folder that share a name and differ by the word for a part (drums, bass, vox …) belong together.

use super::{Grouped, Token, is_digits, is_rate_or_depth, leading_number, self_named, stem, strip, tokens};
use collabtrack_domain::kind::Kind;
use unicode_normalization::UnicodeNormalization;

/// Words for parts of a mix.
const PARTS: [&str; 62] = [
    "drum",
    "drums",
    "drumkit",
    "kick",
    "snare",
    "hat",
    "hats",
    "hihat",
    "toms",
    "overheads",
    "oh",
    "room",
    "perc",
    "percussion",
    "bass",
    "sub",
    "guitar",
    "guitars",
    "gtr",
    "gtrs",
    "acoustic",
    "electric",
    "keys",
    "keyboard",
    "keyboards",
    "piano",
    "rhodes",
    "organ",
    "synth",
    "synths",
    "pad",
    "pads",
    "arp",
    "lead",
    "strings",
    "violin",
    "cello",
    "brass",
    "horns",
    "sax",
    "winds",
    "choir",
    "vox",
    "vocal",
    "vocals",
    "voc",
    "leadvox",
    "bgv",
    "bgvs",
    "bvs",
    "backing",
    "harmony",
    "harmonies",
    "adlibs",
    "fx",
    "sfx",
    "foley",
    "ambience",
    "dialogue",
    "dialog",
    "click",
    "other",
];
/// Words that only say that a folder or file holds parts.
const STEM_WORDS: [&str; 6] = ["stem", "stems", "multitrack", "multitracks", "part", "parts"];

/// A file that is one part of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The parts of one set in one folder have the same base; it is the key of their track.
    pub base: String,
    /// The word or words for the part, such as `drums` or `lead vox`.
    pub part: String,
    /// What to call the track.
    pub name: String,
    /// Whether the folder had to name the track.
    pub please_check: bool,
}

fn is_part(text: &str) -> bool {
    PARTS.contains(&text.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// Which part of which set a file is, by its name; none when its name names no part. `folder` is the name of the folder it lies in.
#[must_use]
pub fn part(file_name: &str, folder: &str) -> Option<Part> {
    let whole: String = stem(file_name).nfc().collect();
    let start = leading_number(&whole);
    let mut words = tokens(&whole[start..]);
    words.retain(|token| !is_rate_or_depth(&token.text) && !STEM_WORDS.contains(&token.text.as_str()));
    // What says which export it is may stand behind the part or before it.
    strip(&mut words);
    let (parts, mut base): (Vec<Token>, Vec<Token>) = split(words)?;
    strip(&mut base);
    let part = parts.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ");
    if base.is_empty() {
        let (key, name) = without_stem_words(folder);
        return Some(Part { base: key, part, name, please_check: true });
    }
    let key: String = base.iter().map(|token| token.text.as_str()).collect();
    let (from, to) = (base.first().map_or(0, |token| token.start), base.last().map_or(0, |token| token.end));
    let name = whole[start..].get(from..to).unwrap_or(&key).replace('_', " ").trim().to_owned();
    Some(Part { base: key, part, name: if name.is_empty() { base[0].text.clone() } else { name }, please_check: false })
}

/// The run of part words at the end or at the start, and the words that remain; none without such a run.
fn split(mut words: Vec<Token>) -> Option<(Vec<Token>, Vec<Token>)> {
    let numbered = |words: &[Token], at: usize| is_digits(&words[at].text) && at > 0 && is_part(&words[at - 1].text);
    let mut end = words.len();
    while end > 0 && (is_part(&words[end - 1].text) || numbered(&words, end - 1)) {
        end -= 1;
    }
    if end < words.len() {
        let parts = words.split_off(end);
        return Some((parts, words));
    }
    let mut front = 0;
    while front < words.len() && (is_part(&words[front].text) || numbered(&words, front)) {
        front += 1;
    }
    if front == 0 {
        return None;
    }
    let base = words.split_off(front);
    Some((words, base))
}

fn without_stem_words(folder: &str) -> (String, String) {
    let folder: String = folder.nfc().collect();
    let kept: Vec<Token> = tokens(&folder).into_iter().filter(|token| !STEM_WORDS.contains(&token.text.as_str())).collect();
    match kept.last() {
        Some(last) if kept.len() < tokens(&folder).len() => {
            let key = kept.iter().map(|token| token.text.as_str()).collect();
            (key, folder.get(..last.end).unwrap_or(&folder).trim().to_owned())
        }
        _ => self_named(&folder),
    }
}

/// What a whole set is: its track by the base of its parts, kind stem.
#[must_use]
pub fn group_of(part: &Part) -> Grouped {
    Grouped { key: part.base.clone(), name: part.name.clone(), kind: Kind::Stem, please_check: part.please_check, without_number: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_set_share_their_base_wherever_the_part_stands() {
        let table = [
            ("Night Drive_Drums.wav", "Bounces", "nightdrive", "drums"),
            ("Night Drive - Lead Vox v2.wav", "Bounces", "nightdrive", "lead vox"),
            ("Night Drive v2 Bass.wav", "Bounces", "nightdrive", "bass"),
            ("Night Drive stems Gtr 2.wav", "Bounces", "nightdrive", "gtr 2"),
            ("Drums_Night Drive.wav", "Bounces", "nightdrive", "drums"),
            ("01 Drums.wav", "Night Drive Stems", "nightdrive", "drums"),
            ("Synths2.wav", "Night Drive Stems", "nightdrive", "synths2"),
        ];
        for (file, folder, base, word) in table {
            let found = part(file, folder).unwrap_or_else(|| panic!("{file} is a part"));
            assert_eq!((found.base.as_str(), found.part.as_str()), (base, word), "{file}");
        }
        assert_eq!(part("Night Drive_Drums.wav", "x").map(|part| part.name).as_deref(), Some("Night Drive"));
        assert_eq!(part("Drums.wav", "Night Drive Stems").map(|part| part.name).as_deref(), Some("Night Drive"));
    }

    #[test]
    fn names_without_a_part_are_no_parts() {
        for file in ["Night Drive.wav", "Song 2.wav", "Basses Loaded Up.wav", "final.wav"] {
            assert_eq!(part(file, "Bounces"), None, "{file}");
        }
    }
}
