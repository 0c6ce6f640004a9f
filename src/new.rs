//! `new NAME`: a scenario of one's own, as a copy of one that the program carries.

use crate::arguments::New;
use crate::ending::{Ending, Failure};
use crate::output;
use redeliver_scenarios::{Diagnostic, library};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

pub(crate) fn new(wanted: &New) -> Result<Ending, Failure> {
    let Some(text) = library::find(&wanted.from) else { return Err(unknown(&wanted.from)) };
    let path = path(&wanted.name)?;
    let shown = path.display().to_string();
    write(&path, text).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(&shown),
        _ => Failure::unwritable(&shown, &error),
    })?;
    output::show(&format!(
        "Written: {shown}, a copy of {}.\nrun it:    redeliver run {shown}\ncheck it:  redeliver check {shown}\n",
        wanted.from
    ))?;
    Ok(Ending::Fine)
}

fn unknown(from: &str) -> Failure {
    let diagnostic = Diagnostic::new(format!("the library has no scenario `{}`", from.escape_debug()));
    let near = library::nearest(from).map_or(String::new(), |near| format!("did you mean `{near}`? "));
    Failure::unusable(&diagnostic.hint(near + "`redeliver list` shows them all"))
}

fn exists(shown: &str) -> Failure {
    let text = format!("error: {shown} is there already\nhelp: choose another name, or remove it first\n");
    Failure { ending: Ending::Unwritable, text }
}

/// NAME with `.ron` at its end.
fn path(name: &Path) -> Result<PathBuf, Failure> {
    let Some(last) = name.file_name() else {
        return Err(Failure::unusable(&Diagnostic::new("the new scenario needs a name, such as `mine`")));
    };
    if name.extension().is_some_and(|extension| extension == "ron") {
        return Ok(name.to_path_buf());
    }
    let mut last = last.to_os_string();
    last.push(".ron");
    Ok(name.with_file_name(last))
}

/// Whole or not at all, and never over a file that is there.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes()).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
}
