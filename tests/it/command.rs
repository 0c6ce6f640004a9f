//! Calls the built program.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The figure of a redelivery after a crash: its expectations hold.
pub(crate) const FIGURE: &str = include_str!("../data/figure.ron");

/// What a call came to.
pub(crate) struct Call {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Another build of the program, which the tests are to call instead of their own.
#[allow(clippy::disallowed_methods)] // .ci/run says it
pub(crate) fn other_build() -> Option<OsString> {
    std::env::var_os("REDELIVER_COMMAND")
}

/// The program in this directory, without colours of the caller's.
pub(crate) fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(other_build().unwrap_or(env!("CARGO_BIN_EXE_redeliver").into()));
    command.current_dir(directory).args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// Calls the program in this directory.
pub(crate) fn call(directory: &Path, arguments: &[&str]) -> Call {
    ended(program(directory, arguments).output().expect("the program is there"))
}

/// Calls the program with this text on standard input.
pub(crate) fn call_with(directory: &Path, arguments: &[&str], input: &[u8]) -> Call {
    let mut command = program(directory, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program is there");
    child.stdin.take().expect("it is a pipe").write_all(input).expect("it reads all");
    ended(child.wait_with_output().expect("it ends"))
}

fn ended(output: Output) -> Call {
    Call {
        code: output.status.code().expect("no signal ends it"),
        out: String::from_utf8(output.stdout).expect("it writes UTF-8"),
        err: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

/// A new directory with the figure in it, as `figure.ron`, this text replaced by that.
pub(crate) fn directory_with(from: &str, to: &str) -> tempfile::TempDir {
    assert!(FIGURE.contains(from), "{from} is not in the figure");
    let directory = tempfile::tempdir().expect("there is room for tests");
    let text = FIGURE.replacen(from, to, 1);
    std::fs::write(directory.path().join("figure.ron"), text).expect("there is room for tests");
    directory
}

/// A new directory with the figure in it.
pub(crate) fn directory() -> tempfile::TempDir {
    directory_with("", "")
}
