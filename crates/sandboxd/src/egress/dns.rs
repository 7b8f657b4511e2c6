//! The wire form of DNS (RFC 1035 4), as much as a stub resolver needs: one question, and the
//! addresses at the end of its chain of aliases. What comes is hostile until it was read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HEADER_BYTES: usize = 12;
const CLASS_IN: u16 = 1;
const TYPE_CNAME: u16 = 5;
const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_TRUNCATED: u16 = 0x0200;
const FLAG_RECURSION_DESIRED: u16 = 0x0100;
const OPCODE: u16 = 0x7800;
/// Compression pointers followed within one name, aliases within one answer, records read.
const JUMPS_MAX: usize = 16;
const ALIASES_MAX: usize = 8;
const RECORDS_MAX: usize = 64;
pub const ADDRESSES_MAX: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    A = 1,
    Aaaa = 28,
}

/// What a server said to a question of ours.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Found(Vec<IpAddr>),
    /// The chain of aliases ends at this name, and its addresses are not here.
    Alias(String),
    /// It exists, or not; it has no address of the kind.
    Nothing,
    /// Ask again over TCP.
    Truncated,
    /// This server can't say (SERVFAIL, REFUSED and the like): ask another.
    Failed,
}

/// A query with recursion desired. `None` for what is no name.
pub fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(HEADER_BYTES + name.len() + 6);
    for word in [id, FLAG_RECURSION_DESIRED, 1, 0, 0, 0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        out.push(length);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&(kind as u16).to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    (out.len() <= HEADER_BYTES + 255 + 4).then_some(out)
}

/// Reads the answer to `question(id, name, kind)`; `None` for anything else, which a client goes on
/// waiting past.
pub fn answer(bytes: &[u8], id: u16, name: &str, kind: Kind) -> Option<Answer> {
    let mut reader = Reader { bytes, at: 0 };
    let (told, flags) = (reader.word()?, reader.word()?);
    let (questions, records) = (reader.word()?, reader.word()?);
    reader.at = HEADER_BYTES;
    if told != id || flags & FLAG_RESPONSE == 0 || flags & OPCODE != 0 || questions != 1 {
        return None;
    }
    let asked = (reader.name()?, reader.word()?, reader.word()?);
    if asked != (name.to_string(), kind as u16, CLASS_IN) {
        return None;
    }
    match flags & 0xf {
        _ if flags & FLAG_TRUNCATED != 0 => Some(Answer::Truncated),
        0 => reader.records(records, name, kind),
        3 => Some(Answer::Nothing),
        _ => Some(Answer::Failed),
    }
}

enum Record {
    Address(String, IpAddr),
    Alias(String, String),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A name in lower case. Compression (RFC 1035 4.1.4) only ever points back.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut at = self.at;
        let mut jumps = 0;
        loop {
            let length = usize::from(*self.bytes.get(at)?);
            match length >> 6 {
                0 => {
                    let label = self.bytes.get(at + 1..at + 1 + length)?;
                    at += 1 + length;
                    if length == 0 {
                        break;
                    }
                    append(&mut name, label)?;
                }
                3 => {
                    let low = usize::from(*self.bytes.get(at + 1)?);
                    let target = (length & 0x3f) << 8 | low;
                    if jumps == 0 {
                        self.at = at + 2;
                    }
                    jumps += 1;
                    if target >= at || jumps > JUMPS_MAX {
                        return None;
                    }
                    at = target;
                }
                _ => return None,
            }
        }
        if jumps == 0 {
            self.at = at;
        }
        Some(name)
    }

    fn records(&mut self, count: u16, name: &str, kind: Kind) -> Option<Answer> {
        let mut records = Vec::new();
        for _ in 0..usize::from(count).min(RECORDS_MAX) {
            records.extend(self.record(kind)?);
        }
        Some(follow(&records, name))
    }

    /// The next record, if it is one of those that matter.
    fn record(&mut self, kind: Kind) -> Option<Option<Record>> {
        let owner = self.name()?;
        let (what, class) = (self.word()?, self.word()?);
        self.take(4)?; // How long it may be kept: nothing is kept.
        let length = usize::from(self.word()?);
        let start = self.at;
        let data = self.take(length)?;
        if class != CLASS_IN {
            return Some(None);
        }
        if what == TYPE_CNAME {
            let alias = Reader { bytes: self.bytes, at: start }.name()?;
            return Some(Some(Record::Alias(owner, alias)));
        }
        if what != kind as u16 {
            return Some(None);
        }
        let address = match kind {
            Kind::A => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?)),
            Kind::Aaaa => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?)),
        };
        Some(Some(Record::Address(owner, address)))
    }
}

/// Letters that no name of ours has can't be compared, and are not needed.
fn append(name: &mut String, label: &[u8]) -> Option<()> {
    if !name.is_empty() {
        name.push('.');
    }
    for byte in label {
        if !byte.is_ascii_graphic() || *byte == b'.' {
            return None;
        }
        name.push(char::from(byte.to_ascii_lowercase()));
    }
    (name.len() <= 255).then_some(())
}

/// From the name along its aliases; what belongs to no name of the chain is not for us.
fn follow(records: &[Record], name: &str) -> Answer {
    let mut current = name;
    for _ in 0..=ALIASES_MAX {
        let of_current = |record: &Record| match record {
            Record::Address(owner, address) if owner == current => Some(*address),
            _ => None,
        };
        let found: Vec<IpAddr> =
            records.iter().filter_map(of_current).take(ADDRESSES_MAX).collect();
        if !found.is_empty() {
            return Answer::Found(found);
        }
        let alias = records.iter().find_map(|record| match record {
            Record::Alias(owner, alias) if owner == current => Some(alias),
            _ => None,
        });
        match alias {
            Some(alias) => current = alias,
            None if current == name => return Answer::Nothing,
            None => return Answer::Alias(current.to_string()),
        }
    }
    Answer::Failed
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
