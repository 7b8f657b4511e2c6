//! Globs of artifacts: `*` and `?` within a segment, `[...]`, and `**` for any number of segments.

/// A pattern, taken apart once.
pub struct Glob {
    parts: Vec<Part>,
}

enum Part {
    /// `**`
    AnySegments,
    Segment(Vec<Piece>),
}

impl Glob {
    pub fn new(pattern: &str) -> Glob {
        let segments = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
        let part = |part| match part {
            "**" => Part::AnySegments,
            part => Part::Segment(parse(part)),
        };
        Glob { parts: segments.map(part).collect() }
    }

    /// Whether a path, relative and with `/` between its segments, matches. Each step of the
    /// matching takes one from `budget`; where nothing is left, nothing matches.
    pub fn matches(&self, path: &[Vec<char>], budget: &mut u64) -> bool {
        let steps = (self.parts.len() as u64 + 1) * (path.len() as u64 + 1);
        *budget = budget.saturating_sub(steps);
        let mut reachable = vec![false; path.len() + 1];
        set(&mut reachable, 0, true);
        // Dynamic programming, not recursion: a hostile pattern costs pattern times path.
        for part in &self.parts {
            let mut next = vec![false; path.len() + 1];
            let mut carried = false;
            for at in 0..=path.len() {
                let here = reachable.get(at).copied().unwrap_or(false);
                match part {
                    Part::AnySegments => {
                        carried |= here;
                        set(&mut next, at, carried);
                    }
                    Part::Segment(pieces) => {
                        let segment = path.get(at).filter(|_| here);
                        if segment.is_some_and(|text| segment_matches(pieces, text, budget)) {
                            set(&mut next, at + 1, true);
                        }
                    }
                }
            }
            reachable = next;
        }
        reachable.last().copied().unwrap_or(false)
    }
}

fn set(list: &mut [bool], at: usize, value: bool) {
    if let Some(place) = list.get_mut(at) {
        *place = value;
    }
}

enum Piece {
    Any,
    One,
    Literal(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Piece {
    /// How many comparisons one letter can take.
    fn cost(&self) -> usize {
        match self {
            Piece::Class { ranges, .. } => ranges.len() + 1,
            _ => 1,
        }
    }
}

/// A path's segments, as [`Glob::matches`] wants them.
pub fn segments(path: &str) -> Vec<Vec<char>> {
    path.split('/').map(|part| part.chars().collect()).collect()
}

fn segment_matches(pieces: &[Piece], text: &[char], budget: &mut u64) -> bool {
    let cost: usize = pieces.iter().map(Piece::cost).sum();
    let steps = (cost as u64 + 1) * (text.len() as u64 + 1);
    let Some(left) = budget.checked_sub(steps) else {
        *budget = 0;
        return false;
    };
    *budget = left;
    let mut reachable = vec![false; text.len() + 1];
    set(&mut reachable, 0, true);
    for piece in pieces {
        let mut next = vec![false; text.len() + 1];
        let mut carried = false;
        for at in 0..=text.len() {
            let here = reachable.get(at).copied().unwrap_or(false);
            if matches!(piece, Piece::Any) {
                carried |= here;
                set(&mut next, at, carried);
            } else if here && text.get(at).is_some_and(|letter| piece_takes(piece, *letter)) {
                set(&mut next, at + 1, true);
            }
        }
        reachable = next;
    }
    reachable.last().copied().unwrap_or(false)
}

fn piece_takes(piece: &Piece, letter: char) -> bool {
    match piece {
        Piece::Any | Piece::One => true,
        Piece::Literal(wanted) => *wanted == letter,
        Piece::Class { negated, ranges } => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != *negated
        }
    }
}

fn parse(pattern: &str) -> Vec<Piece> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        at += 1;
        match letter {
            '*' => pieces.push(Piece::Any),
            '?' => pieces.push(Piece::One),
            '[' => match parse_class(letters.get(at..).unwrap_or_default()) {
                Some((class, length)) => {
                    pieces.push(class);
                    at += length;
                }
                None => pieces.push(Piece::Literal('[')),
            },
            other => pieces.push(Piece::Literal(other)),
        }
    }
    pieces
}

/// The class behind a `[`, and how many letters it takes with its `]`; `None` where it has no end.
fn parse_class(letters: &[char]) -> Option<(Piece, usize)> {
    let negated = matches!(letters.first(), Some('!' | '^'));
    let start = usize::from(negated);
    let length = letters.iter().skip(start + 1).position(|letter| *letter == ']')?;
    let inside = letters.get(start..start + 1 + length)?;
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(low) = inside.get(at).copied() {
        match (inside.get(at + 1), inside.get(at + 2)) {
            (Some('-'), Some(high)) => {
                ranges.push((low, *high));
                at += 3;
            }
            _ => {
                ranges.push((low, low));
                at += 1;
            }
        }
    }
    Some((Piece::Class { negated, ranges }, start + 1 + length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).matches(&segments(path), &mut 1_000_000)
    }

    #[test]
    fn a_budget_that_is_used_up_ends_the_matching() {
        let mut budget = 10;
        assert!(!Glob::new("*a*b*c").matches(&segments("xaybzc"), &mut budget));
        assert_eq!(budget, 0);
    }

    #[test]
    fn globs_mean_what_a_shell_user_expects() {
        let rows = [
            ("*.png", "plot.png", true),
            ("*.png", "out/plot.png", false),
            ("**/*.png", "out/deep/plot.png", true),
            ("**/*.png", "plot.png", true),
            ("out/**", "out/a/b", true),
            ("data?.csv", "data1.csv", true),
            ("data[0-4].csv", "data3.csv", true),
            ("data[!0-4].csv", "data3.csv", false),
            ("a[", "a[", true),
            ("./x", "x", true),
            ("*", ".hidden", true),
            ("é*", "été", true),
        ];
        for (pattern, path, expected) in rows {
            assert_eq!(matches(pattern, path), expected, "{pattern} against {path}");
        }
    }

    proptest! {
        #[test]
        fn every_path_matches_itself_and_two_stars(path in "[a-z]{1,5}(/[a-z]{1,5}){0,4}") {
            prop_assert!(matches(&path, &path));
            prop_assert!(matches("**", &path));
        }

        #[test]
        fn no_pattern_panics(pattern in "\\PC{0,30}", path in "\\PC{0,30}") {
            let _ = matches(&pattern, &path);
        }
    }
}
