//! E-mail addresses: as typed, and as they count for uniqueness.

/// Longest address in bytes.
const MAX_BYTES: usize = 254;

/// An acceptable address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    shown: String,
    key: String,
}

impl Address {
    /// Reads an address: trimmed, the part before the `@` printable ASCII, the domain turned into ASCII. Plus tags and dots stay distinct.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.trim().rsplit_once('@')?;
        let domain = idna::domain_to_ascii_strict(domain).ok()?;
        let printable =
            !local.is_empty() && local.len() <= 64 && local.bytes().all(|b| b.is_ascii_graphic() && !b"@<>()[],;:\\\"".contains(&b));
        if !printable || !domain.contains('.') && domain != "localhost" {
            return None;
        }
        let shown = format!("{local}@{domain}");
        (shown.len() <= MAX_BYTES).then(|| Self { key: shown.to_lowercase(), shown })
    }

    /// As shown to its holder.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// As it counts for uniqueness.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The part before the `@`, in lower case.
    #[must_use]
    pub fn local_key(&self) -> &str {
        self.key.split('@').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_international_domains_count_as_the_same_address_but_plus_tags_do_not() {
        let plain = Address::parse(" Ann@Bücher.example ").expect("an address");
        assert_eq!(plain.key(), "ann@xn--bcher-kva.example");
        assert_eq!(plain.shown(), "Ann@xn--bcher-kva.example");
        assert_eq!(Address::parse("ANN@XN--BCHER-KVA.EXAMPLE").expect("an address").key(), plain.key());
        assert_ne!(Address::parse("ann+mix@bücher.example").expect("an address").key(), plain.key());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "ann", "@x.example", "ann@", "ann@localnet", "a nn@x.example", "ann@x..example", "<ann>@x.example", "änn@x.example"]
        {
            assert_eq!(Address::parse(text), None, "{text}");
        }
        assert_eq!(Address::parse(&format!("{}@x.example", "a".repeat(65))), None);
    }
}
