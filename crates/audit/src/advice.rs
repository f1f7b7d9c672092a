//! [`Advice`]: what to do about a kind of credential, in one or two sentences.

/// A kind of credential, as far as what to do about it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Long-lived keys of a cloud.
    CloudKey,
    /// Google's application default credentials and key files.
    GoogleKey,
    /// Tokens of package registries.
    Registry,
    /// git's and forges' tokens.
    Forge,
    /// Private keys for SSH.
    SshKey,
    /// A private key for anything else.
    PrivateKey,
    /// Logins to container registries.
    Containers,
    /// Logins to Kubernetes.
    Kubernetes,
    /// A variable of the environment.
    Environment,
    /// A file of variables in a project.
    DotEnv,
    /// Something that was typed, pasted or printed once.
    History,
    /// State of infrastructure tools.
    State,
    /// Configuration of MCP servers.
    Mcp,
    /// The login of a coding agent.
    Agent,
    /// Keys of AI services.
    AiService,
    /// A login to a database.
    Database,
    /// A vault's or a secret manager's own token.
    Vault,
    /// Stores of a browser or a keyring.
    Keyring,
    /// An agent's socket.
    AgentSocket,
    /// A container engine's socket.
    EngineSocket,
    /// A machine's identity over the network.
    Metadata,
    /// Configuration of continuous integration.
    Ci,
    /// Nothing of the above.
    Other,
}

impl Advice {
    /// A stable word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Advice::CloudKey => "cloud-key",
            Advice::GoogleKey => "google-key",
            Advice::Registry => "registry",
            Advice::Forge => "forge",
            Advice::SshKey => "ssh-key",
            Advice::PrivateKey => "private-key",
            Advice::Containers => "containers",
            Advice::Kubernetes => "kubernetes",
            Advice::Environment => "environment",
            Advice::DotEnv => "dotenv",
            Advice::History => "history",
            Advice::State => "state",
            Advice::Mcp => "mcp",
            Advice::Agent => "agent",
            Advice::AiService => "ai-service",
            Advice::Database => "database",
            Advice::Vault => "vault",
            Advice::Keyring => "keyring",
            Advice::AgentSocket => "agent-socket",
            Advice::EngineSocket => "engine-socket",
            Advice::Metadata => "metadata",
            Advice::Ci => "ci",
            Advice::Other => "other",
        }
    }

    /// What to do.
    pub fn text(self) -> &'static str {
        match self {
            Advice::CloudKey => {
                "Replace the long-lived key by short-lived credentials (SSO, a role, OIDC); let `credential_process` or the proxy hand them out, then delete the key"
            }
            Advice::GoogleKey => {
                "Revoke it (`gcloud auth application-default revoke`, or delete the service account's key) and use impersonation or workload identity federation instead of a file"
            }
            Advice::Registry => {
                "Publish by OIDC (trusted publishing); give the sandbox at most a read-only, expiring token of one package"
            }
            Advice::Forge => {
                "Use a fine-grained, expiring token for one repository, held by a credential manager or keyring; strip passwords from remotes and let the proxy add the header"
            }
            Advice::SshKey => {
                "Give the key a passphrase or use a hardware key (`sk-`); do not mount ~/.ssh, lend an agent that asks (`ssh-add -c`)"
            }
            Advice::PrivateKey => {
                "Keep the key where only the program that signs with it can read it, with a passphrase or in hardware"
            }
            Advice::Containers => {
                "Use a credential helper (`credHelpers`) or a read-only, expiring token; `auths` keeps the password in base64"
            }
            Advice::Kubernetes => {
                "Log in by an exec plugin or OIDC; for programs use a service account of one namespace with a bound, expiring token"
            }
            Advice::Environment => {
                "Start the process with an allow-list of variables (`env -i NAME=value ...`) and let the proxy inject the credential; run other services under another user or process namespace"
            }
            Advice::DotEnv => {
                "Keep names in `.env.example` and values in a secret manager (`op run`, `doppler run`, sops); mask the file in the sandbox's mounts"
            }
            Advice::History => {
                "Treat it as shown: revoke it first, then remove the line; `HISTCONTROL=ignorespace` and `nbstripout` keep the next one out"
            }
            Advice::State => {
                "Keep state in an encrypted remote backend and mark values ephemeral; whoever reads the state has every value in it"
            }
            Advice::Mcp => {
                "Write `${NAME}` or use OAuth instead of a literal key; reach remote servers through the proxy"
            }
            Advice::Agent => {
                "Log in with the keyring as the store, or let the proxy hold the login and give the agent a placeholder; sign out to revoke"
            }
            Advice::AiService => {
                "Use a key of one project with a spending limit; let the proxy inject it. Admin keys have no place where agents run"
            }
            Advice::Database => {
                "Use a login of its own with the least rights, short-lived where the server can (IAM, Vault); no superuser"
            }
            Advice::Vault => {
                "It opens other secrets: use short, response-wrapped tokens with few uses and the narrowest policy"
            }
            Advice::Keyring => {
                "Run the agent as another user or in a VM, lock the keyring, and keep the session bus out of the sandbox"
            }
            Advice::AgentSocket => {
                "Do not forward or mount the agent; if it must be, add keys with `ssh-add -c -t 1h` so that each use is asked for"
            }
            Advice::EngineSocket => {
                "Do not mount the socket: it is root on the host. Use a rootless engine inside the sandbox, or a proxy that allows few calls"
            }
            Advice::Metadata => {
                "Block the address for the sandbox, require IMDSv2 with a hop limit of 1, and give the machine's role few rights"
            }
            Advice::Ci => {
                "Name secrets of the CI system instead of values, per environment and with protection rules; prefer OIDC"
            }
            Advice::Other => {
                "Move it into a secret manager or keyring, give it the least rights and an expiry, and revoke what is not used"
            }
        }
    }
}
