//! What a sandbox may be connected to: a host's name and a port, as `api.example.com:443`. The
//! same grammar stands in packages/contract/src/network.ts.

use serde::{Deserialize, Serialize};
use std::fmt;

/// RFC 1035 2.3.4, without the trailing dot.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    /// In lower case, a name and never an address.
    pub host: String,
    pub port: u16,
}

impl Target {
    /// `None` for what is not a name of several labels with a port: addresses in any notation,
    /// `localhost`, wildcards, a trailing dot, capitals.
    pub fn parse(text: &str) -> Option<Target> {
        let (host, port) = text.split_once(':')?;
        let number: u16 = port.parse().ok()?;
        // Neither "+443" nor "0443": one spelling for one port.
        if number == 0 || number.to_string() != port || !is_name(host) {
            return None;
        }
        Some(Target { host: host.to_string(), port: number })
    }
}

fn is_name(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    host.len() <= NAME_BYTES_MAX
        && labels.len() >= 2
        && labels.iter().all(|label| is_label(label))
        // What ends in a number is read as an address by inet_aton(3): 127.1, 10.0x1.
        && !last.starts_with(|first: char| first.is_ascii_digit())
        && last != "localhost"
}

fn is_label(label: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(fine)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl TryFrom<String> for Target {
    type Error = String;
    fn try_from(text: String) -> Result<Target, String> {
        Target::parse(&text).ok_or_else(|| format!("{text:?} is not host:port"))
    }
}

impl From<Target> for String {
    fn from(target: Target) -> String {
        target.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_with_ports_are_taken_and_nothing_else() {
        let long = format!("{}.com:1", "a".repeat(63));
        for text in ["api.example.com:443", "a.b:1", "xn--bcher-kva.example:65535", &long] {
            assert!(Target::parse(text).is_some_and(|target| target.to_string() == text), "{text}");
        }
        let longer = format!("{}.com:1", "a".repeat(64));
        let longest = format!("{}com:1", "a.".repeat(126));
        for text in [
            "api.example.com",
            "api.example.com:0",
            "api.example.com:65536",
            "api.example.com:+1",
            "api.example.com:01",
            "api.example.com:443:1",
            "API.example.com:443",
            "*.example.com:443",
            "example.com.:443",
            "localhost:80",
            "a.localhost:80",
            "com:443",
            "93.184.216.34:443",
            "127.1:80",
            "10.0x1:80",
            "[::1]:80",
            "a..b:1",
            "-a.b:1",
            "a-.b:1",
            "a b.c:1",
            "a_b.c:1",
            "a.b\n:1",
            "",
            ":1",
            &longer,
            &longest,
        ] {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_reads_the_same_again(text in "[a-z0-9.:-]{0,24}") {
            if let Some(target) = Target::parse(&text) {
                prop_assert_eq!(target.to_string(), text);
                prop_assert!(target.host.parse::<std::net::IpAddr>().is_err());
            }
        }

        #[test]
        fn anything_else_is_refused_and_never_panics(text in "\\PC{0,40}") {
            let _ = Target::parse(&text);
        }
    }
}
