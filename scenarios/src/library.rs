//! The library: the scenarios that the program carries, by name. A name is the file's path below `library/`, without
//! `.ron`.

/// Names and texts, in the order of the names.
static TABLE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/library_table.rs"));

/// All scenarios: name and text, in the order of the names.
pub fn all() -> &'static [(&'static str, &'static str)] {
    TABLE
}

/// The text of the scenario of this name.
pub fn find(name: &str) -> Option<&'static str> {
    let index = TABLE.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(TABLE[index].1)
}

/// The name that is most like this one, if any is like it at all.
pub fn nearest(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".ron").unwrap_or(name);
    let end = |name: &'static str| name.rsplit_once('/').map_or(name, |(_, end)| end);
    let by_end = TABLE.iter().find(|(known, _)| end(known) == name).map(|(known, _)| *known);
    by_end.or_else(|| crate::diagnostic::nearest(name, TABLE.iter().map(|(known, _)| *known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_found_by_name() {
        assert!(TABLE.is_sorted());
        assert!(find("hello").is_some_and(|text| text.contains("format: 1")));
        assert_eq!(find("helo"), None);
        assert_eq!(nearest("helo"), Some("hello"));
        assert_eq!(nearest("hello.ron"), Some("hello"));
        assert_eq!(nearest("zzz"), None);
    }

    #[test]
    fn every_scenario_can_be_read() {
        for (name, text) in all() {
            if let Err(report) = crate::read(name, text, &crate::Options::default()) {
                panic!("{report}");
            }
        }
    }
}
