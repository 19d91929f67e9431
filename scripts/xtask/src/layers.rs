//! The check of the dependencies between crates.
//!
//! ```text
//! capabilities <- abi <- kernel -> framebuffer <- servers
//! abi <- identity <- the services' protocols <- runtime <- servers <- apps
//! the services' protocols <- nomad's pure crates <- servers
//! ```
//!
//! An arrow points to a dependency; a name that occurs more than once is the same in each line. No dependency may point the
//! other way. Crates that run on the host (tests, the xtask, the simulator, the operator's tool) may use everything, and no other
//! crate may use them. Development dependencies are exempt. A crate without a layer is a violation too. The audits of unsafe
//! code and of the sizes of files run afterwards, since they cover the same crates.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::file_sizes;
use crate::process;
use crate::toolchain::Toolchain;
use crate::unsafe_audit;
use crate::workspace::Workspace;

/// A crate's place in the order of dependence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Capabilities,
    Abi,
    Kernel,
    /// Text drawn into a framebuffer.
    Drawing,
    /// Names, ids and addresses of machines and domains.
    Identity,
    /// The messages of a machine's services: types over a message's words.
    Protocols,
    Runtime,
    /// The migration protocol, shell, channel, client, image format and planner: no I/O, no clock, no system calls.
    NomadPure,
    Servers,
    Apps,
    Host,
}

use Layer::{
    Abi, Apps, Capabilities, Drawing, Host, Identity, Kernel, NomadPure, Protocols, Runtime,
    Servers,
};

/// The layer of every directory; the longest match counts.
const PLACES: &[(&str, Layer)] = &[
    ("capabilities", Capabilities),
    ("kernel", Kernel),
    ("kernel/abi", Abi),
    ("kernel/framebuffer", Drawing),
    ("nomad", NomadPure),
    ("nomad/identity", Identity),
    ("nomad/server", Servers),
    ("nomad/simulator", Host),
    ("scripts", Host),
    ("tests", Host),
    ("tests/guests", Apps),
    ("userland", Servers),
    ("userland/apps", Apps),
    ("userland/cargo-caravan", Host),
    ("userland/cli", Host),
    ("userland/protocol", Protocols),
    ("userland/runtime", Runtime),
];

impl Layer {
    fn of(directory: &str) -> Option<Layer> {
        let inside = |place: &str| {
            directory
                .strip_prefix(place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        PLACES
            .iter()
            .filter(|(place, _)| inside(place))
            .max_by_key(|(place, _)| place.len())
            .map(|&(_, layer)| layer)
    }

    fn may_use(self, other: Layer) -> bool {
        let below: &[Layer] = match self {
            Capabilities | Drawing => &[],
            Abi => &[Capabilities],
            Kernel => &[Capabilities, Abi, Drawing],
            Identity => &[Capabilities, Abi],
            Protocols => &[Capabilities, Abi, Identity],
            Runtime => &[Capabilities, Abi, Identity, Protocols],
            NomadPure => &[Capabilities, Abi, Identity, Protocols, NomadPure],
            Servers => &[
                Capabilities,
                Abi,
                Drawing,
                Identity,
                Protocols,
                Runtime,
                NomadPure,
                Servers,
            ],
            Apps => &[
                Capabilities,
                Abi,
                Drawing,
                Identity,
                Protocols,
                Runtime,
                NomadPure,
                Servers,
                Apps,
            ],
            Host => return true,
        };
        below.contains(&other)
    }
}

/// A crate of the workspace and the directories of its dependencies.
struct Member {
    name: String,
    directory: String,
    uses: Vec<String>,
}

/// Checks every edge of the workspace's dependency graph, from cargo.
pub fn check(workspace: &Workspace) -> Result<()> {
    let mut cargo = Toolchain::find()?.cargo();
    cargo
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(workspace.root());
    let metadata = process::output(&mut cargo)?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|e| Error::Malformed("cargo metadata".into(), e.to_string()))?;
    let root = workspace.root().to_string_lossy();
    let members = members(&metadata, &root);
    let violations = violations(&members);
    if violations.is_empty() {
        let directories = members.iter().map(|member| member.directory.as_str());
        unsafe_audit::check(workspace, directories)?;
        return file_sizes::check(workspace);
    }
    Err(Error::Violations(
        "dependencies against the order of layers",
        violations,
    ))
}

fn members(metadata: &Value, root: &str) -> Vec<Member> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .map(|package| {
            let manifest = package["manifest_path"].as_str().unwrap_or_default();
            let uses = package["dependencies"].as_array().into_iter().flatten();
            Member {
                name: package["name"].as_str().unwrap_or_default().to_string(),
                directory: below(root, manifest.trim_end_matches("/Cargo.toml")),
                uses: uses
                    .filter(|dependency| dependency["kind"] != "dev")
                    .filter_map(|dependency| dependency["path"].as_str())
                    .map(|path| below(root, path))
                    .collect(),
            }
        })
        .collect()
}

