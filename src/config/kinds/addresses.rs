//! `bind`: the addresses to listen on.

use std::fmt;

/// How many addresses may be listed.
const ADDRESSES_MAX: usize = 16;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// A name or numeric address; `*` is every IPv4 address, `::*` every IPv6 one.
    pub host: String,
    /// Written with a leading `-`: go on without it if this machine does not have the address.
    pub optional: bool,
}

impl BindAddress {
    pub(in crate::config) fn parse_all(words: &[&[u8]]) -> Result<Vec<Self>, String> {
        if words.len() > ADDRESSES_MAX {
            return Err("Too many bind addresses specified.".into());
        }
        words.iter().filter(|word| !word.is_empty()).map(|word| Self::parse(word)).collect()
    }

    fn parse(word: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(word).map_err(|_| "Invalid bind address.".to_owned())?;
        let (host, optional) = text.strip_prefix('-').map_or((text, false), |host| (host, true));
        Ok(Self { host: host.to_owned(), optional })
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.optional { "-" } else { "" }, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_makes_an_address_optional() {
        let addresses = BindAddress::parse_all(&[b"*", b"-::*", b"127.0.0.1"]).unwrap();
        let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["*", "-::*", "127.0.0.1"]);
        assert_eq!(addresses[1], BindAddress { host: "::*".into(), optional: true });
    }

    #[test]
    fn nothing_means_nowhere() {
        assert_eq!(BindAddress::parse_all(&[]), Ok(vec![]));
    }

    #[test]
    fn the_number_is_bounded() {
        let refusal = BindAddress::parse_all(&[b"a".as_slice(); 17]).unwrap_err();
        assert_eq!(refusal, "Too many bind addresses specified.");
        assert!(BindAddress::parse_all(&[b"a".as_slice(); 16]).is_ok());
    }
}
