//! Key patterns: `Rules` and `Rule`.

use exfilter::rules::{self, ImportOptions, RuleEntry, example};
use pyo3::exceptions::{PyIndexError, PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyList};

use crate::errors;

/// A set of rules. Made by `builtin`, `more`, `parse`, `from_file` and `from_gitleaks`; sets are joined with `+`.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Rules {
    items: Vec<Item>,
    remarks: Vec<String>,
    /// Whether all of them are known to compile.
    pub(crate) checked: bool,
}

#[derive(Clone)]
struct Item {
    rule: exfilter::Rule,
    examples: Vec<String>,
}

impl Rules {
    pub(crate) fn to_vec(&self) -> Vec<exfilter::Rule> {
        self.items.iter().map(|item| item.rule.clone()).collect()
    }

    fn of_entries(entries: Vec<RuleEntry>, checked: bool) -> Rules {
        let item = |entry: RuleEntry| Item { rule: entry.rule, examples: entry.examples };
        Rules { items: entries.into_iter().map(item).collect(), remarks: Vec::new(), checked }
    }
}

#[pymethods]
impl Rules {
    /// No rules: for engines that look for known secrets only.
    #[new]
    fn new() -> Rules {
        Rules { items: Vec::new(), remarks: Vec::new(), checked: true }
    }

    /// The rules that come with exfilter.
    #[staticmethod]
    fn builtin() -> Rules {
        Rules::of_entries(rules::builtin_entries(), true)
    }

    /// Further rules, for providers that fewer people have keys of.
    #[staticmethod]
    fn more() -> Rules {
        Rules::of_entries(rules::more_entries(), true)
    }

    /// Reads a rule file's text; `name` is what errors call it.
    #[staticmethod]
    #[pyo3(signature = (text, name="rules.toml"))]
    fn parse(text: &str, name: &str) -> PyResult<Rules> {
        let entries = rules::parse(name, text).map_err(|error| errors::rule(&error))?;
        Ok(Rules::of_entries(entries, false))
    }

    /// Reads a rule file as gitleaks has it. What cannot be expressed is left out and stands in `remarks`.
    #[staticmethod]
    #[pyo3(signature = (text, name="gitleaks.toml"))]
    fn from_gitleaks(py: Python<'_>, text: &str, name: &str) -> PyResult<Rules> {
        let import = py.detach(|| rules::import(name, text, &ImportOptions::default()));
        let import = import.map_err(|error| errors::rule(&error))?;
        let remarks = import.remarks.iter().map(ToString::to_string).collect();
        let item = |imported: rules::ImportedRule| Item { rule: imported.rule, examples: Vec::new() };
        Ok(Rules { items: import.rules.into_iter().map(item).collect(), remarks, checked: false })
    }

    /// What an import left out or changed, one line each.
    #[getter]
    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }

    /// The rules' ids, in order.
    #[getter]
    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|item| item.rule.id.clone()).collect()
    }

    /// The rules without those of these ids, which must be there.
    fn without(&self, ids: Vec<String>) -> PyResult<Rules> {
        if let Some(id) = ids.iter().find(|id| !self.items.iter().any(|item| item.rule.id == **id)) {
            return Err(PyKeyError::new_err(id.clone()));
        }
        let items = self.items.iter().filter(|item| !ids.contains(&item.rule.id)).cloned().collect();
        Ok(Rules { items, remarks: self.remarks.clone(), checked: self.checked })
    }

    /// Texts in which a rule finds something, made from a seed: no key that was ever issued.
    #[pyo3(signature = (id, seed=0))]
    fn examples<'py>(&self, py: Python<'py>, id: &str, seed: u64) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let item = self.items.iter().find(|item| item.rule.id == id);
        let item = item.ok_or_else(|| PyKeyError::new_err(id.to_owned()))?;
        let expanded = item.examples.iter().map(|text| example::expand(text, item.rule.checksum, seed));
        let expanded = expanded.collect::<Result<Vec<_>, _>>();
        let expanded = expanded.map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(expanded.iter().map(|text| PyBytes::new(py, text)).collect())
    }

    fn __add__(&self, other: &Rules) -> Rules {
        let items = self.items.iter().chain(&other.items).cloned().collect();
        let remarks = self.remarks.iter().chain(&other.remarks).cloned().collect();
        Rules { items, remarks, checked: self.checked && other.checked }
    }

    fn __len__(&self) -> usize {
        self.items.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let rules = self.items.iter().map(|item| Bound::new(py, Rule(item.rule.clone())));
        PyList::new(py, rules.collect::<PyResult<Vec<_>>>()?)?.try_iter()
    }

    /// The rule of this place, from 0.
    fn __getitem__(&self, index: usize) -> PyResult<Rule> {
        let item = self.items.get(index);
        item.map(|item| Rule(item.rule.clone())).ok_or_else(|| PyIndexError::new_err("there are fewer rules"))
    }

    fn __repr__(&self) -> String {
        format!("Rules({} rules)", self.items.len())
    }
}

/// One key pattern, to look at.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Rule(exfilter::Rule);

#[pymethods]
impl Rule {
    /// Its id, unique: "github-pat".
    #[getter]
    fn id(&self) -> &str {
        &self.0.id
    }

    /// Who issues the credential.
    #[getter]
    fn provider(&self) -> &str {
        &self.0.provider
    }

    /// What the credential opens.
    #[getter]
    fn opens(&self) -> &str {
        &self.0.opens
    }

    /// "admin", "user", "service", "test" or "publishable".
    #[getter]
    fn key_class(&self) -> &'static str {
        self.0.class.as_str()
    }

    /// How sure a match is when nothing is verified.
    #[getter]
    fn confidence(&self) -> &'static str {
        self.0.confidence.as_str()
    }

    /// Hosts where the credential is legitimate.
    #[getter]
    fn hosts(&self) -> Vec<String> {
        self.0.hosts.clone()
    }

    /// How to revoke it.
    #[getter]
    fn revoke(&self) -> &str {
        &self.0.revoke
    }

    /// Where its form is described.
    #[getter]
    fn source(&self) -> &str {
        &self.0.source
    }

    fn __repr__(&self) -> String {
        format!("Rule({:?})", self.0.id)
    }
}
