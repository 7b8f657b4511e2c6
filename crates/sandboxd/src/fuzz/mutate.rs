//! Changes of an input that keep most of its structure: half of all inputs that are changed byte by
//! byte end at the first length.

use crate::protocol::frame::{first_frame, HEADER_START};

/// Of the messages themselves, of JSON, and of what has broken launchers before.
const WORDS: [&str; 50] = [
    "hello",
    "recipe",
    "start",
    "file",
    "stdin",
    "stdin_end",
    "diagnose",
    "signal",
    "SIGKILL",
    "resize",
    "columns",
    "interactive",
    "terminal",
    "type",
    "version",
    "digest",
    "rootfs",
    "host",
    "command",
    "env",
    "limits",
    "layer",
    "keep",
    "path",
    "append",
    "executable",
    "args",
    "artifacts",
    "memory_kb",
    "wall_time_ms",
    "cpus",
    "../",
    "/",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "[]",
    "{}",
    "[[[[[[[[",
    "\"",
    "\\",
    "/proc/self/root",
    "**/",
    "[!a-",
    ",size=1g",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
    "../../../../../../../../../../../../../../../../../../../../etc/",
    "trees/",
];
const NUMBERS: [&str; 16] = [
    "0",
    "1",
    "-1",
    "512",
    "513",
    "600000",
    "600001",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "1.5",
    "-0",
    "1048577",
];
const BYTES_MAX: usize = 256 * 1024;

/// SplitMix64: small, and the same on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, or 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        let at = self.below(list.len());
        list.get(at).copied().unwrap_or_default()
    }
}

/// Header and payload of each frame, and what is left behind the last whole one.
type Frames = (Vec<[Vec<u8>; 2]>, Vec<u8>);

fn frames(bytes: &[u8]) -> Frames {
    let mut list = Vec::new();
    let mut rest = bytes;
    while let Ok(Some(span)) = first_frame(rest) {
        let part = |from, to| rest.get(from..to).unwrap_or_default().to_vec();
        list.push([part(HEADER_START, span.header_end), part(span.header_end, span.end)]);
        rest = rest.get(span.end..).unwrap_or_default();
    }
    (list, rest.to_vec())
}

fn join((list, rest): Frames) -> Vec<u8> {
    let mut bytes = Vec::new();
    for [header, payload] in list {
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&payload);
    }
    bytes.extend_from_slice(&rest);
    bytes.truncate(BYTES_MAX);
    bytes
}

/// A changed input; `other` is another one, to take frames from.
pub fn mutate(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..=random.below(4) {
        changed = match random.below(8) {
            0 => {
                change_bytes(&mut changed, random);
                changed
            }
            1 => change_order(&changed, other, random),
            _ => change_inside(&changed, random),
        };
    }
    changed
}

fn change_inside(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let (mut list, rest) = frames(bytes);
    let (at, part) = (random.below(list.len()), random.below(4) / 3);
    if let Some(text) = list.get_mut(at).and_then(|frame| frame.get_mut(part)) {
        match random.below(4) {
            0 => change_bytes(text, random),
            1 => change_number(text, random),
            2 => change_string(text, random),
            _ => {
                let place = random.below(text.len() + 1);
                let word = random.one_of(&WORDS);
                text.splice(place..place, word.bytes());
            }
        }
    }
    join((list, rest))
}

fn change_order(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let (mut list, rest) = frames(bytes);
    let at = random.below(list.len() + 1);
    match random.below(3) {
        0 => {
            let (others, _) = frames(other);
            let first = random.below(others.len());
            list.splice(at..at, others.into_iter().skip(first).take(3));
        }
        1 if at < list.len() => drop(list.remove(at)),
        _ => {
            if let Some(frame) = list.get(at).cloned() {
                list.insert(at, frame);
            }
        }
    }
    join((list, rest))
}

fn change_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let (at, length) = (random.below(bytes.len() + 1), 1 + random.below(16));
    let end = (at + length).min(bytes.len());
    match random.below(4) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => drop(bytes.drain(at..end)),
        2 => {
            let copied = bytes.get(at..end).unwrap_or_default().to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, copied);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
    }
}

/// Puts another number where one is.
fn change_number(text: &mut Vec<u8>, random: &mut Random) {
    let starts: Vec<usize> = (0..text.len())
        .filter(|at| {
            let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
            digit(*at) && (*at == 0 || !digit(at - 1))
        })
        .collect();
    let Some(start) = starts.get(random.below(starts.len())).copied() else { return };
    let length = text.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count();
    let number = random.one_of(&NUMBERS);
    text.splice(start..start + length, number.bytes());
}

/// Puts another text between two quotes, now and then a long one.
fn change_string(text: &mut Vec<u8>, random: &mut Random) {
    let quotes: Vec<usize> = (0..text.len()).filter(|at| text.get(*at) == Some(&b'"')).collect();
    let first = random.below(quotes.len());
    let (Some(from), Some(to)) = (quotes.get(first), quotes.get(first + 1)) else { return };
    let word = random.one_of(&WORDS);
    let count = if random.below(16) == 0 { random.below(3000) } else { 1 };
    text.splice(from + 1..*to, word.repeat(count).bytes());
}
