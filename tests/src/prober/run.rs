//! The probing itself: one loop over a clock and two sockets.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::checker::{Checker, Promise};
use super::clock::now_ns;
use super::options::Options;
use super::protocol::{REPLY_BYTES, Reply};
use super::replies::Replies;
use super::report::{Figures, Report, Summary};
use super::stream::Stream;

/// How long replies to the last TCP requests are awaited. After a pause, a client's kernel retransmits only when about as much
/// time has passed again (RFC 6298, 5.5). On a busy host, the restart of a machine is a long pause.
const TCP_PATIENCE: Duration = Duration::from_secs(40);

/// The longest sleep, so that a stop is noticed.
const NAP_NS: u64 = 1_000_000;

/// Socket buffers that hold more than a second's replies.
const SOCKET_BYTES: usize = 1 << 20;

/// Probes until `stop` is set or the options' time is over, collects outstanding replies, and reports. Calls `on_reply`
/// when the domain has replied over both transports.
///
/// # Errors
///
/// If no UDP socket can be opened. A domain that does not reply is not an error: the report shows it.
pub fn run(options: &Options, stop: &AtomicBool, on_reply: impl FnOnce()) -> io::Result<Report> {
    let mut on_reply = Some(on_reply);
    let mut prober = Prober::new(options)?;
    loop {
        // Requests are sent at least once, even if this host has slept since the start.
        prober.send();
        if stop.load(Ordering::Relaxed) || prober.is_over() {
            break;
        }
        prober.wait_and_receive(prober.next_due());
        if prober.has_replied()
            && let Some(on_reply) = on_reply.take()
        {
            on_reply();
        }
    }
    prober.end_ns = now_ns();
    loop {
        // Data is received at least once, so that the end of the connection is detected even if no reply is outstanding.
        prober.flush();
        prober.wait_and_receive(u64::MAX);
        if !prober.is_waiting() {
            return Ok(prober.report());
        }
    }
}

/// The schedule of one transport's requests.
#[derive(Debug)]
struct Pace {
    interval_ns: u64,
    next_ns: u64,
}

impl Pace {
    /// The delay of a request at `now`, if one is due. The next is due an interval later, but not in the past: requests that
    /// became due while this host slept are skipped.
    fn take_due(&mut self, now: u64) -> Option<u64> {
        let late = now.checked_sub(self.next_ns)?;
        self.next_ns += self.interval_ns;
        if self.next_ns < now {
            self.next_ns = now + self.interval_ns;
        }
        Some(late)
    }
}

struct Prober<'a> {
    options: &'a Options,
    socket: UdpSocket,
    udp: Checker,
    udp_pace: Pace,
    udp_replies: Replies,
    /// The connection, or the reason there is none.
    stream: Result<Stream, String>,
    tcp: Checker,
    tcp_pace: Pace,
    start_ns: u64,
    end_ns: u64,
    latest_ns: u64,
}

