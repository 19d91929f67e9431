//! The request to restart the machine.

use abi::Error;
use abi::calls::Reboot;

use super::*;

fn is_reboot(request: &Request) -> bool {
    matches!(request, Request::Reboot(Reboot { .. }))
}

#[test]
fn the_machine_restarts_by_the_kernels_call() {
    let (hardware, calls) = with_kernel(accept_all, || {
        let mut root = root(DomainState::Running, 1);
        call(&mut root, RootRequest::Reboot);
        root.machine.hardware.slot()
    });
    assert!(calls.contains(&Request::Reboot(Reboot { hardware })));
}

#[test]
fn a_refusal_of_the_kernel_is_reported() {
    let refuse = |request: &Request| match is_reboot(request) {
        true => Err(Error::MissingRight),
        false => accept_all(request),
    };
    with_kernel(refuse, || {
        let mut root = root(DomainState::Running, 1);
        let reply = call(&mut root, RootRequest::Reboot);
        assert_eq!(reply, is_refused(Refusal::Kernel));
    });
}
