//! The files of fleets in TOML, and the errors in them.

use super::super::tests::text_of;
use super::*;

/// Reads and checks the fleet in this file, whose images may be any programs.
fn compile(path: &Path) -> Result<Fleet, Error> {
    fleet_of(&std::fs::read_to_string(path).unwrap())
}

/// Two machines, one recognised by its card, one by its UUID.
pub(crate) const TWO: &str = r#"
[[machine]]
name = "a"
mac = "52:54:00:ca:7a:01"
ip = "10.77.0.1/24"

[[machine]]
name = "b"
uuid = "00112233-4455-6677-8899-aabbccddeeff"
ip = "10.77.0.2/24"
[machine.override.nomad]
pool_mib = 64

[[domain]]
name = "switch"
image = "switch"
role = "switch"
pool_mib = 4
capabilities = ["log", "ports"]

[[domain]]
name = "nic0"
role = "driver"
pool_mib = 4
capabilities = ["log", "pool", "port", "device"]
device = { kind = "nic" }
port = { uplink = true }

[[domain]]
name = "nomad"
image = "nomad-server"
role = "migration-server"
pool_mib = 36
capabilities = ["log", "pool", "root", "port", "tunnel", "records"]
arguments = { secret = "a test's" }

[[domain]]
name = "counter"
image = "counter"
pool_mib = 8
home = "a"
movable = true
"#;

/// Compiles this text.
pub(crate) fn fleet_of(text: &str) -> Result<Fleet, Error> {
    let text = text_of(text);
    assemble(&text, &text.parse()?)
}

/// The migration server of the machine at this place of the file.
fn server(fleet: &Fleet, index: usize) -> &Domain {
    let manifest = &fleet.members[index].manifest;
    manifest
        .at_home_with_role(Role::MigrationServer)
        .expect("a migration server")
}

#[test]
fn each_machine_has_its_own_address_and_its_changes_and_knows_the_others() {
    let fleet = fleet_of(TWO).unwrap();
    let [a, b] = [0, 1].map(|index| server(&fleet, index));
    assert_eq!((a.pool_mib, b.pool_mib), (36, 64));
    assert_eq!(a.arguments["peers"], "b=10.77.0.2");
    assert_eq!(b.arguments["peers"], "a=10.77.0.1");
    let [a, b] = [a, b].map(|server| server.port.as_ref().unwrap());
    assert_eq!(a.ip.unwrap().to_string(), "10.77.0.1/24");
    assert_eq!(b.ip.unwrap().to_string(), "10.77.0.2/24");
    let [a, b] = [a, b].map(|port| port.mac.unwrap());
    assert_ne!(a, b);
    assert!(!a.is_group() && a == station("a".parse().unwrap()));
}

#[test]
fn a_machine_without_a_fixed_address_is_known_by_its_name() {
    let fleet = fleet_of(&TWO.replace("10.77.0.2/24", "dhcp")).unwrap();
    let [a, b] = [0, 1].map(|index| server(&fleet, index));
    assert_eq!(a.arguments["peers"], "b");
    assert_eq!(b.arguments["peers"], "a=10.77.0.1");
    assert_eq!(b.port.as_ref().unwrap().ip, Some(DHCP));
}

#[test]
fn every_machine_knows_all_domains_and_starts_those_at_home() {
    let fleet = fleet_of(TWO).unwrap();
    let started = |index: usize| fleet.members[index].manifest.domains_at_home().count();
    assert_eq!((started(0), started(1)), (4, 3));
    for member in &fleet.members {
        assert_eq!(member.manifest.domains.len(), 4);
    }
}

#[test]
fn an_error_names_line_machine_and_field() {
    let second = |from: &str, to: &str| TWO.replace(from, to);
    let cases = [
        (
            second("name = \"b\"", "name = \"a\""),
            8,
            "machine `a`: field `name`: another",
        ),
        (
            second("name = \"b\"", "name = \"b b\""),
            8,
            "field `name`: `b b`: the name contains",
        ),
        (
            second("name = \"b\"", "name = \"guest-b\""),
            8,
            "begins with `guest-` is that of a guest",
        ),
        (
            second("10.77.0.2/24", "10.77.0.1/16"),
            10,
            "machine `b`: field `ip`: the machine `a`",
        ),
        (
            second("10.77.0.2/24", "10.77.0.2"),
            10,
            "field `ip`: `10.77.0.2`",
        ),
        (
            second(
                "ip = \"10.77.0.2/24\"",
                "mac = \"52:54:00:ca:7a:01\"\nip = \"10.77.0.2/24\"",
            ),
            10,
            "machine `b`: field `mac`: the machine `a`",
        ),
        (
            second("uuid = \"00112233", "uuid = \"x0112233"),
            9,
            "field `uuid`: `x0112233-",
        ),
        (
            second("mac = \"52:", "mac = \"53:"),
            4,
            "machine `a`: field `mac`: it is a group",
        ),
        (second("uuid =", "uiud ="), 9, "`uiud`"),
        (
            second("override.nomad", "override.nobody"),
            11,
            "`override.nobody`: no domain",
        ),
        (
            second("pool_mib = 64", "pool_mib = 0"),
            12,
            "domain `nomad`: field `pool_mib`: 0",
        ),
        (
            second("home = \"a\"", "home = \"c\""),
            41,
            "domain `counter`: field `home`: no machine is called `c`",
        ),
        (
            second("pool_mib = 8\n", "pool_mib = 8\nheap_mib = 8\n"),
            41,
            "domain `counter`: field `heap_mib`",
        ),
    ];
    for (text, line, expected) in cases {
        let error = fleet_of(&text).unwrap_err().to_string();
        let is_expected =
            error.starts_with(&format!("test.toml:{line}: ")) && error.contains(expected);
        assert!(is_expected, "{line} {expected}: {error}");
    }
    let none = fleet_of("").unwrap_err().to_string();
    assert!(none.contains("`[[machine]]`"), "{none}");
}

