//! Child processes that do not outlive the tests.
//!
//! A [`Child`] is killed when it is dropped. If the test process itself is killed, the kernel kills the child, as [`command`]
//! requests. The kernel kills it as soon as the *thread* that spawned it ends. So [`spawn`] starts every child from one thread
//! that lives as long as the process, and a test may start a machine in any thread.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The interval at which a wait checks whether the child has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A running process that is killed when this is dropped.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
}

/// A command that runs `program`, which is killed when the thread that spawned it ends.
///
/// `setpriv` becomes the program, so that the child's process id is the program's own.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The path of a program of this workspace: cargo puts it beside the running one, or beside the tests' directory.
///
/// # Panics
///
/// If it is not there; `built_by` is the command that builds it.
pub fn beside(program: &str, built_by: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program");
    let mut directories = own.ancestors().skip(1).take(2);
    let found = directories.find_map(|directory| {
        let path = directory.join(program);
        path.is_file().then_some(path)
    });
    found.unwrap_or_else(|| panic!("the program `{program}` is not beside this one: {built_by}"))
}

/// Starts `command` from the thread that spawns all children.
pub fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: LazyLock<Mutex<Sender<SpawnRequest>>> =
        LazyLock::new(|| Mutex::new(start_spawner()));
    let (reply, outcome) = channel();
    let request = SpawnRequest { command, reply };
    let spawner = SPAWNER.lock().expect("no spawning thread panicked");
    spawner
        .send(request)
        .expect("the spawning thread lives as long as the process");
    drop(spawner);
    let process = outcome.recv().expect("the spawning thread replies")?;
    Ok(Child { process })
}

/// A command to start, and the channel for the outcome.
struct SpawnRequest {
    command: Command,
    reply: Sender<io::Result<std::process::Child>>,
}

fn start_spawner() -> Sender<SpawnRequest> {
    let (sender, requests) = channel::<SpawnRequest>();
    thread::Builder::new()
        .name("spawn".into())
        .spawn(move || {
            for mut request in requests {
                // An error means that the requesting thread has panicked meanwhile.
                let _ = request.reply.send(request.command.spawn());
            }
        })
        .expect("a thread that spawns children");
    sender
}

impl Child {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Takes the pipe to the child's standard input, once.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// Takes the pipe from the child's standard output, once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// Takes the pipe from the child's standard error, once.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.process.stderr.take()
    }

    /// The exit status, or `None` while the child runs.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.process
            .try_wait()
            .expect("this process has not waited for the child")
    }

    /// Waits at most `limit` for the child to end.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.status() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Kills the child with SIGKILL, unless it has ended, and waits for it.
    pub fn kill(&mut self) -> ExitStatus {
        self.process.kill().expect("the child can be killed");
        self.process
            .wait()
            .expect("this process has not waited for the child")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A panic here would hide one that is unwinding.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Panics, naming Debian's `package` to install, if its `program` is not on the path.
pub fn require(program: &str, package: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    assert!(
        found,
        "`{program}` is not on the PATH: install the package {package} (scripts/test does it)"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::path::PathBuf;

    const LIMIT: Duration = Duration::from_secs(30);

    fn sleeper() -> Child {
        let mut command = command("sleep");
        command.arg("600");
        spawn(command).expect("sleep starts")
    }

    #[test]
    fn reports_how_a_child_ended() {
        let mut command = command("sh");
        command.args(["-c", "exit 7"]);
        let mut child = spawn(command).expect("sh starts");
        assert_eq!(child.wait(LIMIT).and_then(|status| status.code()), Some(7));
    }

    #[test]
    fn kills_a_child_and_names_the_signal() {
        assert_eq!(sleeper().kill().signal(), Some(9));
    }

    #[test]
    fn a_dropped_child_is_gone() {
        let child = sleeper();
        let process = PathBuf::from(format!("/proc/{}", child.id()));
        assert!(process.exists());
        drop(child);
        assert!(!process.exists());
    }

    #[test]
    fn a_child_outlives_the_thread_that_started_it() {
        let mut child = thread::spawn(sleeper).join().expect("the child starts");
        // The kernel sends the signal for a dead parent thread before the join returns.
        assert_eq!(child.wait(Duration::from_millis(50)), None);
    }

    #[test]
    fn a_child_dies_with_its_parent() {
        // The parent is a shell that is killed; its child reports its own process id beforehand.
        let mut command = command("sh");
        command
            .args(["-c", "setpriv --pdeathsig KILL sleep 600 & echo $!; wait"])
            .stdout(std::process::Stdio::piped());
        let mut parent = spawn(command).expect("sh starts");
        let mut line = String::new();
        let stdout = parent.take_stdout().expect("a piped stdout");
        io::BufRead::read_line(&mut io::BufReader::new(stdout), &mut line).expect("the child's id");
        let grandchild = PathBuf::from(format!("/proc/{}/cmdline", line.trim()));
        while !std::fs::read_to_string(&grandchild).is_ok_and(|line| line.starts_with("sleep")) {
            thread::sleep(POLL_INTERVAL);
        }
        parent.kill();
        let deadline = Instant::now() + LIMIT;
        // The command line of a dead process reads as empty, even before it is reaped.
        while std::fs::read_to_string(&grandchild).is_ok_and(|line| !line.is_empty()) {
            assert!(Instant::now() < deadline, "the grandchild keeps running");
            thread::sleep(POLL_INTERVAL);
        }
    }
}
