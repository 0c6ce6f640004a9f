//! Which names exist, as far as a scenario says them before it runs; and the nearest one to a name that does not.

use super::shape::Whose;

/// The names that paths may use. What is `None` cannot be known before the run: every name is taken there.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The designs, in the order of the file, each with the names in it.
    pub designs: Vec<(String, Names)>,
    /// The causes that a message can be lost by.
    pub loss_causes: Option<Vec<String>>,
    /// The causes that an effect can take place again by.
    pub duplicate_causes: Option<Vec<String>>,
}

/// The names in one design.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Groups of producers.
    pub producers: Option<Vec<String>>,
    /// Subscriptions.
    pub consumers: Option<Vec<String>>,
    /// Broker nodes.
    pub brokers: Option<Vec<String>>,
    /// All nodes.
    pub nodes: Option<Vec<String>>,
    /// The clients of a story.
    pub clients: Option<Vec<String>>,
    /// The pictures that a story keeps.
    pub looks: Option<Vec<String>>,
}

impl Scope {
    /// The names of one kind that exist: in this design, or, if it is not known which, in none that could be checked.
    pub(super) fn names(&self, whose: Whose, design: Option<usize>) -> Option<Vec<&str>> {
        let here = design.and_then(|design| self.designs.get(design)).map(|(_, names)| names);
        let names = match whose {
            Whose::Design if self.designs.is_empty() => return None,
            Whose::Design => return Some(self.designs.iter().map(|(name, _)| name.as_str()).collect()),
            Whose::Producer => here?.producers.as_ref(),
            Whose::Consumer => here?.consumers.as_ref(),
            Whose::Broker => here?.brokers.as_ref(),
            Whose::Node => here?.nodes.as_ref(),
            Whose::Client => here?.clients.as_ref(),
            Whose::Look => here?.looks.as_ref(),
            Whose::LossCause => self.loss_causes.as_ref(),
            Whose::DuplicateCause => self.duplicate_causes.as_ref(),
            Whose::Anything => None,
        };
        names.map(|names| names.iter().map(String::as_str).collect())
    }

    /// The only design, whose keys are in scope by themselves.
    pub(super) fn only_design(&self) -> Option<&str> {
        match self.designs.as_slice() {
            [(name, _)] => Some(name),
            _ => None,
        }
    }
}

/// The name that was probably meant.
pub(super) fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = (typed.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
