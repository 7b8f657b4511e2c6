//! From a name to a connection: every address is checked, and the one that was checked is dialled.
//! The name is resolved once a connection, so no second answer can take the checked one's place.

use super::address;
use super::dns::Kind;
use super::own;
use super::resolve::{left, Resolver};
use super::target::Target;
use super::words::ConnectionOutcome;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Instant;

/// Why there is no connection, and which address it was about.
#[derive(Debug, PartialEq, Eq)]
pub struct NotDialled {
    pub outcome: ConnectionOutcome,
    pub address: Option<IpAddr>,
}

/// IPv4 first, IPv6 where that gave no connection: hosts without a way out over IPv6 are many.
pub fn dial(
    resolver: &Resolver,
    target: &Target,
    deadline: Instant,
) -> Result<(TcpStream, IpAddr), NotDialled> {
    let mut failure = NotDialled { outcome: ConnectionOutcome::Unresolved, address: None };
    for kind in [Kind::A, Kind::Aaaa] {
        for address in resolver.resolve(&target.host, kind, deadline) {
            match connect(address, target.port, deadline) {
                Ok(stream) => return Ok((stream, address)),
                Err(outcome) => {
                    let is_first = failure.outcome == ConnectionOutcome::Unresolved;
                    if is_first || outcome == ConnectionOutcome::AddressRefused {
                        failure = NotDialled { outcome, address: Some(address) };
                    }
                }
            }
        }
    }
    Err(failure)
}

fn connect(address: IpAddr, port: u16, deadline: Instant) -> Result<TcpStream, ConnectionOutcome> {
    if !is_allowed(address) {
        return Err(ConnectionOutcome::AddressRefused);
    }
    let failed = |_| ConnectionOutcome::ConnectFailed;
    let wait = left(deadline).map_err(failed)?;
    TcpStream::connect_timeout(&SocketAddr::new(address, port), wait).map_err(failed)
}

/// Public, and not this host: what the kernel can't say of an address counts against it, unless
/// there is just no way to it.
fn is_allowed(address: IpAddr) -> bool {
    const NO_WAY: [Option<i32>; 2] = [Some(libc::ENETUNREACH), Some(libc::EHOSTUNREACH)];
    address::refusal(address).is_none()
        && match own::is_own(address) {
            Ok(own) => !own,
            Err(error) => NO_WAY.contains(&error.raw_os_error()),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::Duration;

    fn failure_of(hosts: &str) -> Option<NotDialled> {
        let resolver = Resolver::new("nameserver 127.0.0.1", hosts);
        let target = Target { host: "a.example".into(), port: 1 };
        dial(&resolver, &target, Instant::now() + Duration::from_secs(2)).err()
    }

    #[test]
    fn an_address_of_this_host_is_refused_though_somebody_listens() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let target = Target { host: "a.example".into(), port: listener.local_addr()?.port() };
        let resolver = Resolver::new("", "127.0.0.1 a.example");
        let failure = dial(&resolver, &target, Instant::now() + Duration::from_secs(2)).err();
        let address = Some(IpAddr::from([127, 0, 0, 1]));
        let outcome = ConnectionOutcome::AddressRefused;
        assert_eq!(failure, Some(NotDialled { outcome, address }));
        assert!(listener.accept().is_err(), "it was dialled all the same");
        Ok(())
    }

    #[test]
    fn each_refused_address_of_a_name_is_passed_over() {
        let hosts = "10.0.0.1 a.example\n169.254.169.254 a.example\nfd00:ec2::254 a.example";
        let failure = failure_of(hosts);
        assert_eq!(failure.map(|it| it.outcome), Some(ConnectionOutcome::AddressRefused));
    }
}
