//! A counter that answers on the network and checks itself.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
runtime::entry!(run);

#[cfg(target_os = "none")]
fn run(start: runtime::Start) -> ! {
    let _ = start;
    panic!("nothing to count yet");
}
