//! The entry of the migration server.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
runtime::entry!(main);

#[cfg(target_os = "none")]
fn main(start: runtime::Start) -> ! {
    runtime::executor::run(start, move |tasks| nomad_server::serve(start, tasks))
}

#[cfg(not(target_os = "none"))]
fn main() {}
