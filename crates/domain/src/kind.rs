//! What a version is.

use serde::{Deserialize, Serialize};

/// The kind of a version; users may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A sketch.
    Demo,
    /// A rough mix.
    Rough,
    /// A mix, the default.
    #[default]
    Mix,
    /// An alternate: instrumental, radio edit, TV mix.
    Alternate,
    /// A master.
    Master,
    /// One part of the mix, or a set of them.
    Stem,
    /// A DAW session or its raw tracks.
    Multitrack,
    /// One recorded performance.
    Take,
    /// A kind a newer program wrote; shown as it is, never changed.
    #[serde(other)]
    Unknown,
}

impl Kind {
    /// Every kind a user may choose.
    pub const ALL: [Self; 8] =
        [Self::Demo, Self::Rough, Self::Mix, Self::Alternate, Self::Master, Self::Stem, Self::Multitrack, Self::Take];

    /// The word for this kind, also on the wire and in databases.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Rough => "rough",
            Self::Mix => "mix",
            Self::Alternate => "alternate",
            Self::Master => "master",
            Self::Stem => "stem",
            Self::Multitrack => "multitrack",
            Self::Take => "take",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of that word; `Unknown` for any other.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_json_agree_for_every_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.as_str()), kind);
            assert_eq!(serde_json::to_string(&kind).expect("a word"), format!("\"{}\"", kind.as_str()));
        }
        assert_eq!(serde_json::from_str::<Kind>("\"hologram\"").expect("unknown kinds are kept"), Kind::Unknown);
    }
}
