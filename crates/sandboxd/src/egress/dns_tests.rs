//! Answers of good, odd and hostile servers.

use super::*;
use proptest::prelude::*;

const NAME: &str = "api.example.com";

fn encoded(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut out: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    out.push(0);
    out
}

fn record(owner: &[u8], what: u16, data: &[u8]) -> Vec<u8> {
    let head = [&what.to_be_bytes()[..], &CLASS_IN.to_be_bytes(), &[0, 0, 0, 60]].concat();
    [owner, &head, &(data.len() as u16).to_be_bytes(), data].concat()
}

/// The question sent back with these records.
fn response(flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = question(7, NAME, Kind::A).unwrap_or_default();
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    bytes.extend(records.concat());
    bytes
}

fn read(bytes: &[u8]) -> Option<Answer> {
    answer(bytes, 7, NAME, Kind::A)
}

fn found(address: [u8; 4]) -> Option<Answer> {
    Some(Answer::Found(vec![IpAddr::from(address)]))
}

/// A pointer to the question's name.
const POINTER: [u8; 2] = [0xc0, 12];

#[test]
fn an_address_is_found_by_pointer_by_name_and_whatever_its_case() {
    for owner in [POINTER.to_vec(), encoded(NAME), encoded("API.Example.COM")] {
        assert_eq!(
            read(&response(0x8180, &[record(&owner, 1, &[1, 2, 3, 4])])),
            found([1, 2, 3, 4])
        );
    }
}

#[test]
fn a_chain_of_aliases_is_followed_in_any_order_and_to_its_end_only() {
    let first = record(&POINTER, TYPE_CNAME, &encoded("cdn.example.net"));
    let second = record(&encoded("cdn.example.net"), TYPE_CNAME, &encoded("edge.example.org"));
    let address = record(&encoded("edge.example.org"), 1, &[1, 2, 3, 4]);
    let stranger = record(&encoded("evil.example"), 1, &[6, 6, 6, 6]);
    let shuffled = [stranger.clone(), address, second.clone(), first.clone()];
    assert_eq!(read(&response(0x8180, &shuffled)), found([1, 2, 3, 4]));
    let unfinished = read(&response(0x8180, &[first, second, stranger.clone()]));
    assert_eq!(unfinished, Some(Answer::Alias("edge.example.org".into())));
    assert_eq!(read(&response(0x8180, &[stranger])), Some(Answer::Nothing));
}

#[test]
fn a_circle_of_aliases_ends() {
    let there = record(&POINTER, TYPE_CNAME, &encoded("b.example.com"));
    let back = record(&encoded("b.example.com"), TYPE_CNAME, &encoded(NAME));
    assert_eq!(read(&response(0x8180, &[there, back])), Some(Answer::Failed));
}

#[test]
fn codes_of_servers_are_told_apart() {
    assert_eq!(read(&response(0x8180, &[])), Some(Answer::Nothing));
    assert_eq!(read(&response(0x8183, &[])), Some(Answer::Nothing));
    assert_eq!(read(&response(0x8182, &[])), Some(Answer::Failed));
    assert_eq!(read(&response(0x8185, &[])), Some(Answer::Failed));
    assert_eq!(read(&response(0x8380, &[])), Some(Answer::Truncated));
}

#[test]
fn what_answers_another_question_is_no_answer() {
    let fine = response(0x8180, &[record(&POINTER, 1, &[1, 2, 3, 4])]);
    assert_eq!(answer(&fine, 8, NAME, Kind::A), None);
    assert_eq!(answer(&fine, 7, "api.example.org", Kind::A), None);
    assert_eq!(answer(&fine, 7, NAME, Kind::Aaaa), None);
    assert_eq!(read(&response(0x0180, &[])), None, "a query is no response");
    assert_eq!(read(&response(0xa180, &[])), None, "another opcode");
}

#[test]
fn names_that_point_at_themselves_or_forward_are_refused() {
    let at = response(0x8180, &[]).len() as u8;
    for target in [at, at + 2, 0xff] {
        assert_eq!(read(&response(0x8180, &[record(&[0xc0, target], 1, &[1, 2, 3, 4])])), None);
    }
}

#[test]
fn an_address_of_the_wrong_length_spoils_the_answer() {
    assert_eq!(read(&response(0x8180, &[record(&POINTER, 1, &[1, 2, 3])])), None);
    assert_eq!(read(&response(0x8180, &[record(&POINTER, 1, &[1, 2, 3, 4, 5])])), None);
}

#[test]
fn a_name_that_is_too_long_is_not_asked_for() {
    assert!(question(1, &"a".repeat(64), Kind::A).is_none());
    assert!(question(1, "a..b", Kind::A).is_none());
    assert!(question(1, &["a"; 130].join("."), Kind::A).is_none());
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = answer(&bytes, 7, NAME, Kind::A);
    }

    #[test]
    fn garbage_behind_the_question_never_panics_nor_brings_more_than_the_bound(
        flags: u16, count: u16, tail in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut bytes = response(flags | 0x8000, &[]);
        bytes[6..8].copy_from_slice(&count.to_be_bytes());
        bytes.extend(tail);
        if let Some(Answer::Found(addresses)) = read(&bytes) {
            prop_assert!(addresses.len() <= ADDRESSES_MAX);
        }
    }

    #[test]
    fn one_flipped_byte_never_panics(at in 0usize..70, to: u8) {
        let alias = record(&POINTER, TYPE_CNAME, &encoded("cdn.example.net"));
        let address = record(&encoded("cdn.example.net"), 1, &[1, 2, 3, 4]);
        let mut bytes = response(0x8180, &[alias, address]);
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = read(&bytes);
    }
}
