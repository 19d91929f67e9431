//! Manifests in TOML, and the errors in them.

use std::fs;

use super::*;
use crate::Role;

pub(super) fn text_of(text: &str) -> Text {
    Text {
        path: "test.toml".into(),
        text: text.into(),
    }
}

/// Compiles this text.
pub(crate) fn manifest_of(text: &str) -> Result<Manifest, Error> {
    assemble(&[Source::of(text_of(text))?])
}

/// The error in this text, as displayed.
pub(crate) fn error_of(text: &str) -> String {
    manifest_of(text).unwrap_err().to_string()
}

const DOMAIN: &str =
    "[machine]\nname = \"a\"\n[[domain]]\nname = \"d\"\nimage = \"x\"\npool_mib = 8\n";

#[test]
fn omitted_fields_have_defaults() {
    let manifest = manifest_of(DOMAIN).unwrap();
    let domain = &manifest.domains[0];
    assert_eq!((domain.priority, domain.stack_kib), (16, 256));
    assert!(!domain.movable && domain.capabilities.is_empty());
}

#[test]
fn a_typing_error_is_reported_with_line_and_field() {
    let cases = [
        ("prioritty = 3\n", 7, "`prioritty`"),
        ("priority = \"high\"\n", 7, "field `priority`: invalid type"),
        ("priority = -1\n", 7, "field `priority`: invalid value"),
        ("restart = \"often\"\n", 7, "`often`"),
        ("role = \"router\"\n", 7, "`router`"),
        (
            "home = \"two words\"\n",
            7,
            "field `home`: `two words`: the name contains ' '",
        ),
        ("movable = yes\n", 7, "field `movable`"),
        ("capabilities = [\"log\", \"prot\"]\n", 7, "`prot`"),
        ("port = { mac = \"1:2\" }\n", 7, "field `mac`: `1:2`"),
        (
            "port = { ip = \"10.0.0.1\" }\n",
            7,
            "field `ip`: `10.0.0.1`",
        ),
        ("port = { mak = \"52:54:00:00:00:01\" }\n", 7, "`mak`"),
        ("device = { kind = \"e1000\" }\n", 7, "`e1000`"),
        ("arguments = { a = 1 }\n", 7, "field `a`"),
    ];
    for (line, number, expected) in cases {
        let error = error_of(&format!("{DOMAIN}{line}"));
        assert!(
            error.starts_with(&format!("test.toml:{number}: ")) && error.contains(expected),
            "{line}{error}"
        );
    }
}

#[test]
fn a_missing_field_is_named_with_its_domain() {
    let error = error_of("[machine]\nname = \"a\"\n[[domain]]\nname = \"d\"\n");
    assert!(
        error.starts_with("test.toml:3: ") && error.contains("`pool_mib`"),
        "{error}"
    );
    assert!(error_of("").contains("field `machine`: missing"));
}

#[test]
fn a_misspelt_image_is_refused_where_it_is_with_the_known_programs() {
    let programs = ["kv", "counter"].map(str::to_owned);
    let compiled = |base: &str, machine: &str| {
        in_two("image", base, machine, |path| compile_with(path, &programs))
    };
    let known = DOMAIN.replace("\"x\"", "\"kv\"");
    let include = "include = \"default.toml\"\n[machine]\nname = \"b\"\n";
    assert!(compiled(&known, include).is_ok());
    let error = compiled(&known.replace("\"kv\"", "\"kw\""), include).unwrap_err();
    assert!(error.file.ends_with("default.toml"), "{error}");
    assert_eq!(error.line, 5, "{error}");
    for part in ["field `image`", "`kw`", "kv, counter"] {
        assert!(error.reason.contains(part), "{error}");
    }
}

/// Compiles a machine's file, which may include `default.toml`, in a directory of their own.
fn compile_two(name: &str, base: &str, machine: &str) -> Result<Manifest, Error> {
    in_two(name, base, machine, compile)
}

/// Writes a machine's file and the `default.toml` that it may include, and compiles the machine's file with `compile`.
fn in_two(
    name: &str,
    base: &str,
    machine: &str,
    compile: impl FnOnce(&Path) -> Result<Manifest, Error>,
) -> Result<Manifest, Error> {
    let directory = std::env::temp_dir().join(format!("manifest-{}-{name}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("default.toml"), base).unwrap();
    fs::write(directory.join("machine-b.toml"), machine).unwrap();
    let result = compile(&directory.join("machine-b.toml"));
    fs::remove_dir_all(&directory).unwrap();
    result
}

#[test]
fn a_machine_differs_in_its_overrides() {
    let manifest = compile_two(
        "differs",
        &format!("{DOMAIN}arguments = {{ a = \"1\", b = \"2\" }}\n"),
        "include = \"default.toml\"\n[machine]\nname = \"b\"\n\
         [override.d]\narguments = { b = \"3\" }\npool_mib = 9\npriority = 20\n\
         capabilities = [\"pool\"]\n",
    )
    .unwrap();
    let domain = &manifest.domains[0];
    assert_eq!(manifest.machine.as_str(), "b");
    assert_eq!((domain.pool_mib, domain.priority), (9, 20));
    assert_eq!(domain.capabilities, [Capability::Pool]);
    let arguments: Vec<_> = domain.arguments.values().collect();
    assert_eq!(arguments, ["1", "3"]);
}

#[test]
fn an_error_names_its_file() {
    let include = "include = \"default.toml\"\n[machine]\nname = \"b\"\n";
    let nobody = format!("{include}[override.nobody]\npool_mib = 2\n");
    let error = compile_two("nobody", DOMAIN, &nobody).unwrap_err();
    assert!(error.file.ends_with("machine-b.toml"), "{error}");
    assert_eq!(error.line, 4, "{error}");
    let small = format!("{include}[override.d]\nheap_mib = 7\npool_mib = 0\n");
    let error = compile_two("small", DOMAIN, &small).unwrap_err();
    assert!(error.file.ends_with("machine-b.toml"), "{error}");
    assert_eq!(error.line, 6, "{error}");
    let wrong = DOMAIN.replace("8", "x");
    let error = compile_two("wrong", &wrong, include).unwrap_err();
    assert!(error.file.ends_with("default.toml"), "{error}");
    assert_eq!(error.line, 6, "{error}");
}

#[test]
fn the_manifests_in_the_tree_compile_and_have_a_console() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let directories = ["userland/manifests", "tests/manifests"].map(|it| root.join(it));
    let files = directories
        .map(|it| fs::read_dir(it).unwrap())
        .into_iter()
        .flatten();
    let manifests = files.map(|file| compile(&file.unwrap().path()).unwrap());
    let checked = manifests.inspect(|manifest| {
        let console = manifest.at_home_with_role(Role::Console);
        assert!(console.is_some(), "{manifest:?}");
    });
    assert!(checked.count() >= 3);
}
