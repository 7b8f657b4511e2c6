//! Files of the host, and servers of the test's own on loopback.

use super::*;
use std::net::TcpListener;
use std::thread;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(2)
}

fn sockets(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

#[test]
fn servers_are_read_as_resolv_conf_has_them() {
    let text = "# one\nsearch example.com\nnameserver 9.9.9.9\nnameserver ::1\nnameserver x\n";
    assert_eq!(Resolver::new(text, "").servers, sockets(&["9.9.9.9:53", "[::1]:53"]));
    assert_eq!(Resolver::new("", "").servers, sockets(&["127.0.0.1:53"]));
    let many = "nameserver 1.1.1.1\n".repeat(9);
    assert_eq!(Resolver::new(&many, "").servers.len(), SERVERS_MAX);
}

#[test]
fn a_name_of_the_hosts_file_asks_nobody() {
    let hosts = "1.2.3.4 API.example.com other # not.this\n::5 api.example.com\nbad line\n";
    let resolver = Resolver::new("", hosts);
    let resolved = |name, kind| resolver.resolve(name, kind, Instant::now());
    assert_eq!(resolved("api.example.com", Kind::A), [IpAddr::from([1, 2, 3, 4])]);
    assert_eq!(resolved("api.example.com", Kind::Aaaa).len(), 1);
    assert!(resolved("other", Kind::Aaaa).is_empty());
    assert!(resolved("not.this", Kind::A).is_empty());
}

/// Answers one question at a real socket with what `make` says.
fn serve(make: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        let mut buffer = [0u8; 512];
        let (count, client) = socket.recv_from(&mut buffer)?;
        for bytes in make(buffer.get(..count).unwrap_or_default()) {
            socket.send_to(&bytes, client)?;
        }
        Ok(())
    });
    Ok(address)
}

fn answered(question: &[u8], address: [u8; 4]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    bytes[2] |= 0x80;
    bytes[7] = 1;
    bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]);
    bytes.extend(address);
    bytes
}

#[test]
fn a_wrong_id_is_waited_past() -> io::Result<()> {
    let server = serve(|question| {
        let mut wrong = answered(question, [6, 6, 6, 6]);
        wrong[0] ^= 1;
        vec![wrong, b"?".to_vec(), answered(question, [1, 2, 3, 4])]
    })?;
    let answer = ask_server(server, ("a.example", Kind::A), soon())?;
    assert_eq!(answer, Answer::Found(vec![IpAddr::from([1, 2, 3, 4])]));
    Ok(())
}

#[test]
fn silence_ends_at_the_deadline() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let until = Instant::now() + Duration::from_millis(30);
    assert!(ask_server(socket.local_addr()?, ("a.example", Kind::A), until).is_err());
    assert!(Instant::now() >= until);
    Ok(())
}

#[test]
fn a_truncated_answer_is_asked_for_again_over_tcp() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let udp = UdpSocket::bind(address)?;
    thread::spawn(move || -> io::Result<()> {
        let mut buffer = [0u8; 512];
        let (count, client) = udp.recv_from(&mut buffer)?;
        buffer[2] |= 0x82;
        udp.send_to(buffer.get(..count).unwrap_or_default(), client)?;
        let (mut stream, _) = listener.accept()?;
        let mut asked = vec![0; count + 2];
        stream.read_exact(&mut asked)?;
        let bytes = answered(asked.get(2..).unwrap_or_default(), [1, 2, 3, 4]);
        stream.write_all(&[&(bytes.len() as u16).to_be_bytes(), &bytes[..]].concat())
    });
    let answer = ask_server(address, ("a.example", Kind::A), soon())?;
    assert_eq!(answer, Answer::Found(vec![IpAddr::from([1, 2, 3, 4])]));
    Ok(())
}
