//! Commands and their replies.

mod client;

use client::{replies, request};

/// The replies to a request of these words, as text.
fn replies_to(words: &[&str]) -> String {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    String::from_utf8(replies(&request(&words))).unwrap()
}

#[test]
fn commands_reject_invalid_arguments() {
    let cases: [(&[&str], &str); 10] = [
        (&["GET"], "ERR wrong number of arguments for 'get' command"),
        (
            &["MSET", "a", "b", "c"],
            "ERR wrong number of arguments for 'mset' command",
        ),
        (&["SET", "a", "b", "EX", "10"], "ERR syntax error"),
        (&["SET", "a", "b", "NX", "XX"], "ERR syntax error"),
        (&["SELECT", "1"], "ERR DB index is out of range"),
        (&["HELLO", "3"], "NOPROTO unsupported protocol version"),
        (
            &["CONFIG", "SET", "save", ""],
            "ERR unknown subcommand 'SET'",
        ),
        (
            &["INCRBY", "a", "9223372036854775808"],
            "ERR value is not an integer or out of range",
        ),
        (
            &["DECRBY", "a", "-9223372036854775808"],
            "ERR increment or decrement would overflow",
        ),
        (
            &["CLIENT", "SETNAME", "a b"],
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ),
    ];
    for (words, error) in cases {
        assert_eq!(replies_to(words), format!("-{error}\r\n"));
    }
}

#[test]
fn set_has_conditions_and_can_return_the_old_value() {
    let lines = b"SET a 1 XX\r\nSET a 1 NX\r\nSET a 2 nx\r\nSET a 3 XX GET\r\nSET a 4 NX GET\r\nSETNX a 5\r\nSETNX b 6\r\nGET a\r\n";
    let received = replies(lines);
    let expected = "$-1\r\n+OK\r\n$-1\r\n$1\r\n1\r\n$1\r\n3\r\n:0\r\n:1\r\n$1\r\n3\r\n";
    assert_eq!(String::from_utf8_lossy(&received), expected);
}

#[test]
fn info_and_config_return_the_requested_parts() {
    let all = replies_to(&["INFO"]);
    for section in ["Server", "Clients", "Memory", "Stats", "Replication"] {
        assert!(all.contains(&format!("# {section}\r\n")), "{all}");
    }
    let some = replies_to(&["INFO", "clients"]);
    assert_eq!(some, "$32\r\n# Clients\r\nconnected_clients:1\r\n\r\n");
    assert!(replies_to(&["CONFIG", "GET", "save", "appendonly"]).starts_with("*4\r\n"));
    assert_eq!(replies_to(&["CONFIG", "GET", "nothing"]), "*0\r\n");
}
