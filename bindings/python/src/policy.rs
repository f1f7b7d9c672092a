//! From evidence to action: `Policy`.

use std::collections::HashMap;

use exfilter::HostPattern;
use pyo3::prelude::*;

use crate::{errors, words};

/// A table from evidence to action; what is left out has its default.
///
/// `mode` is "enforce" or "observe" (everything is reported, nothing blocked or edited). `actions` maps a confidence to an action for
/// outbound flows, `llm_actions` the same for editable flows to `llm_hosts`, `opaque` a reason why content was not examined to an action.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Policy(pub(crate) exfilter::Policy);

#[pymethods]
impl Policy {
    #[new]
    #[pyo3(signature = (*, mode="enforce", actions=None, llm_actions=None, llm_hosts=None, strict_examples=false, opaque=None))]
    fn new(
        mode: &str,
        actions: Option<HashMap<String, String>>,
        llm_actions: Option<HashMap<String, String>>,
        llm_hosts: Option<Vec<String>>,
        strict_examples: bool,
        opaque: Option<HashMap<String, String>>,
    ) -> PyResult<Policy> {
        let mut policy = exfilter::Policy::default();
        policy.mode(words::mode(mode)?).strict_examples(strict_examples);
        for (confidence, action) in actions.unwrap_or_default() {
            policy.action(words::confidence(&confidence)?, words::action(&action)?);
        }
        for (confidence, action) in llm_actions.unwrap_or_default() {
            policy.llm_action(words::confidence(&confidence)?, words::action(&action)?);
        }
        for (reason, action) in opaque.unwrap_or_default() {
            policy.opaque(words::opaque(&reason)?, words::action(&action)?);
        }
        if let Some(hosts) = llm_hosts {
            let parsed = hosts.iter().map(|host| HostPattern::parse(host.as_bytes()));
            let hosts = parsed.collect::<Result<Vec<_>, _>>().map_err(|error| errors::parse(&error))?;
            policy.llm_hosts(hosts);
        }
        Ok(Policy(policy))
    }

    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn __repr__(&self) -> &'static str {
        "Policy(...)"
    }
}
