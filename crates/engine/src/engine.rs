//! [`Engine`]: rules and known secrets, compiled.

use std::sync::Arc;

use crate::error::BuildError;
use crate::finding::{RuleId, SecretId};
use crate::flow::Flow;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::rule::Rule;
use crate::secrets::KnownSecrets;
use crate::stream::Stream;

/// Compiled rules and secrets. Cheap to clone, shared by all streams, immutable.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    rules: Vec<Rule>,
}

/// Collects what an [`Engine`] is made of.
pub struct EngineBuilder {
    rules: Vec<Rule>,
    secrets: Option<KnownSecrets>,
    policy: Policy,
    limits: Limits,
}

impl Engine {
    /// An empty builder: no rules, no secrets, default policy and limits.
    pub fn builder() -> EngineBuilder {
        EngineBuilder { rules: Vec::new(), secrets: None, policy: Policy::default(), limits: Limits::default() }
    }

    /// Opens a stream.
    pub fn stream(&self, flow: Flow) -> Stream {
        let _ = flow;
        todo!()
    }

    /// The rule behind an id of this engine.
    pub fn rule(&self, id: RuleId) -> &Rule {
        &self.inner.rules[id.0 as usize]
    }

    /// The name under which a secret was enrolled.
    pub fn secret_name(&self, id: SecretId) -> &str {
        let _ = id;
        ""
    }
}

impl EngineBuilder {
    /// Adds rules.
    pub fn rules(&mut self, rules: impl IntoIterator<Item = Rule>) -> &mut EngineBuilder {
        self.rules.extend(rules);
        self
    }

    /// Sets the known secrets.
    pub fn known_secrets(&mut self, secrets: KnownSecrets) -> &mut EngineBuilder {
        self.secrets = Some(secrets);
        self
    }

    /// Sets the policy.
    pub fn policy(&mut self, policy: Policy) -> &mut EngineBuilder {
        self.policy = policy;
        self
    }

    /// Sets the limits.
    pub fn limits(&mut self, limits: Limits) -> &mut EngineBuilder {
        self.limits = limits;
        self
    }

    /// Compiles; the only step that can fail. Takes what the builder holds.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the rule and says what to write instead.
    pub fn build(&mut self) -> Result<Engine, BuildError> {
        let _ = (&self.secrets, &self.policy, &self.limits);
        Ok(Engine { inner: Arc::new(Inner { rules: std::mem::take(&mut self.rules) }) })
    }
}
