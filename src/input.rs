//! Where a scenario comes from: a path, standard input, or the library.

use crate::ending::Failure;
use redeliver_scenarios::{FILE_BYTES_MAX, Options, Plan, library, read, read_bytes, unreadable};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads FILE and makes a plan of it. A file goes before a name of the library.
pub(crate) fn plan(file: &Path, options: &Options) -> Result<Plan, Failure> {
    let name = name(file);
    let plan = match file.to_str().filter(|_| !file.is_file()).and_then(library::find) {
        Some(text) => read(&name, text, options),
        None => match bytes(file) {
            Ok(bytes) => {
                let folder = if is_standard(file) { None } else { file.parent().map(Path::to_path_buf) };
                read_bytes(&name, &bytes, &Options { folder, ..options.clone() })
            }
            Err(error) => Err(unreadable(&name, &error)),
        },
    };
    plan.map_err(|report| Failure::unreadable(&report))
}

/// What the scenario is called in messages.
pub(crate) fn name(file: &Path) -> String {
    if is_standard(file) { "stdin".into() } else { file.display().to_string() }
}

/// Whether the scenario is read from this file, by whatever path.
pub(crate) fn is_read_from(file: &Path, other: &Path) -> bool {
    // What standard input was redirected from has a path, too, where the system gives it one.
    let file = if is_standard(file) { Path::new("/dev/stdin") } else { file };
    file.is_file() && is_same(file, other)
}

#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    identity(one).is_some_and(|found| identity(other) == Some(found))
}

#[cfg(not(unix))]
fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|found| other.canonicalize().is_ok_and(|other| found == other))
}

fn is_standard(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// The content, one byte more than a scenario may have at most: a device has no end.
fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    let most = FILE_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    if is_standard(file) {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
