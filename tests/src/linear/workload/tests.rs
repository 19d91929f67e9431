//! Clients against stores on this host: a correct one, and some faulty ones.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::super::{by_key, check};
use super::*;

/// The number of requests after which the clients are stopped.
const ENOUGH: u64 = 2_000;

/// A mistake of the store: changes the request of this number.
type Mistake = fn(u64, &mut Vec<String>);

/// The state that a store's connections share.
struct Store {
    values: Mutex<HashMap<String, i64>>,
    requests: AtomicU64,
    stop: Arc<AtomicBool>,
    mistake: Mistake,
}

/// Runs clients against a store on loopback.
fn observe(mistake: Mistake) -> Observed {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let store = listener.local_addr().expect("an address");
    let stop = Arc::new(AtomicBool::new(false));
    let shared = Arc::new(Store {
        values: Mutex::default(),
        requests: AtomicU64::new(0),
        stop: stop.clone(),
        mistake,
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let store = shared.clone();
            thread::spawn(move || store.serve(stream));
        }
    });
    let workload = Workload {
        store,
        seed: 4,
        clients: 8,
        keys: 3,
    };
    let mut has_begun = false;
    let observed = workload.run(&stop, || has_begun = true);
    assert!(has_begun);
    observed.expect("all clients connect")
}

impl Store {
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(mut words) = read_request(&mut reader) {
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            (self.mistake)(number, &mut words);
            let reply = self.execute(&words);
            self.stop.fetch_or(number >= ENOUGH, Ordering::Relaxed);
            if reader.get_mut().write_all(reply.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn execute(&self, words: &[String]) -> String {
        let mut values = self.values.lock().expect("no panic");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let number = |text: &str| text.parse::<i64>().expect("a number");
        match words.as_slice() {
            ["GET", key] => bulk(values.get(*key).copied()),
            ["SET", key, value] => {
                values.insert((*key).into(), number(value));
                "+OK\r\n".into()
            }
            ["SET", key, value, "GET"] => bulk(values.insert((*key).into(), number(value))),
            ["SETNX", key, value] => {
                let is_absent = !values.contains_key(*key);
                values.entry((*key).into()).or_insert(number(value));
                format!(":{}\r\n", i32::from(is_absent))
            }
            ["INCR", key] => {
                let value = values.entry((*key).into()).or_insert(0);
                *value += 1;
                format!(":{value}\r\n")
            }
            ["DEL", key] => format!(":{}\r\n", i32::from(values.remove(*key).is_some())),
            // An abandoned request.
            [] => "+OK\r\n".into(),
            _ => "-ERR\r\n".into(),
        }
    }
}

fn bulk(value: Option<i64>) -> String {
    match value.map(|value| value.to_string()) {
        Some(text) => format!("${}\r\n{text}\r\n", text.len()),
        None => "$-1\r\n".into(),
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let count = read_number(reader, '*')?;
    let word = |_| {
        let mut bytes = vec![0; read_number(reader, '$')? + 2];
        reader.read_exact(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned())
    };
    (0..count).map(word).collect()
}

fn read_number(reader: &mut BufReader<TcpStream>, kind: char) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(kind)?.parse().ok()
}

fn is_linearizable(observed: &Observed) -> bool {
    let keys = by_key(&observed.history);
    keys.values().all(|entries| check(entries).is_ok())
}

#[test]
fn a_correct_store_is_linearizable() {
    let observed = observe(|_, _| {});
    assert!(observed.summary.errors.is_empty(), "{:?}", observed.summary);
    assert!(observed.summary.lost.is_empty(), "{:?}", observed.summary);
    assert!(observed.history.len() as u64 >= ENOUGH);
    let pending = observed.history.iter();
    let pending = pending.filter(|entry| entry.completion.is_none());
    assert!(pending.count() > 0, "no operation was abandoned");
    assert!(is_linearizable(&observed));
}

#[test]
fn a_store_that_loses_a_write_is_not_linearizable() {
    let mut lost = observe(|number, words| {
        if number > ENOUGH / 2 && words.len() == 3 && words[0] == "SET" {
            words.clear();
        }
    });
    lost.summary.errors.clear();
    assert!(!is_linearizable(&lost));
}

#[test]
fn a_client_stops_at_an_error_and_reports_it() {
    let observed = observe(|number, words| {
        if number > ENOUGH / 2 {
            words.push("more".into());
        }
    });
    assert_eq!(observed.summary.errors.len(), 8, "{:?}", observed.summary);
}
