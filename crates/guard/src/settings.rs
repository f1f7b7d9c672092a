//! [`Settings`]: what a guard is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use exfilter::config::Config;
use exfilter::substitute::{OwnLogins, Substitutes};
use exfilter::{Engine, HostPattern};

use crate::error::GuardError;
use crate::limits::GuardLimits;
#[cfg(feature = "otel")]
use crate::otel::Telemetry;
use crate::record::{Record, Sink};
use crate::self_test;
use crate::ssh::SshSettings;
use crate::upstream_proxy::UpstreamProxy;
use crate::whose::Reader;

/// What a guard is told. No `Debug`: it holds credentials.
#[non_exhaustive]
pub struct Settings {
    pub(crate) engine: Engine,
    pub(crate) substitutes: Option<Arc<Substitutes>>,
    pub(crate) scrubber: Option<Engine>,
    pub(crate) own_logins: Option<OwnLogins>,
    pub(crate) logins_again: Option<Reader>,
    pub(crate) config: Config,
    pub(crate) allow: Option<Vec<HostPattern>>,
    pub(crate) closed_network: bool,
    pub(crate) observe: bool,
    pub(crate) lasting: bool,
    pub(crate) upstream_roots: Vec<Vec<u8>>,
    pub(crate) upstream_proxy: Option<UpstreamProxy>,
    pub(crate) resolve: Vec<(String, u16, SocketAddr)>,
    pub(crate) ssh: Option<SshSettings>,
    pub(crate) limits: GuardLimits,
    pub(crate) sink: Arc<dyn Sink>,
    #[cfg(feature = "otel")]
    pub(crate) telemetry: Option<Arc<Telemetry>>,
}

/// Tells nobody.
struct Nobody;

impl Sink for Nobody {
    fn record(&self, _: &Record) -> std::io::Result<()> {
        Ok(())
    }
}

impl Settings {
    /// With this engine, to any host, telling nobody.
    #[must_use]
    pub fn new(engine: Engine) -> Settings {
        Settings {
            engine,
            substitutes: None,
            scrubber: None,
            own_logins: None,
            logins_again: None,
            config: Config::default(),
            allow: None,
            closed_network: false,
            observe: false,
            lasting: false,
            upstream_roots: Vec::new(),
            upstream_proxy: None,
            resolve: Vec::new(),
            ssh: None,
            limits: GuardLimits::default(),
            sink: Arc::new(Nobody),
            #[cfg(feature = "otel")]
            telemetry: None,
        }
    }

    /// Placeholders that are exchanged for real values where they belong, and the engine that takes the real values out of answers of servers that got one. Its policy redacts
    /// ([`Action::Redact`](exfilter::Action::Redact)) what is confirmed.
    pub fn substitutes(&mut self, substitutes: Arc<Substitutes>, scrubber: Engine) -> &mut Settings {
        (self.substitutes, self.scrubber) = (Some(substitutes), Some(scrubber));
        self
    }

    /// What the files hold in which clients keep their logins: at hosts of language models a credential that is none of the session's is refused ([`Accounts`](exfilter::substitute::Accounts)).
    pub fn own_logins(&mut self, known: OwnLogins) -> &mut Settings {
        self.own_logins = Some(known);
        self
    }

    /// Says how these files are read again when a credential comes that nobody knows, at most every few seconds: for files that clients cannot write, or whose writer might go around the guard as well. What stands in them is added to what is known.
    pub fn logins_again(&mut self, read: impl Fn(&mut OwnLogins) + Send + Sync + 'static) -> &mut Settings {
        self.logins_again = Some(Arc::new(read));
        self
    }

    /// Sets what a policy file says of hosts and of requests; its policy and limits are the engine's already.
    pub fn config(&mut self, config: Config) -> &mut Settings {
        self.config = config;
        self
    }

    /// Adds a host, or all below one, to those that may be reached. Without any, all may.
    pub fn allow(&mut self, pattern: HostPattern) -> &mut Settings {
        self.allow.get_or_insert_default().push(pattern);
        self
    }

    /// Says that the clients have no network of their own: addresses of this machine and of private networks are then out of reach, unless one is allowed by
    /// its name.
    pub fn closed_network(&mut self) -> &mut Settings {
        self.closed_network = true;
        self
    }

    /// Says that the engine's policy refuses nothing: then credentials of others are not refused either. Limits and the list of hosts hold all the same.
    pub fn observe(&mut self) -> &mut Settings {
        self.observe = true;
        self
    }

    /// Says that the guard lives for longer than its certificate authority is good, which is three weeks: there is a next one from the beginning, in what clients must trust, for
    /// [`Running::renew`](crate::Running::renew).
    pub fn lasting(&mut self) -> &mut Settings {
        self.lasting = true;
        self
    }

    /// A further certificate authority for servers, in PEM, beside those of the system.
    pub fn upstream_root(&mut self, pem: Vec<u8>) -> &mut Settings {
        self.upstream_roots.push(pem);
        self
    }

    /// The proxy behind which this machine stands.
    pub fn upstream_proxy(&mut self, proxy: UpstreamProxy) -> &mut Settings {
        self.upstream_proxy = Some(proxy);
        self
    }

    /// The address of a host and port, instead of what the resolver says.
    pub fn resolve(&mut self, host: &str, port: u16, address: SocketAddr) -> &mut Settings {
        self.resolve.push((host.to_owned(), port, address));
        self
    }

    /// Opens the SSH gateway; without it tunnels of SSH are refused.
    pub fn ssh(&mut self, ssh: SshSettings) -> &mut Settings {
        self.ssh = Some(ssh);
        self
    }

    /// Sets the limits.
    pub fn limits(&mut self, limits: GuardLimits) -> &mut Settings {
        self.limits = limits;
        self
    }

    /// The addresses of hosts that were set.
    pub(crate) fn places(&self) -> HashMap<(String, u16), SocketAddr> {
        self.resolve.iter().map(|(host, port, to)| ((host.clone(), *port), *to)).collect()
    }

    /// Who is told of each request.
    pub fn sink(&mut self, sink: Arc<dyn Sink>) -> &mut Settings {
        self.sink = sink;
        self
    }

    /// A collector that is told of each request too, once the [sink](Settings::sink) was, and of the counts. Nothing waits for it. It is reached as servers are, but asks neither the list of hosts nor whether an address is private; a reload changes nothing of it.
    #[cfg(feature = "otel")]
    pub fn telemetry(&mut self, telemetry: Arc<Telemetry>) -> &mut Settings {
        self.telemetry = Some(telemetry);
        self
    }

    /// Sends a made-up `key` of which a rule is sure through the engine, in every part of a request, and a request without one: what a guard with these settings would refuse and let through. Nothing is
    /// sent anywhere.
    ///
    /// # Errors
    ///
    /// [`GuardError`] if the key would leave though the policy refuses such keys, or if it would not be noticed, or if the clean request would be refused.
    pub fn self_test(&self, key: &[u8]) -> Result<(), GuardError> {
        if self_test::passes(&self.engine, &self.config, key) { Ok(()) } else { Err(GuardError::self_test()) }
    }
}
