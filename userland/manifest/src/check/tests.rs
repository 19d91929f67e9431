//! Manifests that break a rule, and the error with its line and field.

use crate::source::tests::{error_of, manifest_of};

/// The fields of a migration server, except for its name and its arguments.
const SERVER_WITHOUT_ARGUMENTS: &str = "image = \"x\"\npool_mib = 2\nrole = \"migration-server\"\n\
    capabilities = [\"pool\", \"root\", \"port\", \"tunnel\", \"records\"]\n\
    port = { mac = \"52:54:00:00:00:01\" }\n";

/// The fields of a migration server with its secret, except for its name.
fn server() -> String {
    format!("{SERVER_WITHOUT_ARGUMENTS}arguments = {{ secret = \"a test's\" }}\n")
}

/// The error in a manifest with one valid domain and, from line 8, this one.
fn error_in(fields: &str) -> String {
    let head = "[machine]\nname = \"a\"\n[[domain]]\nname = \"good\"\nimage = \"x\"\n\
                pool_mib = 2\n[[domain]]\n";
    error_of(&format!("{head}{fields}"))
}

#[test]
fn a_migration_server_needs_the_secret_of_its_fleet() {
    let missing = "domain `nomad`: field `arguments`: `secret`, the fleet's secret, is missing or empty: add it to `arguments`, \
                   for instance the output of `openssl rand -hex 32`";
    for arguments in ["", "arguments = { secret = \"\" }\n"] {
        let error = error_in(&format!(
            "name = \"nomad\"\n{SERVER_WITHOUT_ARGUMENTS}{arguments}"
        ));
        assert!(error.ends_with(missing), "{error}");
    }
}

#[test]
fn a_console_with_a_port_needs_the_address_of_a_migration_server_and_the_secret() {
    let console = "name = \"console\"\nimage = \"x\"\npool_mib = 2\nrole = \"console\"\n\
                   capabilities = [\"serial\", \"port\"]\nport = { mac = \"52:54:00:00:00:01\" }\n";
    let cases = [
        ("secret = \"s\"", "needs `nomad`"),
        ("secret = \"s\", nomad = \"a\"", "and it is `a`"),
        (
            "nomad = \"10.77.0.1\"",
            "`secret`, the fleet's secret, is missing",
        ),
        (
            "nomad = \"10.77.0.1\", secret = \"\"",
            "`secret`, the fleet's secret, is missing",
        ),
    ];
    for (arguments, expected) in cases {
        let error = error_in(&format!("{console}arguments = {{ {arguments} }}\n"));
        assert!(
            error.contains("field `arguments`: ") && error.contains(expected),
            "{error}"
        );
    }
}

#[test]
fn an_error_names_line_and_field() {
    let domain = "name = \"d\"\nimage = \"x\"\npool_mib = 2\n";
    let cases = [
        ("priority = 63\n", "priority", 11),
        ("priority = 0\n", "priority", 11),
        ("heap_mib = 2\n", "heap_mib", 11),
        ("stack_kib = 3\n", "stack_kib", 11),
        ("capabilities = [\"port\"]\n", "capabilities", 11),
        ("capabilities = [\"device\"]\n", "capabilities", 11),
        ("capabilities = [\"service:nobody\"]\n", "capabilities", 11),
        ("port = { mac = \"52:54:00:00:00:01\" }\n", "port", 11),
        (
            "movable = true\ncapabilities = [\"port\"]\nport = {}\n",
            "port",
            13,
        ),
        (
            "movable = true\nrole = \"driver\"\ncapabilities = [\"device\", \"pool\"]\ndevice = { kind = \"nic\" }\n",
            "movable",
            11,
        ),
        (
            "movable = true\nrole = \"console\"\ncapabilities = [\"serial\"]\n",
            "movable",
            11,
        ),
        ("capabilities = [\"tunnel\"]\n", "capabilities", 11),
        (
            "movable = true\nrole = \"migration-server\"\ncapabilities = [\"pool\", \"root\", \"port\", \"tunnel\", \"records\"]\n\
             port = { mac = \"52:54:00:00:00:01\" }\n",
            "movable",
            11,
        ),
        (
            "movable = true\ncapabilities = [\"records\"]\n",
            "movable",
            11,
        ),
        (
            "movable = true\ncapabilities = [\"inventory\"]\n",
            "movable",
            11,
        ),
        ("movable = true\nprovides = [\"a\"]\n", "movable", 11),
        (
            "movable = true\ncapabilities = [\"port\"]\nport = { mac = \"52:54:00:00:00:01\", mtu = 9000 }\n",
            "port",
            13,
        ),
        ("movable = true\nrestart = \"always\"\n", "restart", 12),
        ("arguments = { \"a=b\" = \"c\" }\n", "arguments", 11),
        ("provides = [\"\"]\n", "provides", 11),
        ("provides = [\"two words\"]\n", "provides", 11),
        (
            "provides = [\"a\"]\nstateless = [\"a\", \"b\"]\n",
            "stateless",
            12,
        ),
    ];
    for (fields, field, line) in cases {
        let error = error_in(&format!("{domain}{fields}"));
        let expected = format!("test.toml:{line}: domain `d`: field `{field}`: ");
        assert!(error.starts_with(&expected), "{fields}: {error}");
    }
}

