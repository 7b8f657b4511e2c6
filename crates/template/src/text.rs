//! Numbers and words in the texts of /proc.

pub struct Text<'a> {
    pub rest: &'a [u8],
}

impl<'a> Text<'a> {
    /// What stands before this byte, which is left out.
    pub fn until(&mut self, end: u8) -> &'a [u8] {
        let at = self.rest.iter().position(|byte| *byte == end).unwrap_or(self.rest.len());
        let (before, behind) = self.rest.split_at(at);
        self.rest = behind.get(1..).unwrap_or_default();
        before
    }

    pub fn number(&mut self, end: u8, base: usize) -> usize {
        self.until(end).iter().fold(0, |sum, digit| sum * base + value(*digit))
    }

    pub fn skip_blanks(&mut self) {
        while let [b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}

fn value(digit: u8) -> usize {
    usize::from(match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 0,
    })
}

/// Writes a path of /proc/self with a number in it, and a NUL; gives the length without it.
pub fn path_of(room: &mut [u8; 64], folder: &[u8], number: usize) -> usize {
    let mut digits = [0u8; 20];
    let (mut first, mut left) = (digits.len(), number);
    loop {
        first -= 1;
        if let Some(digit) = digits.get_mut(first) {
            *digit = b'0' + (left % 10) as u8;
        }
        left /= 10;
        if left == 0 {
            break;
        }
    }
    let digits = digits.get(first..).unwrap_or_default();
    for (place, byte) in room.iter_mut().zip(folder.iter().chain(digits).chain(&[0])) {
        *place = *byte;
    }
    folder.len() + digits.len()
}
