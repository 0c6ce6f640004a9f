//! Where output goes: standard output, and files that are there whole or not at all.

use crate::ending::Failure;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The width of what is not shown on a terminal.
const WIDTH: usize = 100;

/// Writes to standard output. A reader who has gone does not matter: the exit code still tells the verdict.
pub(crate) fn show(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::unwritable("standard output", &error))
        }
        _ => Ok(()),
    }
}

/// Says something beside the result. Nobody may be listening.
pub(crate) fn remark(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Whether this may be coloured.
#[allow(clippy::disallowed_methods)] // only how it looks on a terminal
pub(crate) fn colour(to: &impl IsTerminal) -> bool {
    let says = |name: &str, value: &str| std::env::var_os(name).is_some_and(|found| found == value);
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    to.is_terminal() && !unwanted && !says("TERM", "dumb")
}

/// Columns of standard output.
pub(crate) fn width() -> usize {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map_or(WIDTH, |(width, _)| usize::from(width.0))
}

/// A file under a temporary name, until it is whole.
pub(crate) struct Draft {
    out: BufWriter<File>,
    target: PathBuf,
    /// None for a device or a pipe, which is written as it is.
    temporary: Option<PathBuf>,
}

impl Draft {
    /// Begins a file beside the one it will replace.
    pub(crate) fn begin(target: &Path) -> Result<Self, Failure> {
        Self::open(target).map_err(|error| Failure::unwritable(&target.display().to_string(), &error))
    }

    #[allow(clippy::disallowed_methods)] // the name of a file that is renamed
    fn open(target: &Path) -> std::io::Result<Self> {
        // A link stays a link: what it leads to is replaced.
        let target = target.canonicalize().unwrap_or_else(|_| target.to_path_buf());
        if target.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if target.exists() && !target.is_file() {
            let file = File::options().write(true).open(&target)?;
            return Ok(Draft { out: BufWriter::new(file), target, temporary: None });
        }
        let name = target.file_name().ok_or(ErrorKind::InvalidFilename)?.to_string_lossy();
        let temporary = target.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let file = File::create_new(&temporary)?;
        Ok(Draft { out: BufWriter::new(file), target, temporary: Some(temporary) })
    }

    /// Writes more of it.
    pub(crate) fn add(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        write(&mut self.out).map_err(|error| self.failure(&error))
    }

    /// The file is whole: it gets its name.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| self.failure(&error))?;
        let Some(temporary) = &self.temporary else { return Ok(()) };
        std::fs::rename(temporary, &self.target).map_err(|error| self.failure(&error))?;
        self.temporary = None;
        Ok(())
    }

    fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::unwritable(&self.target.display().to_string(), error)
    }
}

impl Drop for Draft {
    /// What is not finished leaves nothing behind.
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// Makes a directory, and those above it.
pub(crate) fn make_directory(directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory)
        .map_err(|error| Failure::unwritable(&directory.display().to_string(), &error))
}

/// Writes several files of a directory: all are whole before the first gets its name.
pub(crate) fn write_files(directory: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    let mut drafts = Vec::new();
    for (name, text) in files {
        let mut draft = Draft::begin(&directory.join(name))?;
        draft.add(|out| out.write_all(text.as_bytes()))?;
        drafts.push(draft);
    }
    drafts.into_iter().try_for_each(Draft::finish)
}