fn below(root: &str, path: &str) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .trim_start_matches('/')
        .to_string()
}

fn violations(members: &[Member]) -> Vec<String> {
    members.iter().flat_map(violations_of).collect()
}

fn violations_of(member: &Member) -> Vec<String> {
    let Some(layer) = Layer::of(&member.directory) else {
        return vec![format!(
            "{} ({}) has no layer",
            member.name, member.directory
        )];
    };
    let mut violations = Vec::new();
    for used in &member.uses {
        match Layer::of(used) {
            Some(other) if layer.may_use(other) => {}
            Some(other) => violations.push(format!(
                "{} ({layer:?}) may not depend on {used} ({other:?})",
                member.name
            )),
            None => violations.push(format!(
                "{} depends on {used}, which has no layer",
                member.name
            )),
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn violations_between(user: &str, used: &str) -> Vec<String> {
        violations(&[Member {
            name: "user".to_string(),
            directory: user.to_string(),
            uses: vec![used.to_string()],
        }])
    }

    #[test]
    fn dependencies_in_the_order_are_allowed() {
        for (user, used) in [
            ("kernel/abi", "capabilities"),
            ("kernel", "kernel/abi"),
            ("kernel", "kernel/framebuffer"),
            ("userland/services/console", "kernel/framebuffer"),
            ("userland/runtime", "kernel/abi"),
            ("nomad/protocol", "nomad/image"),
            ("nomad/client", "nomad/channel"),
            ("nomad/server", "nomad/shell"),
            ("nomad/shell", "userland/protocol"),
            ("userland/runtime", "userland/protocol"),
            ("userland/services/console", "nomad/client"),
            ("userland/cli", "nomad/client"),
            ("userland/drivers/virtio-net", "userland/switch"),
            ("userland/apps/counter", "userland/runtime"),
            ("tests/guests/bench", "userland/runtime"),
            ("nomad/simulator", "nomad/protocol"),
            ("tests", "nomad/image"),
        ] {
            assert_eq!(
                violations_between(user, used),
                Vec::<String>::new(),
                "{user} -> {used}"
            );
        }
    }

    #[test]
    fn dependencies_against_the_order_are_violations() {
        for (user, used) in [
            ("capabilities", "kernel/abi"),
            ("kernel/abi", "kernel"),
            ("kernel/framebuffer", "kernel/abi"),
            ("userland/runtime", "kernel/framebuffer"),
            ("kernel", "userland/runtime"),
            ("kernel", "nomad/protocol"),
            ("userland/runtime", "kernel"),
            ("userland/runtime", "userland/root"),
            ("nomad/protocol", "userland/runtime"),
            ("nomad/image", "nomad/server"),
            ("nomad/channel", "userland/runtime"),
            ("nomad/shell", "userland/runtime"),
            ("nomad/shell", "nomad/server"),
            ("kernel", "userland/protocol"),
            ("userland/protocol", "userland/runtime"),
            ("nomad/client", "userland/services/console"),
            ("nomad/planner", "nomad/simulator"),
            ("userland/switch", "userland/apps/counter"),
            ("userland/root", "kernel"),
            ("userland/apps/counter", "tests"),
        ] {
            assert_eq!(violations_between(user, used).len(), 1, "{user} -> {used}");
        }
    }

    #[test]
    fn a_crate_without_a_layer_is_a_violation() {
        assert_eq!(
            violations_between("attic", "capabilities"),
            ["user (attic) has no layer"]
        );
        assert_eq!(violations_between("tests", "kernels").len(), 1);
    }

    #[test]
    fn development_dependencies_are_exempt() {
        let package = |kind: Value| {
            json!({"packages": [{
                "name": "abi",
                "manifest_path": "/src/kernel/abi/Cargo.toml",
                "dependencies": [{"name": "kernel", "path": "/src/kernel", "kind": kind}],
            }]})
        };
        assert_eq!(
            violations(&members(&package(json!("dev")), "/src")),
            Vec::<String>::new()
        );
        assert_eq!(violations(&members(&package(Value::Null), "/src")).len(), 1);
        assert_eq!(
            violations(&members(&package(json!("build")), "/src")).len(),
            1
        );
    }
}
