//! A stub resolver (ADR 0028): the host's own servers and /etc/hosts, read before the process is
//! confined. Nothing is cached: each connection asks anew, and dials what it was told and checked.

use super::dns::{self, Answer, Kind};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

const PORT: u16 = 53;
const SERVERS_MAX: usize = 3;
const ROUNDS: u32 = 2;
const TRY_MS: u64 = 1500;
const ALIASES_MAX: usize = 8;
const UDP_BYTES_MAX: usize = 4096;
const TCP_BYTES_MAX: usize = 16 * 1024;

pub struct Resolver {
    servers: Vec<SocketAddr>,
    hosts: Vec<(String, IpAddr)>,
}

impl Resolver {
    /// From the texts of resolv.conf(5) and hosts(5). Search lists are not for us: names are whole.
    pub fn new(resolv_conf: &str, hosts: &str) -> Resolver {
        let server = |line: &str| {
            let address = line.strip_prefix("nameserver")?.split_whitespace().next()?;
            Some(SocketAddr::new(address.parse().ok()?, PORT))
        };
        let mut servers: Vec<SocketAddr> =
            resolv_conf.lines().filter_map(server).take(SERVERS_MAX).collect();
        if servers.is_empty() {
            servers.push((Ipv4Addr::LOCALHOST, PORT).into()); // resolv.conf(5)
        }
        Resolver { servers, hosts: hosts.lines().flat_map(host_line).collect() }
    }

    /// The name's addresses of one kind; empty where it has none or nobody says.
    pub fn resolve(&self, name: &str, kind: Kind, deadline: Instant) -> Vec<IpAddr> {
        let of_kind = |address: &IpAddr| address.is_ipv4() == (kind == Kind::A);
        let known = self.hosts.iter().filter(|(host, _)| host == name).map(|(_, address)| *address);
        let known: Vec<IpAddr> = known.collect();
        if !known.is_empty() {
            return known.into_iter().filter(of_kind).collect();
        }
        let mut name = name.to_string();
        for _ in 0..ALIASES_MAX {
            match self.ask(&name, kind, deadline) {
                Some(Answer::Found(addresses)) => return addresses,
                Some(Answer::Alias(alias)) => name = alias,
                _ => break,
            }
        }
        Vec::new()
    }

    fn ask(&self, name: &str, kind: Kind, deadline: Instant) -> Option<Answer> {
        for round in 1..=ROUNDS {
            for server in &self.servers {
                let until = deadline.min(Instant::now() + Duration::from_millis(TRY_MS) * round);
                match ask_server(*server, (name, kind), until) {
                    Ok(Answer::Failed | Answer::Truncated) | Err(_) => {}
                    Ok(answer) => return Some(answer),
                }
            }
        }
        None
    }
}

/// `address name alias…`, up to a `#`.
fn host_line(line: &str) -> Vec<(String, IpAddr)> {
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let Some(Ok(address)) = words.next().map(str::parse) else { return Vec::new() };
    words.map(|name| (name.to_ascii_lowercase(), address)).collect()
}

/// Asks by UDP and, where the answer did not fit, by TCP.
fn ask_server(
    server: SocketAddr,
    (name, kind): (&str, Kind),
    until: Instant,
) -> io::Result<Answer> {
    let id = random_id()?;
    let question = dns::question(id, name, kind).ok_or(io::ErrorKind::InvalidInput)?;
    // Each question has a socket of its own, and with it a random port of the kernel's choice.
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.send(&question)?;
    let mut buffer = [0u8; UDP_BYTES_MAX];
    loop {
        socket.set_read_timeout(Some(left(until)?))?;
        let count = socket.recv(&mut buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        match dns::answer(bytes, id, name, kind) {
            Some(Answer::Truncated) => break,
            Some(answer) => return Ok(answer),
            None => {} // Not an answer to this question: somebody guesses, or an old one.
        }
    }
    let bytes = exchange(server, &question, until)?;
    dns::answer(&bytes, id, name, kind).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// RFC 7766: each message behind its length.
fn exchange(server: SocketAddr, question: &[u8], until: Instant) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, left(until)?)?;
    stream.set_write_timeout(Some(left(until)?))?;
    stream.write_all(&[&(question.len() as u16).to_be_bytes(), question].concat())?;
    let mut length = [0u8; 2];
    read_until(&mut stream, &mut length, until)?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length)).min(TCP_BYTES_MAX)];
    read_until(&mut stream, &mut bytes, until)?;
    Ok(bytes)
}

/// As `read_exact`, but slow bytes don't lengthen the time.
fn read_until(stream: &mut TcpStream, mut rest: &mut [u8], until: Instant) -> io::Result<()> {
    while !rest.is_empty() {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(rest)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => rest = rest.get_mut(count..).unwrap_or_default(),
        }
    }
    Ok(())
}

pub fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

fn random_id() -> io::Result<u16> {
    let mut bytes = [0u8; 2];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u16::from_ne_bytes(bytes))
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
