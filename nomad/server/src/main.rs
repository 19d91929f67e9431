//! The entry of the migration server.
#![cfg_attr(target_os = "caravan", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "caravan")]
runtime::entry!(main);

#[cfg(target_os = "caravan")]
fn main(start: runtime::Start) -> ! {
    runtime::executor::run(start, move |tasks| nomad_server::serve(start, tasks))
}

#[cfg(not(target_os = "caravan"))]
fn main() {}
