//! [`GuardError`]: why the guard does not start.

use std::fmt;

/// Why the guard does not start. Holds no content.
#[derive(Debug)]
pub struct GuardError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Certificate,
    Roots,
    UpstreamRoot,
    UpstreamProxy,
    Io(std::io::ErrorKind),
    Random,
    SelfTest,
    Logins,
    #[cfg(feature = "otel")]
    Telemetry,
    #[cfg(feature = "otel")]
    TelemetryHeaders,
}

impl GuardError {
    pub(crate) fn certificate() -> GuardError {
        GuardError { kind: Kind::Certificate }
    }

    pub(crate) fn roots() -> GuardError {
        GuardError { kind: Kind::Roots }
    }

    pub(crate) fn upstream_root() -> GuardError {
        GuardError { kind: Kind::UpstreamRoot }
    }

    pub(crate) fn upstream_proxy() -> GuardError {
        GuardError { kind: Kind::UpstreamProxy }
    }

    pub(crate) fn io(error: &std::io::Error) -> GuardError {
        GuardError { kind: Kind::Io(error.kind()) }
    }

    pub(crate) fn random() -> GuardError {
        GuardError { kind: Kind::Random }
    }

    pub(crate) fn self_test() -> GuardError {
        GuardError { kind: Kind::SelfTest }
    }

    pub(crate) fn logins() -> GuardError {
        GuardError { kind: Kind::Logins }
    }

    #[cfg(feature = "otel")]
    pub(crate) fn telemetry() -> GuardError {
        GuardError { kind: Kind::Telemetry }
    }

    #[cfg(feature = "otel")]
    pub(crate) fn telemetry_headers() -> GuardError {
        GuardError { kind: Kind::TelemetryHeaders }
    }

    /// A stable code: `E_CERTIFICATE`, `E_ROOTS`, `E_UPSTREAM_CA`, `E_UPSTREAM_PROXY`, `E_IO`, `E_RANDOM`, `E_SELF_TEST`, `E_LOGINS`, `E_OTEL`, `E_OTEL_HEADERS`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.kind {
            Kind::Certificate => "E_CERTIFICATE",
            Kind::Roots => "E_ROOTS",
            Kind::UpstreamRoot => "E_UPSTREAM_CA",
            Kind::UpstreamProxy => "E_UPSTREAM_PROXY",
            Kind::Io(_) => "E_IO",
            Kind::Random => "E_RANDOM",
            Kind::SelfTest => "E_SELF_TEST",
            Kind::Logins => "E_LOGINS",
            #[cfg(feature = "otel")]
            Kind::Telemetry => "E_OTEL",
            #[cfg(feature = "otel")]
            Kind::TelemetryHeaders => "E_OTEL_HEADERS",
        }
    }
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Certificate => f.write_str("no certificate authority could be made"),
            Kind::Roots => {
                f.write_str("the system has no certificate authorities, so no server could be verified")
            }
            Kind::UpstreamRoot => f.write_str("a further certificate authority is no certificate in PEM"),
            Kind::UpstreamProxy => {
                f.write_str("an upstream proxy has no address of the form http://host:port")
            }
            Kind::Io(kind) => write!(f, "the guard cannot listen: {kind}"),
            Kind::Random => f.write_str("the system has no random numbers"),
            Kind::Logins => f.write_str("the tokens of logins cannot be looked for"),
            #[cfg(feature = "otel")]
            Kind::Telemetry => f.write_str(
                "a collector of telemetry has no address of the form http://host:port or https://host/path",
            ),
            #[cfg(feature = "otel")]
            Kind::TelemetryHeaders => f.write_str(
                "the headers for a collector of telemetry have not the form name=value,name=value, percent-encoded",
            ),
            Kind::SelfTest => f.write_str(
                "the self-test failed: with these settings a made-up key is let out, or a clean request refused",
            ),
        }
    }
}

impl std::error::Error for GuardError {}