impl<'a> Prober<'a> {
    fn new(options: &'a Options) -> io::Result<Self> {
        let stream = Stream::connect(options.address).map_err(|error| format!("connect: {error}"));
        let any = if options.address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any)?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BYTES)?;
        socket.connect(options.address)?;
        socket.set_nonblocking(true)?;
        let start_ns = now_ns();
        let pace = |interval: Duration| Pace {
            interval_ns: interval.as_nanos() as u64,
            next_ns: start_ns,
        };
        Ok(Self {
            options,
            socket,
            udp: Checker::new(options.heap, Promise::Nothing),
            udp_pace: pace(options.udp_interval),
            udp_replies: Replies::default(),
            stream,
            tcp: Checker::new(options.heap, Promise::Order),
            tcp_pace: pace(options.tcp_interval),
            start_ns,
            end_ns: start_ns,
            latest_ns: 0,
        })
    }

    fn is_over(&self) -> bool {
        let elapsed = Duration::from_nanos(now_ns() - self.start_ns);
        self.options
            .duration
            .is_some_and(|duration| elapsed >= duration)
    }

    /// Whether the domain has replied over both transports.
    fn has_replied(&self) -> bool {
        self.udp.reply_count() > 0 && self.tcp.reply_count() > 0
    }

    /// Whether an outstanding reply may still arrive.
    fn is_waiting(&self) -> bool {
        let waited = Duration::from_nanos(now_ns() - self.end_ns);
        let udp =
            self.udp.reply_count() < self.udp.request_count() && waited < self.options.udp_patience;
        let tcp = self.stream.is_ok()
            && self.tcp.reply_count() < self.tcp.request_count()
            && waited < TCP_PATIENCE;
        udp || tcp
    }

    /// When the next request is due. None is over a connection that has ended.
    fn next_due(&self) -> u64 {
        let tcp = self.stream.as_ref().map(|_| self.tcp_pace.next_ns);
        tcp.map_or(self.udp_pace.next_ns, |tcp| self.udp_pace.next_ns.min(tcp))
    }

    /// Sends due requests.
    fn send(&mut self) {
        let now = now_ns();
        if let Some(late) = self.udp_pace.take_due(now) {
            self.latest_ns = self.latest_ns.max(late);
            // A request that cannot be sent, for example to an unreachable address, counts as a request without a reply.
            let _ = self.socket.send(&self.udp.next_request(now).encode());
        }
        if let Ok(stream) = &mut self.stream
            && self.tcp_pace.take_due(now).is_some()
            && stream.has_room()
        {
            stream.push(self.tcp.next_request(now));
        }
        self.flush();
    }

    fn flush(&mut self) {
        if let Ok(stream) = &mut self.stream
            && let Err(error) = stream.write()
        {
            self.stream = Err(format!("write: {error}"));
        }
    }

    /// Sleeps until data arrives, until `due`, or for a nap, and receives the data.
    fn wait_and_receive(&mut self, due: u64) {
        let nap = due.saturating_sub(now_ns()).min(NAP_NS);
        let nap = Timespec {
            tv_sec: 0,
            tv_nsec: nap as _,
        };
        let mut sockets = vec![PollFd::new(&self.socket, PollFlags::IN)];
        if let Ok(stream) = &self.stream {
            sockets.push(PollFd::new(stream.socket(), PollFlags::IN));
        }
        // A signal ends the nap early, harmlessly.
        let _ = poll(&mut sockets, Some(&nap));
        self.receive_datagrams();
        self.receive_stream();
    }

    fn receive_datagrams(&mut self) {
        let mut bytes = [0; REPLY_BYTES + 1];
        loop {
            match self.socket.recv(&mut bytes) {
                Ok(REPLY_BYTES) => {
                    let reply = bytes.first_chunk().expect("it is longer");
                    if self.udp.judge(Reply::decode(reply)) {
                        self.udp_replies.push(now_ns());
                    }
                }
                Ok(_) => self.udp.judge_garbage(),
                // The ICMP error of an earlier datagram to a closed port.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
    }

    fn receive_stream(&mut self) {
        let Ok(stream) = &mut self.stream else { return };
        let tcp = &mut self.tcp;
        let judge = |reply| {
            tcp.judge(reply);
        };
        if let Err(error) = stream.read(judge) {
            self.stream = Err(format!("read: {error}"));
        }
    }

    fn report(self) -> Report {
        let pending = self.tcp.request_count() - self.tcp.reply_count();
        let tcp_error = match self.stream {
            Err(error) => Some(error),
            Ok(_) if pending > 0 => Some(format!("{pending} requests had no reply")),
            Ok(_) => None,
        };
        let since_start = |time: Duration| self.start_ns + time.as_nanos() as u64;
        let (from, to) = match &self.options.window {
            Some(window) => (since_start(window.start), since_start(window.end)),
            None => (
                self.udp_replies
                    .times()
                    .first()
                    .copied()
                    .unwrap_or(self.start_ns),
                self.end_ns,
            ),
        };
        let summary = Summary {
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            udp: Figures::from(&self.udp),
            tcp: Figures::from(&self.tcp),
            tcp_survived: tcp_error.is_none(),
            tcp_error,
            longest_gap_ns: self.udp_replies.longest_gap(from, to),
            latest_request_ns: self.latest_ns,
        };
        Report {
            summary,
            udp_replies: self.udp_replies,
        }
    }
}
