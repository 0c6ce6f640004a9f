//! Every setting that matters for a design, said or default, with its source: what a report shows beside numbers.

use crate::defaults::Default;
use crate::units::{show_distribution, show_size, show_span};
use redeliver_sim::{Distribution, Span};

/// A setting and where its value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assumption {
    /// The setting's name, as the file would say it.
    pub setting: String,
    /// Its value, for people.
    pub value: String,
    /// Nobody said so: it is a default.
    pub default: bool,
    /// `scenario`, or where the default comes from.
    pub source: String,
}

/// Settings as they are gathered.
#[derive(Clone, Debug)]
pub(crate) struct Assumptions(pub(crate) Vec<Assumption>);

impl Assumptions {
    pub(crate) fn new() -> Self {
        Assumptions(Vec::new())
    }

    /// The value that was said, or the default; noted with its source.
    pub(crate) fn pick<T: Show + Clone>(
        &mut self,
        setting: &str,
        said: Option<T>,
        default: &Default<T>,
    ) -> T {
        let value = said.clone().unwrap_or_else(|| default.value.clone());
        self.note(setting, value.show(), said.is_none(), default.source);
        value
    }

    /// A value that may be absent; noted as `absent` then.
    pub(crate) fn optional<T: Show>(
        &mut self,
        setting: &str,
        said: Option<T>,
        absent: &str,
        source: &str,
    ) -> Option<T> {
        self.note(setting, said.as_ref().map_or(absent.into(), Show::show), said.is_none(), source);
        said
    }

    /// A value that is noted as text.
    pub(crate) fn text(&mut self, setting: &str, said: Option<String>, default: &str, source: &str) {
        let is_default = said.is_none();
        self.note(setting, said.unwrap_or_else(|| default.into()), is_default, source);
    }

    fn note(&mut self, setting: &str, value: String, default: bool, source: &str) {
        let source = if default { source } else { "scenario" };
        self.0.push(Assumption { setting: setting.into(), value, default, source: source.into() });
    }
}

/// How a value is shown to people.
pub(crate) trait Show {
    fn show(&self) -> String;
}

impl Show for Span {
    fn show(&self) -> String {
        show_span(*self)
    }
}

impl Show for Distribution {
    fn show(&self) -> String {
        show_distribution(self)
    }
}

impl Show for u32 {
    fn show(&self) -> String {
        if *self == u32::MAX { "unlimited".into() } else { self.to_string() }
    }
}

/// Bytes.
impl Show for u64 {
    fn show(&self) -> String {
        show_size(*self)
    }
}

impl Show for f64 {
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Show for bool {
    fn show(&self) -> String {
        self.to_string()
    }
}
