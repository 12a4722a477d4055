//! Identifiers: a prefix that names the kind of thing, and 130 random bits in 26 characters of `a-z2-7`.
//!
//! Every one of the 32 characters is valid in every place, so an id never needs padding or a check of its last character.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Number of random bytes an id is made from: the first 130 bits of them are used.
pub const ID_RANDOM_BYTES: usize = 17;

const BODY_LEN: usize = 26;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id beginning with {prefix:?} and followed by 26 characters a-z or 2-7")]
pub struct IdError {
    /// The text as given, cut to 64 characters.
    pub text: String,
    /// The prefix the wanted kind of id begins with.
    pub prefix: &'static str,
}

fn body(random: [u8; ID_RANDOM_BYTES]) -> String {
    let mut text = String::with_capacity(BODY_LEN);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in random {
        buffer = (buffer << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 && text.len() < BODY_LEN {
            bits -= 5;
            text.push(char::from(ALPHABET[((buffer >> bits) & 31) as usize]));
        }
        buffer &= (1 << bits) - 1;
    }
    text
}

fn is_body(text: &str) -> bool {
    text.len() == BODY_LEN && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id made of the first 130 of the given random bits.
            #[must_use]
            pub fn from_random(random: [u8; ID_RANDOM_BYTES]) -> Self {
                Self(format!("{}{}", $prefix, body(random)))
            }

            /// Reads an id.
            /// # Errors
            /// When the prefix or the form is not that of this kind.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                match text.strip_prefix($prefix) {
                    Some(rest) if is_body(rest) => Ok(Self(text.to_owned())),
                    _ => Err(IdError { text: text.chars().take(64).collect(), prefix: $prefix }),
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A project: a body of work with members.
    ProjectId = "prj_";
    /// A track: one piece of music inside a project.
    TrackId = "trk_";
    /// A version: one immutable file state of a track.
    VersionId = "ver_";
    /// A row of the splits table.
    SplitId = "spl_";
    /// A change set: a proposed group of catalogue changes.
    ChangeSetId = "chg_";
    /// An account.
    AccountId = "acc_";
    /// A comment.
    CommentId = "cmt_";
    /// A sharing link.
    LinkId = "lnk_";
    /// A badge.
    BadgeId = "bdg_";
    /// An upload session, named by the client that opens it.
    UploadId = "upl_";
    /// An invitation as listed; the code itself is a secret.
    InvitationId = "inv_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_and_json() {
        let id = TrackId::from_random([0xA7; ID_RANDOM_BYTES]);
        assert_eq!(id.as_str().len(), 4 + BODY_LEN);
        assert_eq!(TrackId::parse(id.as_str()).as_ref(), Ok(&id));
        let json = serde_json::to_string(&id).expect("an id is a JSON string");
        assert_eq!(serde_json::from_str::<TrackId>(&json).expect("it reads back"), id);
    }

    #[test]
    fn the_first_130_bits_are_used_and_no_more() {
        let mut random = [0u8; ID_RANDOM_BYTES];
        assert_eq!(TrackId::from_random(random).as_str(), "trk_aaaaaaaaaaaaaaaaaaaaaaaaaa");
        random[16] = 0b0011_1111;
        assert_eq!(TrackId::from_random(random).as_str(), "trk_aaaaaaaaaaaaaaaaaaaaaaaaaa");
        random[16] = 0b0100_0000;
        assert_eq!(TrackId::from_random(random).as_str(), "trk_aaaaaaaaaaaaaaaaaaaaaaaaab");
    }

    #[test]
    fn foreign_prefixes_and_other_alphabets_are_refused() {
        for text in [
            "",
            "trk_",
            "ver_aaaaaaaaaaaaaaaaaaaaaaaaaa",
            "trk_Aaaaaaaaaaaaaaaaaaaaaaaaaa",
            "trk_aaaaaaaaaaaaaaaaaaaaaaaaa1",
            "trk_aaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(TrackId::parse(text).is_err(), "{text} must be refused");
        }
    }
}
