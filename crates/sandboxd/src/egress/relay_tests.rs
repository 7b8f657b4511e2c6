//! Real connections over loopback, relayed by a thread.

use super::*;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let one = TcpStream::connect(listener.local_addr()?)?;
    Ok((one, listener.accept()?.0))
}

struct Bench {
    program: TcpStream,
    server: TcpStream,
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    end: OwnedFd,
    relaying: JoinHandle<io::Result<ConnectionOutcome>>,
}

fn bench(budget: u64, time: Duration) -> io::Result<Bench> {
    let (program, sandbox) = pair()?;
    let (server, remote) = pair()?;
    let (end, watched) = std::os::unix::net::UnixStream::pair()?;
    let (sent, received) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counts = (Arc::clone(&sent), Arc::clone(&received));
    let relaying = thread::spawn(move || {
        let terms = Terms {
            budget: &AtomicU64::new(budget),
            sent: &counts.0,
            received: &counts.1,
            deadline: Instant::now() + time,
            end: watched.as_fd(),
            grace: Duration::from_millis(100),
        };
        relay(&sandbox, &remote, &terms)
    });
    Ok(Bench { program, server, sent, received, end: end.into(), relaying })
}

const LONG: Duration = Duration::from_secs(30);

fn outcome(relaying: JoinHandle<io::Result<ConnectionOutcome>>) -> Option<ConnectionOutcome> {
    relaying.join().ok()?.ok()
}

#[test]
fn bytes_and_ends_go_both_ways_and_are_counted() -> io::Result<()> {
    let mut bench = bench(u64::MAX, LONG)?;
    let sent: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
    let expected = sent.clone();
    let mut writer = bench.program.try_clone()?;
    let writing = thread::spawn(move || -> io::Result<()> {
        writer.write_all(&sent)?;
        writer.shutdown(Shutdown::Write)
    });
    let mut seen = Vec::new();
    bench.server.read_to_end(&mut seen)?;
    assert!(seen == expected, "other bytes arrived");
    bench.server.write_all(b"answer after the end of the question")?;
    drop(bench.server);
    let mut answer = String::new();
    bench.program.read_to_string(&mut answer)?;
    assert_eq!(answer, "answer after the end of the question");
    assert!(writing.join().is_ok());
    assert_eq!(outcome(bench.relaying), Some(ConnectionOutcome::Closed));
    assert_eq!(bench.sent.load(Ordering::Relaxed), 300_000);
    assert_eq!(bench.received.load(Ordering::Relaxed), 36);
    Ok(())
}

#[test]
fn what_the_budget_paid_for_arrives_and_not_a_byte_more() -> io::Result<()> {
    let mut bench = bench(10, LONG)?;
    bench.program.write_all(b"exactly te")?;
    let mut seen = [0u8; 10];
    bench.server.read_exact(&mut seen)?;
    bench.program.write_all(b"n")?;
    assert_eq!(outcome(bench.relaying), Some(ConnectionOutcome::BytesLimit));
    assert_eq!(bench.sent.load(Ordering::Relaxed), 10);
    Ok(())
}

#[test]
fn a_connection_that_lasts_too_long_is_cut() -> io::Result<()> {
    let bench = bench(u64::MAX, Duration::from_millis(50))?;
    assert_eq!(outcome(bench.relaying), Some(ConnectionOutcome::TimeLimit));
    Ok(())
}

#[test]
fn what_was_written_before_the_sandboxs_end_still_leaves() -> io::Result<()> {
    let mut bench = bench(u64::MAX, LONG)?;
    bench.program.write_all(b"last words")?;
    drop(bench.program);
    drop(bench.end);
    let mut seen = String::new();
    bench.server.read_to_string(&mut seen)?;
    assert_eq!(seen, "last words");
    assert_eq!(outcome(bench.relaying), Some(ConnectionOutcome::Closed));
    Ok(())
}

#[test]
fn a_connection_that_outlives_its_sandbox_is_cancelled() -> io::Result<()> {
    let bench = bench(u64::MAX, LONG)?;
    drop(bench.end);
    assert_eq!(outcome(bench.relaying), Some(ConnectionOutcome::Cancelled));
    Ok(())
}

#[test]
fn the_budget_never_goes_below_nothing() {
    let budget = AtomicU64::new(5);
    assert_eq!([spend(&budget, 3), spend(&budget, 3), spend(&budget, 3)], [3, 2, 0]);
}
