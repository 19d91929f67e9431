//! A domain that uses every feature of the runtime's network stack. It gets its IPv4 address from a DHCP server. It replies
//! to each line of text that it receives over TCP, on IPv4 or IPv6, with a line.
//!
//! | line | reply |
//! | --- | --- |
//! | `address` | its IPv4 address and network, `none` without a lease |
//! | `name NAME` | the addresses of the name, IPv4 addresses first, or the error |
//! | `time` | UTC, `unknown` if the machine does not know it |
//! | any other | the same line |
#![cfg_attr(target_os = "caravan", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "caravan")]
runtime::main!(resolver::serve);

#[cfg(not(target_os = "caravan"))]
fn main() {}

#[cfg(target_os = "caravan")]
mod resolver {
    extern crate alloc;

    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use runtime::embassy_net::dns::{DnsQueryType, Error};
    use runtime::embassy_net::tcp::TcpSocket;
    use runtime::embassy_net::{IpAddress, Stack};
    use runtime::embassy_time::{Duration, Timer};
    use runtime::embedded_io_async::Write;
    use runtime::executor::Tasks;
    use runtime::{Start, clock, log, net};

    /// The TCP port of the echo protocol (RFC 862).
    const PORT: u16 = 7;
    const CONNECTIONS_MAX: usize = 4;
    const LINE_BYTES_MAX: usize = 256;
    /// The interval at which the program checks for a lease.
    const CHECK_INTERVAL: Duration = Duration::from_millis(50);

    /// The program.
    pub async fn serve(start: Start, tasks: Tasks) {
        let stack = net::stack(start, tasks);
        let reply =
            async move |socket: &mut TcpSocket<'static>| reply_to_lines(stack, socket).await;
        net::serve_tcp(stack, tasks, PORT, CONNECTIONS_MAX, reply);
        // `Stack::wait_config_up` would return as soon as there is an IPv6 address.
        while stack.config_v4().is_none() {
            Timer::after(CHECK_INTERVAL).await;
        }
        log::info!("has the address {}", address(stack));
    }

    /// Replies to the lines of a connection until it ends or a line is too long.
    async fn reply_to_lines(stack: Stack<'static>, socket: &mut TcpSocket<'static>) {
        let mut received: Vec<u8> = Vec::new();
        let mut buffer = [0; LINE_BYTES_MAX];
        while let Ok(count @ 1..) = socket.read(&mut buffer).await {
            received.extend(&buffer[..count]);
            while let Some(end) = received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = received.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]);
                let reply = reply(stack, &line).await + "\n";
                if socket.write_all(reply.as_bytes()).await.is_err() {
                    return;
                }
            }
            if received.len() > LINE_BYTES_MAX {
                return;
            }
        }
    }

    async fn reply(stack: Stack<'static>, line: &str) -> String {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("address", "") => address(stack),
            ("name", name) => match addresses(stack, name).await {
                Ok(addresses) => join(&addresses),
                Err(error) => format!("{error:?}"),
            },
            ("time", "") => {
                clock::now_utc().map_or_else(|| String::from("unknown"), |utc| utc.to_string())
            }
            _ => String::from(line),
        }
    }

    fn address(stack: Stack<'static>) -> String {
        match stack.config_v4() {
            Some(config) => config.address.to_string(),
            None => String::from("none"),
        }
    }

    async fn addresses(stack: Stack<'static>, name: &str) -> Result<Vec<IpAddress>, Error> {
        let mut addresses = Vec::new();
        for kind in [DnsQueryType::A, DnsQueryType::Aaaa] {
            addresses.extend(stack.dns_query(name, kind).await?);
        }
        Ok(addresses)
    }

    fn join(addresses: &[IpAddress]) -> String {
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        texts.join(" ")
    }
}
