//! Where the replicas of a cluster listen: `--addresses`.

use crate::replay::client::REPLICAS_MAX;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// The addresses of all replicas, in the cluster's order: the place in the list is the replica's index.
///
/// Each is `port`, `ip`, `ip:port`, `[v6]` or `[v6]:port`; what is left out is 127.0.0.1 and 3001.
///
/// ```
/// use aof_cli::replay::addresses::Addresses;
/// let addresses: Addresses = "3000,10.0.0.2,[::1]:3002".parse()?;
/// assert_eq!(addresses.to_string(), "127.0.0.1:3000,10.0.0.2:3001,[::1]:3002");
/// # Ok::<(), aof_cli::replay::addresses::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses(Vec<SocketAddr>);

/// Why a list of addresses is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// An element that is no address.
    Malformed(String),
    /// More than [`REPLICAS_MAX`] addresses.
    TooMany(usize),
    /// One address twice.
    Twice(SocketAddr),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(text) => {
                write!(f, "'{text}' is no address: ")?;
                let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                if is_number {
                    f.write_str("a port is a number from 1 to 65535")
                } else if text.parse::<std::net::Ipv6Addr>().is_ok() {
                    write!(f, "an IPv6 address stands in brackets: [{text}], or [{text}]:3001")
                } else {
                    f.write_str(
                        "give a port, an IP address, or both (3001, 10.0.0.1:3001, [::1]:3001); names are not looked \
                         up",
                    )
                }
            }
            Self::TooMany(count) => write!(f, "{count} addresses, and a cluster has at most {REPLICAS_MAX}"),
            Self::Twice(address) => write!(f, "{address} is there twice"),
        }
    }
}

impl std::error::Error for AddressError {}

const PORT_DEFAULT: u16 = 3001;

impl Addresses {
    /// The addresses, by replica.
    #[must_use]
    pub fn as_slice(&self) -> &[SocketAddr] {
        &self.0
    }

    /// Replicas, 1 to [`REPLICAS_MAX`].
    #[must_use]
    pub fn count(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX) // bounded when parsed
    }
}

impl From<SocketAddr> for Addresses {
    fn from(address: SocketAddr) -> Self {
        Self(vec![address])
    }
}

fn parse(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = SocketAddr::from_str(text) {
        return Some(address);
    }
    if text.starts_with(|first: char| first.is_ascii_digit())
        && let Ok(port) = u16::from_str(text)
    {
        return Some((Ipv4Addr::LOCALHOST, port).into());
    }
    let ip = match text.strip_prefix('[') {
        Some(rest) => IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?),
        None => IpAddr::V4(text.parse().ok()?),
    };
    Some((ip, PORT_DEFAULT).into())
}

impl FromStr for Addresses {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut addresses = Vec::new();
        for part in text.split(',') {
            let malformed = || AddressError::Malformed(part.into());
            let address = parse(part.trim()).filter(|address| address.port() != 0).ok_or_else(malformed)?;
            if addresses.contains(&address) {
                return Err(AddressError::Twice(address));
            }
            addresses.push(address);
        }
        if addresses.len() > REPLICAS_MAX {
            return Err(AddressError::TooMany(addresses.len()));
        }
        Ok(Self(addresses))
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "," };
            write!(f, "{between}{address}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_reference_are_taken() {
        let parse = |text: &str| text.parse::<Addresses>().map(|addresses| addresses.to_string());
        assert_eq!(parse("3000").as_deref(), Ok("127.0.0.1:3000"));
        assert_eq!(parse("10.0.0.1").as_deref(), Ok("10.0.0.1:3001"));
        assert_eq!(parse("10.0.0.1:9").as_deref(), Ok("10.0.0.1:9"));
        assert_eq!(parse("[::1]").as_deref(), Ok("[::1]:3001"));
        assert_eq!(parse("[::1]:7, 3001").as_deref(), Ok("[::1]:7,127.0.0.1:3001"));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in
            ["", ",", "3000,", "0", "65536", "+80", "localhost", "::1", "[::1", "1.2.3", "1.2.3.4:0", "-1"]
        {
            assert!(matches!(text.parse::<Addresses>(), Err(AddressError::Malformed(_))), "{text}");
        }
        let told = |text: &str| text.parse::<Addresses>().unwrap_err().to_string();
        assert!(told("::1").contains("in brackets: [::1]"));
        assert!(told("99999").contains("from 1 to 65535") && told("0").contains("from 1 to 65535"));
        assert_eq!("1,2,3,4,5,6,7".parse::<Addresses>(), Err(AddressError::TooMany(7)));
        assert!(matches!("1,2,1".parse::<Addresses>(), Err(AddressError::Twice(_))));
    }
}