#[test]
fn a_movable_domain_has_the_standard_mtu_and_others_may_have_another() {
    let domain = |movable, mtu| {
        format!(
            "[machine]\nname = \"a\"\n[[domain]]\nname = \"d\"\nimage = \"x\"\npool_mib = 2\nmovable = {movable}\n\
             capabilities = [\"port\"]\nport = {{ mac = \"52:54:00:00:00:01\", mtu = {mtu} }}\n"
        )
    };
    let error = error_of(&domain(true, 9000));
    let expected = "test.toml:9: domain `d`: field `port`: a movable domain's `mtu` is 1500, and not 9000: its ring moves \
                    with it";
    assert_eq!(error, expected);
    for (movable, mtu) in [(true, 1500), (false, 9000), (false, 65_000)] {
        let manifest = manifest_of(&domain(movable, mtu)).unwrap();
        let port = manifest.domains[0].port.as_ref();
        assert_eq!(port.map(|port| port.mtu.bytes()), Some(mtu));
    }
    let error = error_of(&domain(false, 65_001));
    assert!(
        error.contains("the MTU 65001 is not 1500 to 65000"),
        "{error}"
    );
    assert!(error.starts_with("test.toml:9: "), "{error}");
}

#[test]
fn rejects_names_that_the_migration_server_cannot_use() {
    for name in ["my kv", "z\u{e4}hler", "", "longer-than-twenty-four-b"] {
        let error = error_in(&format!("name = \"{name}\"\nimage = \"x\"\npool_mib = 2\n"));
        let expected = format!("test.toml:8: field `name`: `{name}`: the name ");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn a_machine_and_its_peers_have_distinct_names() {
    let error = error_of("[machine]\nname = \"a b\"\n");
    assert!(
        error.starts_with("test.toml:2: field `name`: `a b`: the name contains ' '"),
        "{error}"
    );
    let cases = [
        ("b c=10.0.0.1", "`b c` is not"),
        ("b=10.0.0.1, b=10.0.0.2", "another machine is called `b`"),
        ("a=10.0.0.1", "another machine is called `a`"),
        ("b=10.0.0", "the peer `b` is at `10.0.0`"),
        ("b, c=", "the peer `c` is at ``"),
    ];
    for (peers, reason) in cases {
        let error = error_in(&format!(
            "name = \"s\"\n{SERVER_WITHOUT_ARGUMENTS}arguments = {{ peers = \"{peers}\" }}\n"
        ));
        let expected = format!("test.toml:14: domain `s`: field `arguments`: {reason}");
        assert!(error.starts_with(&expected), "{peers}: {error}");
    }
}

#[test]
fn a_movable_domain_is_not_above_the_migration_server() {
    let domain = "[[domain]]\nname = \"d\"\nimage = \"x\"\npool_mib = 2\npriority = 17\n";
    let server = server();
    let error = error_in(&format!("name = \"s\"\n{server}{domain}movable = true\n"));
    let expected = "test.toml:19: domain `d`: field `priority`: a movable domain's priority must not exceed that of `s`, 16";
    assert_eq!(error, expected);
}

#[test]
fn two_domains_do_not_share_name_or_address() {
    let error = error_in("name = \"good\"\nimage = \"x\"\npool_mib = 2\n");
    assert!(
        error.starts_with("test.toml:8: domain `good`: field `name`"),
        "{error}"
    );
    let port = "capabilities = [\"port\"]\nport = { mac = \"52:54:00:00:00:01\" }\n";
    let error = error_in(&format!(
        "name = \"d\"\nimage = \"x\"\npool_mib = 2\n{port}\
         [[domain]]\nname = \"e\"\nimage = \"x\"\npool_mib = 2\n{port}"
    ));
    assert!(error.contains("field `port`: the domain `d`"), "{error}");
    let port = |mac: &str, prefix: u8| {
        format!(
            "image = \"x\"\npool_mib = 2\ncapabilities = [\"port\"]\n\
             port = {{ mac = \"52:54:00:00:00:{mac}\", ip = \"10.77.0.20/{prefix}\" }}\n"
        )
    };
    let error = error_in(&format!(
        "name = \"d\"\n{}[[domain]]\nname = \"e\"\n{}",
        port("01", 24),
        port("02", 16)
    ));
    let expected = "domain `e`: field `port`: the domain `d` has the same `ip`";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_port_does_not_have_a_group_address() {
    let error = error_in(
        "name = \"d\"\nimage = \"x\"\npool_mib = 2\ncapabilities = [\"port\"]\n\
         port = { mac = \"01:54:00:00:00:01\" }\n",
    );
    assert!(
        error.contains("field `port`: `mac` is a group address"),
        "{error}"
    );
}

#[test]
fn a_role_needs_its_capabilities() {
    let cases = [
        ("switch", "log", "ports"),
        ("console", "log", "serial"),
        ("driver", "log", "device"),
        ("migration-server", "pool\", \"root", "port"),
    ];
    for (role, granted, missing) in cases {
        let error = error_in(&format!(
            "name = \"d\"\nimage = \"x\"\npool_mib = 2\nrole = \"{role}\"\n\
             capabilities = [\"{granted}\"]\n"
        ));
        let expected = format!(
            "test.toml:11: domain `d`: field `role`: a `{role}` needs `{missing}`: add it to `capabilities`"
        );
        assert_eq!(error, expected);
    }
}

#[test]
fn a_capability_of_a_role_is_not_granted_without_it() {
    let fields = "name = \"d\"\nimage = \"x\"\npool_mib = 2\n";
    for (capability, role) in [
        ("ports", "switch"),
        ("serial", "console"),
        ("screen", "console"),
        ("keyboard", "console"),
        ("domains", "console"),
        ("root", "migration-server"),
    ] {
        let granted = format!("{fields}capabilities = [\"log\", \"{capability}\"]\n");
        let expected = format!(
            "test.toml:11: domain `d`: field `capabilities`: `{capability}` belongs to a role: \
             add `role = \"{role}\"`, or do not grant it"
        );
        assert_eq!(error_in(&granted), expected);
        // Another role does not permit it.
        let other = format!("{granted}role = \"driver\"\n");
        assert_eq!(error_in(&other), expected);
    }
}

#[test]
fn a_machine_has_one_domain_with_a_role() {
    for (role, capability) in [("console", "serial"), ("switch", "ports")] {
        let domain = |name: &str, home: &str| {
            format!(
                "[[domain]]\nname = \"{name}\"\nimage = \"x\"\npool_mib = 2\nhome = \"{home}\"\n\
                 role = \"{role}\"\ncapabilities = [\"{capability}\"]\n"
            )
        };
        let both = |first: &str, second: &str| {
            let (d, e) = (domain("d", first), domain("e", second));
            format!("[machine]\nname = \"a\"\n{d}{e}")
        };
        let error = error_of(&both("a", "a"));
        let expected = format!(
            "test.toml:15: domain `e`: field `role`: the domain `d` is the machine's `{role}`: \
             remove one of them, or give each another `home`"
        );
        assert_eq!(error, expected);
        manifest_of(&both("a", "b")).expect("two machines");
    }
}

#[test]
fn a_machine_has_one_migration_server() {
    let first = server();
    let second = first.replace("00:01", "00:02");
    let error = error_in(&format!(
        "name = \"s\"\n{first}[[domain]]\nname = \"t\"\n{second}"
    ));
    assert!(
        error.contains("domain `t`: ") && error.contains("the domain `s`"),
        "{error}"
    );
}

#[test]
fn only_a_driver_may_have_an_unspecified_program() {
    let machine = "[machine]\nname = \"a\"\n[[domain]]\nname = \"d\"\npool_mib = 2\n";
    let error = error_of(machine);
    assert!(error.contains("domain `d`: field `image`: "), "{error}");
    let driver =
        "role = \"driver\"\ncapabilities = [\"device\", \"pool\"]\ndevice = { kind = \"nic\" }\n";
    let manifest = manifest_of(&format!("{machine}{driver}")).expect("a driver");
    let drivers = ["virtio-net", "e1000", "igb", "realtek", "vmxnet3"];
    assert_eq!(manifest.images(), drivers);
    let with_image = format!("{machine}{driver}").replace("pool_mib", "image = \"x\"\npool_mib");
    assert_eq!(manifest_of(&with_image).unwrap().images(), ["x"]);
}

#[test]
fn two_domains_of_a_machine_do_not_drive_one_device() {
    let domain = |name: &str, rest: &str| {
        format!(
            "name = \"{name}\"\nimage = \"x\"\npool_mib = 2\nrole = \"driver\"\n\
             capabilities = [\"device\", \"pool\"]\n{rest}\n"
        )
    };
    let both = |first: &str, second: &str| {
        let (d, e) = (domain("d", first), domain("e", second));
        format!("[machine]\nname = \"a\"\n[[domain]]\n{d}[[domain]]\n{e}")
    };
    let device = "device = { kind = \"nic\" }";
    let error = error_of(&both(device, device));
    let expected = "domain `e`: field `device`: the domain `d` drives the same device";
    assert!(error.contains(expected), "{error}");
    let second = "device = { kind = \"nic\", index = 1 }";
    manifest_of(&both(device, second)).expect("two devices");
    let at = |home: &str| format!("{device}\nhome = \"{home}\"");
    manifest_of(&both(&at("a"), &at("b"))).expect("two machines");
}
