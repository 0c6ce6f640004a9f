//! The table of closed forms: `tests/data/closed_forms.csv`, one quantity a row.

use serde_json::Value;

/// A row: what this quantity of this scenario is.
pub(crate) struct Row {
    pub(crate) id: String,
    /// The scenario's parameters.
    pub(crate) params: Params,
    pub(crate) quantity: String,
    pub(crate) value: f64,
}

/// The parameters of a scenario.
#[derive(Clone)]
pub(crate) struct Params(Value);

impl Params {
    /// A parameter that is a number.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or_else(|| panic!("there is no number `{name}` in {}", self.0))
    }

    /// A number of a parameter that is a list.
    pub(crate) fn at(&self, name: &str, index: usize) -> f64 {
        self.0[name][index].as_f64().unwrap_or_else(|| panic!("there is no `{name}[{index}]` in {}", self.0))
    }
}

/// All rows, in the order of the file.
pub(crate) fn table() -> Vec<Row> {
    include_str!("../../../tests/data/closed_forms.csv").lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let [id, _group, _scenario, params, _formula, quantity, value, _source, _tolerance] =
        cells(line).try_into().unwrap_or_else(|cells| panic!("nine cells are wanted: {cells:?}"));
    let params = serde_json::from_str(&params).unwrap_or_else(|error| panic!("{error}: {params}"));
    let value = value.parse().unwrap_or_else(|error| panic!("{error}: {value}"));
    Row { id, params: Params(params), quantity, value }
}

/// Comma-separated; a cell in quotes may hold commas, and quotes that are doubled.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                cells.last_mut().expect("there is one").extend(chars.next())
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells.last_mut().expect("there is one").push(c),
        }
    }
    cells
}

#[test]
fn cells_in_quotes_hold_commas_and_quotes() {
    assert_eq!(cells(r#"Q01,"a, b","{""lam"": 0.8}",,2"#), ["Q01", "a, b", r#"{"lam": 0.8}"#, "", "2"]);
}
