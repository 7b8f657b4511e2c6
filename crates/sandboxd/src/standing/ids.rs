//! Which ids sandboxes can have: a host uid each, where enough of them are mapped in the launcher's
//! own user namespace (user_namespaces(7)), or the launcher's own for all.

use std::ops::Range;

/// Fewer are not worth a level of their own: so many sandboxes live at once on a small machine.
const COUNT_MIN: u32 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// As the launcher's user namespace counts them; of users and of groups.
    Range { first: u32, count: u32 },
    /// Root of the launcher's own user namespace: the one id that an ordinary user has.
    Shared,
}

/// The wanted range where it is mapped, as in the host's own namespace; else as much as there is
/// beside the launcher's own id; else none.
pub fn find(wanted: Range<u32>) -> Ids {
    let read = |name: &str| std::fs::read_to_string(name).unwrap_or_default();
    choose(&wanted, &read("/proc/self/uid_map"), &read("/proc/self/gid_map"))
}

fn choose(wanted: &Range<u32>, uid_map: &str, gid_map: &str) -> Ids {
    let (uids, gids) = (extents(uid_map), extents(gid_map));
    let holds = |list: &[Range<u64>]| {
        let within = |each: &Range<u64>| {
            each.start <= u64::from(wanted.start) && u64::from(wanted.end) <= each.end
        };
        list.iter().any(within)
    };
    if holds(&uids) && holds(&gids) {
        return Ids::Range { first: wanted.start, count: wanted.end - wanted.start };
    }
    let count_max = u64::from(wanted.end - wanted.start);
    let common = uids.iter().flat_map(|uid| gids.iter().map(move |gid| overlap(uid, gid)));
    let largest = common.max_by_key(|range| range.end.saturating_sub(range.start));
    match largest {
        Some(range) if range.end.saturating_sub(range.start) >= u64::from(COUNT_MIN) => {
            let count = (range.end - range.start).min(count_max);
            Ids::Range { first: range.start as u32, count: count as u32 }
        }
        _ => Ids::Shared,
    }
}

/// What both have, without id 0: that is the launcher itself.
fn overlap(left: &Range<u64>, right: &Range<u64>) -> Range<u64> {
    left.start.max(right.start).max(1)..left.end.min(right.end)
}

/// The ids inside that each line of a map names.
fn extents(map: &str) -> Vec<Range<u64>> {
    let extent = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let first = numbers.next()?.ok()?;
        let count = numbers.nth(1)?.ok()?;
        Some(first..first + count)
    };
    map.lines().filter_map(extent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "         0          0 4294967295\n";
    const WANTED: Range<u32> = 0x7000_0000..0x7000_0400;

    #[test]
    fn the_hosts_own_namespace_has_the_wanted_range() {
        let ids = choose(&WANTED, WHOLE, WHOLE);
        assert_eq!(ids, Ids::Range { first: 0x7000_0000, count: 0x400 });
    }

    #[test]
    fn an_ordinary_user_has_one_id() {
        assert_eq!(choose(&WANTED, "0 1000 1\n", "0 1000 1\n"), Ids::Shared);
        assert_eq!(choose(&WANTED, "", ""), Ids::Shared);
        assert_eq!(choose(&WANTED, WHOLE, "0 1000 1\n"), Ids::Shared);
    }

    #[test]
    fn a_subordinate_range_serves_from_its_first_id_on() {
        let map = "0 1000 1\n1 100000 65536\n";
        assert_eq!(choose(&WANTED, map, map), Ids::Range { first: 1, count: 0x400 });
        let small = "0 1000 1\n1 100000 16\n";
        assert_eq!(choose(&WANTED, small, map), Ids::Range { first: 1, count: 16 });
        let smaller = "0 1000 1\n1 100000 15\n";
        assert_eq!(choose(&WANTED, smaller, map), Ids::Shared);
        assert_eq!(
            choose(&WANTED, "0 100000 65536\n", "0 100000 65536\n"),
            Ids::Range { first: 1, count: 0x400 }
        );
    }
}
