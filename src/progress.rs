//! A bar on standard error while designs run, if somebody is there to watch.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// The bar has so many steps.
const STEPS: u64 = 1000;

/// Shows how far a run is.
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar on a terminal; elsewhere none.
    pub(crate) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Bar(None);
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        Bar(Some(bar.with_style(style)))
    }

    /// So much of this design is over.
    pub(crate) fn at(&self, design: &str, share: f64) {
        if let Some(bar) = &self.0 {
            if bar.message() != design {
                bar.set_message(design.to_string());
            }
            bar.set_position((share.clamp(0.0, 1.0) * STEPS as f64) as u64);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
