//! Frames of the launch protocol: two u32 little-endian lengths, a JSON header, a payload
//! (docs/reference/launch-protocol.md).

use serde::Serialize;

pub const HEADER_BYTES_MAX: usize = 64 * 1024;
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
const PREFIX_BYTES: usize = 8;

/// A frame's place in the buffer that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSpan {
    pub header_end: usize,
    pub end: usize,
}

pub const HEADER_START: usize = PREFIX_BYTES;

/// Finds the first frame of `buffer`.
///
/// # Errors
/// A length past its bound: the peer does not speak this protocol.
pub fn first_frame(buffer: &[u8]) -> Result<Option<FrameSpan>, &'static str> {
    let Some((header, payload)) = lengths(buffer) else {
        return Ok(None);
    };
    if !(2..=HEADER_BYTES_MAX).contains(&header) {
        return Err("header length out of bounds");
    }
    if payload > PAYLOAD_BYTES_MAX {
        return Err("payload length out of bounds");
    }
    let header_end = PREFIX_BYTES + header;
    let end = header_end + payload;
    Ok((buffer.len() >= end).then_some(FrameSpan { header_end, end }))
}

fn lengths(buffer: &[u8]) -> Option<(usize, usize)> {
    let header: [u8; 4] = buffer.get(0..4)?.try_into().ok()?;
    let payload: [u8; 4] = buffer.get(4..8)?.try_into().ok()?;
    Some((u32::from_le_bytes(header) as usize, u32::from_le_bytes(payload) as usize))
}

/// Appends one frame to `out`. A payload over its bound is a bug of the caller and is cut off.
pub fn append_frame<T: Serialize>(out: &mut Vec<u8>, header: &T, payload: &[u8]) {
    let payload = payload.get(..PAYLOAD_BYTES_MAX).unwrap_or(payload);
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    if serde_json::to_writer(&mut *out, header).is_err() {
        out.truncate(start);
        return;
    }
    let length = (out.len() - start - PREFIX_BYTES) as u32;
    if let Some(prefix) = out.get_mut(start..start + 4) {
        prefix.copy_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Serialize)]
    struct Header<'a> {
        r#type: &'a str,
    }

    proptest! {
        #[test]
        fn a_frame_is_found_only_when_whole(
            payload in proptest::collection::vec(any::<u8>(), 0..300), name in "[a-z]{0,40}",
        ) {
            let mut out = Vec::new();
            append_frame(&mut out, &Header { r#type: &name }, &payload);
            for cut in 0..out.len() {
                prop_assert_eq!(first_frame(out.get(..cut).unwrap_or(&[])), Ok(None));
            }
            out.extend_from_slice(b"next");
            let span = first_frame(&out).ok().flatten();
            let end = out.len() - 4;
            prop_assert_eq!(span.map(|s| s.end), Some(end));
            prop_assert_eq!(out.get(end - payload.len()..end), Some(payload.as_slice()));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = first_frame(&bytes);
        }
    }

    #[test]
    fn lengths_past_their_bounds_are_refused() {
        let frame = |h: u32, p: u32| [h.to_le_bytes(), p.to_le_bytes()].concat();
        assert!(first_frame(&frame(65_537, 0)).is_err());
        assert!(first_frame(&frame(1, 0)).is_err());
        assert!(first_frame(&frame(2, 1_048_577)).is_err());
        assert_eq!(first_frame(&frame(65_536, 1_048_576)), Ok(None));
    }
}
