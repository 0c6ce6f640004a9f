//! Which nodes there are, and which of them a text means: a name, a glob, a role, the bare word `Receiver`.

use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::OneOrMore;
use crate::needs::Means;
use redeliver_models::setup::{NodePattern, Role, glob_matches};
use serde::Deserialize;
use serde::de::{self, Deserializer, EnumAccess, VariantAccess, Visitor};
use std::fmt;

/// The nodes of one design, by name and role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cast {
    pub(crate) nodes: Vec<(String, Role)>,
    pub(crate) means: Means,
}

impl Cast {
    pub(crate) fn has(&self, pattern: &NodePattern) -> bool {
        self.nodes.iter().any(|(name, role)| pattern.matches(name, *role))
    }

    /// The nodes that none of these patterns matches, by name.
    pub(crate) fn outside(&self, patterns: &[NodePattern]) -> Vec<NodePattern> {
        let inside = |name: &str, role| patterns.iter().any(|pattern| pattern.matches(name, role));
        let others = self.nodes.iter().filter(|(name, role)| !inside(name, *role));
        others.map(|(name, _)| NodePattern::Glob(name.clone())).collect()
    }
}

/// Nodes as a file names them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodeText {
    /// A name, a glob, or a role in quotes.
    Name(String),
    /// The bare word `Receiver`: whoever notes the fact of the trigger.
    Receiver,
}

impl<'de> Deserialize<'de> for NodeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = NodeText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a node in quotes (\"broker/1\", \"shop/*\", \"consumers\") or the bare word `Receiver`",
                )
            }
            fn visit_str<E>(self, text: &str) -> Result<NodeText, E> {
                Ok(NodeText::Name(text.into()))
            }
            fn visit_enum<A: EnumAccess<'de>>(self, word: A) -> Result<NodeText, A::Error> {
                let (name, rest): (String, _) = word.variant()?;
                if name == "Receiver" {
                    rest.unit_variant()?;
                    return Ok(NodeText::Receiver);
                }
                let message = format!("`{name}` is no word for a node");
                let hint = format!("write \"{name}\" in quotes, or `Receiver`");
                Err(de::Error::custom(crate::decode::with_hint(message, hint, Some(format!("\"{name}\"")))))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// Words for all nodes of a role.
pub(crate) const ROLES: [&str; 4] = ["producers", "brokers", "consumers", "clients"];

/// The pattern that a text means. `shop` alone means all members of the group.
pub(crate) fn pattern(text: &str) -> NodePattern {
    match text {
        "producers" => NodePattern::Role(Role::Producer),
        "brokers" => NodePattern::Role(Role::Broker),
        "consumers" => NodePattern::Role(Role::Consumer),
        "clients" => NodePattern::Role(Role::Client),
        _ => NodePattern::Glob(text.into()),
    }
}

/// As [`pattern`], where the name of a consumer may mean nodes of several levels.
pub(crate) fn pattern_of(name: &str, groups: &[String]) -> NodePattern {
    if groups.iter().any(|group| group == name) {
        NodePattern::Glob(format!("{name}/*"))
    } else {
        pattern(name)
    }
}

/// Checks node names against all designs.
pub(crate) struct Patterns<'f> {
    pub(crate) findings: &'f mut Findings,
    /// Groups whose members may be nodes of several levels: `fulfilment` means `fulfilment/*`.
    pub(crate) groups: &'f [String],
}

impl Patterns<'_> {
    /// The patterns of these texts; each must match a node of some design. `Receiver` is not allowed.
    pub(crate) fn resolve(&mut self, texts: &OneOrMore<NodeText>, casts: &[Cast]) -> Vec<NodePattern> {
        let mut found = Vec::new();
        for text in &texts.0 {
            match &text.value {
                NodeText::Name(name) => found.push(self.one(name, text.place, casts)),
                NodeText::Receiver => {
                    self.findings.refuse(text.place, "`Receiver` is only known to a fault with `when`");
                }
            }
        }
        found
    }

    /// The pattern of one text; it must match a node of some design.
    pub(crate) fn one(&mut self, name: &str, place: Place, casts: &[Cast]) -> NodePattern {
        let found = pattern_of(name, self.groups);
        if !casts.is_empty() && !casts.iter().any(|cast| cast.has(&found)) {
            self.unknown(name, place, casts);
        }
        found
    }

    fn unknown(&mut self, name: &str, place: Place, casts: &[Cast]) {
        let is_there = |role: &&str| casts.iter().any(|cast| cast.has(&pattern(role)));
        let mut known: Vec<&str> = ROLES.iter().copied().filter(is_there).collect();
        known.extend(self.groups.iter().map(String::as_str));
        for cast in casts {
            known.extend(cast.nodes.iter().take(1000).map(|(name, _)| name.as_str()));
        }
        known.sort();
        known.dedup();
        if ROLES.contains(&name) {
            let listed: Vec<String> = known.iter().take(10).map(|name| format!("`{name}`")).collect();
            let diagnostic = Diagnostic::new(format!("no design has any {name}")).at(place);
            let hint = format!("name others, or add a design that has some; there is {}", listed.join(", "));
            return self.findings.push(diagnostic.hint(hint));
        }
        let message = format!("no design has a node `{name}`");
        let mut diagnostic = Diagnostic::new(message).at(place).nearest(name, known.iter().copied());
        if let Some(near) = crate::diagnostic::nearest(name, known) {
            diagnostic = diagnostic.fix(format!("\"{near}\""));
        }
        self.findings.push(diagnostic);
    }
}

/// The names that a glob of a design's `clients` matches.
pub(crate) fn matches_client(glob: &str, name: &str) -> bool {
    glob_matches(glob, name) || name.rsplit_once('/').is_some_and(|(group, _)| group == glob)
}
