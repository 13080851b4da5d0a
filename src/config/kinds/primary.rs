//! `replicaof`: whom to follow.

use std::fmt;

use super::lenient_integer;

/// Where the primary listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryAddress {
    /// Name or numeric address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl PrimaryAddress {
    /// `None` for `no one`.
    pub(in crate::config) fn parse(words: &[&[u8]]) -> Result<Option<Self>, String> {
        let &[host, port] = words else {
            return Err("wrong number of arguments".into());
        };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(None);
        }
        let host = std::str::from_utf8(host).map_err(|_| "Invalid master host")?.to_owned();
        let port =
            lenient_integer(port).and_then(|port| u16::try_from(port).ok()).ok_or("Invalid master port")?;
        Ok(Some(Self { host, port }))
    }
}

impl fmt::Display for PrimaryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_or_no_one() {
        let primary = PrimaryAddress::parse(&[b"10.0.0.1", b"6379"]).unwrap().unwrap();
        assert_eq!(primary.to_string(), "10.0.0.1 6379");
        assert_eq!(PrimaryAddress::parse(&[b"No", b"One"]), Ok(None));
    }

    #[test]
    fn half_an_address_is_refused() {
        assert_eq!(PrimaryAddress::parse(&[b"--127.0.0.1"]).unwrap_err(), "wrong number of arguments");
        for port in ["abc", "-1", "65536", ""] {
            let refusal = PrimaryAddress::parse(&[b"a", port.as_bytes()]).unwrap_err();
            assert_eq!(refusal, "Invalid master port");
        }
    }
}
