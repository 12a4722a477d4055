//! The server's source of randomness: ids, tokens, codes, salts. Rules take what they need from here as arguments.

use collabtrack_domain::hash::ObjectHash;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use secrecy::SecretString;

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

/// 16 lower-case hexadecimal digits.
#[must_use]
pub fn hex64() -> String {
    HEXLOWER.encode(&bytes::<8>())
}

/// 32 lower-case hexadecimal digits.
#[must_use]
pub fn hex128() -> String {
    HEXLOWER.encode(&bytes::<16>())
}

/// A token: a prefix of four characters and 32 random bytes in base64url.
#[must_use]
pub fn token(prefix: &'static str) -> String {
    format!("{prefix}{}", BASE64URL_NOPAD.encode(&bytes::<32>()))
}

/// A code to copy or read out loud: a prefix of four characters and 26 characters `a-z2-7`, 130 random bits.
#[must_use]
pub fn code(prefix: &'static str) -> String {
    let id = collabtrack_domain::id::InvitationId::from_random(bytes());
    format!("{prefix}{}", &id.as_str()[collabtrack_domain::id::InvitationId::PREFIX.len()..])
}

/// What is stored of a [`code`]: letter case, spaces, hyphens and the prefix do not matter, and a link that ends in it counts too. Nothing
/// for what is no code.
#[must_use]
pub fn code_hash(prefix: &'static str, text: &str) -> Option<[u8; 32]> {
    // Whatever is far longer than a code is not looked at.
    let text = text.chars().take(2_000).collect::<String>();
    let text = text.rsplit('#').next().unwrap_or_default();
    let compact: String = text.chars().take(200).filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect();
    let body = compact.strip_prefix(prefix).unwrap_or(&compact);
    let well_formed = body.len() == 26 && body.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    well_formed.then(|| *token_hash(body).as_bytes())
}

/// A password or key of 32 random bytes in hexadecimal.
#[must_use]
pub fn secret() -> SecretString {
    SecretString::from(HEXLOWER.encode(&bytes::<32>()))
}

/// What is stored of a token or code: its SHA-256.
#[must_use]
pub fn token_hash(token: &str) -> ObjectHash {
    ObjectHash::of(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_read_out_loud_still_counts() {
        let code = "cti_abcdefghijklmnopqrstuvwxyz";
        let spoken = " CTI_ABCDE-FGHIJ klmno-pqrst uvwxyz\n";
        assert_eq!(code_hash("cti_", spoken), code_hash("cti_", code));
        assert_eq!(code_hash("cti_", &code[4..]), code_hash("cti_", code));
        assert_eq!(code_hash("cti_", &format!(" https://music.example.com/join#{code}\n")), code_hash("cti_", code));
        assert_eq!(code_hash("cti_", "cti_abcdefghijklmnopqrstuvwxy1"), None);
        assert_eq!(code_hash("cti_", "ctr_abcdefghijklmnopqrstuvwxyz"), None);
        assert_eq!(code_hash("cti_", ""), None);
    }
}
