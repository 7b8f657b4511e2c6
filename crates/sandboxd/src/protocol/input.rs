//! The first whole message of what a client has sent.

use super::frame::{first_frame, HEADER_START};
use super::message::Request;

/// One message, its payload, and how many bytes of the input both took.
pub struct Input<'a> {
    pub request: Request,
    pub payload: &'a [u8],
    pub taken: usize,
}

/// `None` where no message is whole yet.
///
/// # Errors
/// Why this is no message of the protocol: the connection has said its last.
pub fn first_input(bytes: &[u8]) -> Result<Option<Input<'_>>, String> {
    let Some(span) = first_frame(bytes)? else { return Ok(None) };
    let header = bytes.get(HEADER_START..span.header_end).unwrap_or_default();
    let payload = bytes.get(span.header_end..span.end).unwrap_or_default();
    let request = serde_json::from_slice(header).map_err(|error| error.to_string())?;
    Ok(Some(Input { request, payload, taken: span.end }))
}
