//! Mistakes of a user of `caravan netboot`: each error states the next step. None of these calls gets as far as serving.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files that a directory for the network needs.
const FILES: [&str; 6] = [
    "boot/grub/grub.cfg",
    "boot/grub/i386-pc/kernel.img",
    "boot/grub/x86_64-efi/kernel.img",
    "boot/kernel.elf",
    "boot/archive.tar",
    "caravan.iso",
];

/// A directory with empty files.
struct Image(PathBuf);

impl Image {
    fn new(name: &str) -> Image {
        let name = format!("caravan-netboot-{}-{name}", std::process::id());
        let image = Image(std::env::temp_dir().join(name));
        for file in FILES {
            let path = image.0.join(file);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, "").expect("a file");
        }
        image
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // A failure leaves a directory among temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The error of `caravan netboot`.
fn error(interface: &str, range: Option<&str>, directory: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caravan"));
    command.args(["netboot", "--interface", interface]);
    command.args(range.iter().flat_map(|range| ["--dhcp", range]));
    let output = command.arg(directory).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_missing_directory_is_named_with_the_command_that_makes_it() {
    let text = error("lo", None, Path::new("/no/such/image"));
    assert!(text.contains("/no/such/image: No such file"), "{text}");
    assert!(text.contains("next: `scripts/image` makes"), "{text}");
}

#[test]
fn a_directory_without_an_image_is_refused_by_its_missing_file() {
    let image = Image::new("incomplete");
    fs::remove_file(image.0.join("boot/kernel.elf")).expect("it was there");
    let text = error("lo", None, &image.0);
    assert!(text.contains("it has no boot/kernel.elf"), "{text}");
    assert!(text.contains("next: `scripts/image` makes"), "{text}");
}

#[test]
fn an_unknown_interface_is_answered_with_the_known_ones() {
    let text = error("no-such-if", None, &Image::new("interface").0);
    assert!(text.contains("no interface no-such-if"), "{text}");
    assert!(text.contains("next: give one of lo"), "{text}");
}

#[test]
fn addresses_of_another_network_are_refused() {
    let text = error("lo", Some("10.0.0.1-10.0.0.9"), &Image::new("range").0);
    assert!(
        text.contains("10.0.0.1-10.0.0.9 is not in the network of lo (127.0.0.1/8)"),
        "{text}"
    );
}
