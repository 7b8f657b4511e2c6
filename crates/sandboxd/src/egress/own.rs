//! The host's own addresses, asked of the kernel at each dial (rtnetlink(7)): every address of
//! every interface, and whether a route would deliver here (which covers `ip route add local`).

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    recv, sendto, socket_with, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
/// IFA_ADDRESS is the peer's where there is one, IFA_LOCAL then one's own; IFA_ANYCAST is both's.
const IFA_ADDRESSES: [u16; 3] = [1, 2, 5];
const RTA_DST: u16 = 1;
const RTN_UNICAST: u8 = 1;
const HEADER_BYTES: usize = 16;
/// Of `struct ifaddrmsg`, and of `struct rtmsg`.
const ADDRESS_BYTES: usize = 8;
const ROUTE_BYTES: usize = 12;
const ROUTE_TYPE_AT: usize = 7;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const BUFFER_BYTES: usize = 32 * 1024;
/// A host has hundreds of addresses at most; the rest of a dump is not waited for.
const PACKETS_MAX: usize = 1024;

/// Whether a connection to this address would stay on this host.
///
/// # Errors
/// The kernel would not say: treat it as the host's own.
pub fn is_own(address: IpAddr) -> io::Result<bool> {
    let mut found = false;
    dump_addresses(|own| found |= own == address)?;
    Ok(found || route_type(address)? != RTN_UNICAST)
}

fn dump_addresses(mut tell: impl FnMut(IpAddr)) -> io::Result<()> {
    let socket = ask(RTM_GETADDR, NLM_F_DUMP, &[0; ADDRESS_BYTES])?;
    let mut buffer = vec![0u8; BUFFER_BYTES];
    for _ in 0..PACKETS_MAX {
        for (kind, body) in messages(receive(&socket, &mut buffer)?) {
            match kind {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => return Err(error_of(body)),
                RTM_NEWADDR => attributes(body.get(ADDRESS_BYTES..).unwrap_or_default())
                    .filter(|(name, _)| IFA_ADDRESSES.contains(name))
                    .filter_map(|(_, value)| address_of(value))
                    .for_each(&mut tell),
                _ => {}
            }
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// RTN_* of the route that the kernel would take.
fn route_type(address: IpAddr) -> io::Result<u8> {
    let (family, octets) = match address {
        IpAddr::V4(address) => (AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (AF_INET6, address.octets().to_vec()),
    };
    let mut body = vec![0u8; ROUTE_BYTES];
    body[0] = family;
    body[1] = octets.len() as u8 * 8;
    body.extend_from_slice(&(octets.len() as u16 + 4).to_ne_bytes());
    body.extend_from_slice(&RTA_DST.to_ne_bytes());
    body.extend_from_slice(&octets);
    let socket = ask(RTM_GETROUTE, 0, &body)?;
    let mut buffer = vec![0u8; BUFFER_BYTES];
    let (kind, body) =
        messages(receive(&socket, &mut buffer)?).next().ok_or(io::ErrorKind::InvalidData)?;
    match (kind, body.get(ROUTE_TYPE_AT)) {
        (RTM_NEWROUTE, Some(kind)) => Ok(*kind),
        (NLMSG_ERROR, _) => Err(error_of(body)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<OwnedFd> {
    let flags = flags | NLM_F_REQUEST;
    let mut message = Vec::with_capacity(HEADER_BYTES + body.len());
    message.extend_from_slice(&((HEADER_BYTES + body.len()) as u32).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&[0; 8]); // Sequence and sender: one socket, one question.
    message.extend_from_slice(body);
    let (family, datagrams) = (AddressFamily::NETLINK, SocketType::DGRAM);
    let socket = socket_with(family, datagrams, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    Ok(socket)
}

fn receive<'a>(socket: &OwnedFd, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let (count, _) = recv(socket, &mut *buffer, RecvFlags::empty())?;
    Ok(buffer.get(..count).unwrap_or_default())
}

/// Type and body of each message of a packet (netlink(7)).
fn messages(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes(rest.get(4..6)?.try_into().ok()?);
        let body = rest.get(HEADER_BYTES..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// Name and value of each attribute (rtnetlink(7)).
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(rest.get(..2)?.try_into().ok()?));
        let name = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?);
        let value = rest.get(4..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((name, value))
    })
}

fn aligned(length: usize) -> usize {
    length.div_ceil(4) * 4
}

fn address_of(value: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(value).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from)).ok()
}

fn error_of(body: &[u8]) -> io::Error {
    let code = body.get(..4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    io::Error::from_raw_os_error(code.unwrap_or(-libc::EIO).wrapping_neg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn loopback_is_the_hosts_own_by_its_interface_and_by_its_route() -> io::Result<()> {
        assert!(is_own([127, 0, 0, 1].into())?);
        assert!(is_own([127, 9, 9, 9].into())?, "no interface has it, and it stays here");
        Ok(())
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..99)) {
            for (_, body) in messages(&bytes).take(99) {
                let values = attributes(body).take(99).map(|(_, value)| value);
                let _ = values.filter_map(address_of).count();
                let _ = error_of(body);
            }
        }
    }
}