/// A domain at the end of a fleet, with a port.
const KV: &str = r#"
[[domain]]
name = "kv"
image = "kv"
pool_mib = 8
capabilities = ["port"]
port = { mac = "52:54:00:4d:00:15", ip = "10.77.0.21/24", ip6 = "fd00::21/64" }
"#;

/// The error in the fleet of two with these fields of `kv`, and with a change of the text before it.
fn error_of_kv(fields: &str, (from, to): (&str, &str)) -> String {
    let text = format!("{}{}{fields}", TWO.replace(from, to), KV);
    let error = fleet_of(&text).expect_err("two machines start the domain");
    let expected_line = text.lines().position(|line| line == "name = \"kv\"");
    assert!(error.line >= expected_line.unwrap(), "{error}");
    error.reason
}

#[test]
fn a_domain_that_two_machines_would_start_with_one_address_is_refused() {
    let error = error_of_kv("", ("", ""));
    let expected = "domain `kv`: field `port`: it would run on `a` and on `b` with one `mac`: give it a `home`, or another `mac` \
                    on each machine";
    assert_eq!(error, expected);
    let other_mac =
        "[machine.override.kv]\nport = { mac = \"52:54:00:4d:00:16\", ip = \"10.77.0.21/24\" }\n";
    let at_b = ("[machine.override.nomad]", other_mac);
    let error = error_of_kv("", (at_b.0, &format!("{}{}", at_b.1, at_b.0)));
    assert!(error.contains("with one `ip`"), "{error}");
    let other_ip = other_mac.replace(
        "\"10.77.0.21/24\"",
        "\"10.77.0.22/24\", ip6 = \"fd00::21/64\"",
    );
    let error = error_of_kv("", (at_b.0, &format!("{other_ip}{}", at_b.0)));
    assert!(error.contains("with one `ip6`"), "{error}");
    let other = other_ip.replace("fd00::21", "fd00::22");
    let text = TWO.replace(at_b.0, &format!("{other}{}", at_b.0));
    fleet_of(&format!("{text}{KV}")).expect("each machine has its own addresses");
}

#[test]
fn a_movable_domain_that_two_machines_would_start_is_refused() {
    let error = error_of_kv("movable = true\n", ("", ""));
    let expected = "domain `kv`: field `movable`: it would run on `a` and on `b`: a movable domain starts on one machine, give it \
                    a `home`";
    assert_eq!(error, expected);
    fleet_of(&format!("{TWO}{KV}movable = true\nhome = \"b\"\n")).expect("it has a home");
}

#[test]
fn migration_servers_with_one_ethernet_address_are_refused() {
    let port = "\"records\"]\nport = { mac = \"52:54:00:77:00:01\" }";
    let error = fleet_of(&TWO.replace("\"records\"]", port)).unwrap_err();
    assert!(
        error
            .reason
            .ends_with("with one `mac`: remove `mac` from its `port`"),
        "{error}"
    );
}

#[test]
fn a_domain_with_an_address_that_guests_start_too_is_refused() {
    let second = TWO.find("[[machine]]\nname = \"b\"").unwrap()..TWO.find("[[domain]]").unwrap();
    let mut text = TWO.to_owned();
    text.replace_range(second, "");
    fleet_of(&format!("{text}{KV}")).expect("a guest does not start a domain without a role");
    let role = "role = \"console\"\narguments = { nomad = \"10.77.0.1\", secret = \"a test's\" }\n";
    let text = format!(
        "{text}{}{role}",
        KV.replace("[\"port\"]", "[\"port\", \"serial\"]")
    );
    let error = fleet_of(&text).unwrap_err().reason;
    assert!(
        error.contains("on `a` and on `guest-000000000000` with one `mac`"),
        "{error}"
    );
}

#[test]
fn the_fleets_in_the_tree_compile_and_have_a_console() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directories = ["../fleets", "../../tests/fleets"].map(|name| root.join(name));
    let files = directories.map(|directory| std::fs::read_dir(directory).unwrap());
    for file in files.into_iter().flatten() {
        let fleet = compile(&file.unwrap().path()).unwrap();
        let guest = fleet.guest(&crate::fleet::Marks::default());
        assert!(
            guest.at_home_with_role(Role::Console).is_some(),
            "{guest:?}"
        );
        for member in &fleet.members {
            assert!(
                member.manifest.at_home_with_role(Role::Console).is_some(),
                "{member:?}"
            );
        }
    }
}

#[test]
fn a_misspelt_image_is_refused_where_it_is() {
    let path = std::env::temp_dir().join(format!("fleet-image-{}.toml", std::process::id()));
    let compile = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let known = compile(&path).unwrap();
        let programs: Vec<String> = known.images().into_iter().map(str::to_owned).collect();
        compile_with(&path, &programs[1..])
    };
    let error = compile(TWO).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    let line = TWO.lines().position(|line| line == "image = \"switch\"");
    assert_eq!(error.line, line.unwrap() + 1, "{error}");
    assert!(
        error
            .reason
            .contains("field `image`: no program is called `switch`"),
        "{error}"
    );
}
