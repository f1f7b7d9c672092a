//! [`Grant`]: what a field opens, for values that no rule knows.

use exfilter::KeyClass;

use crate::advice::Advice;

/// What the holder of a value may do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// A stable id for reports.
    pub(crate) id: &'static str,
    /// Who issues it.
    pub(crate) provider: &'static str,
    /// What it opens, one short clause.
    pub(crate) opens: &'static str,
    /// How much.
    pub(crate) class: KeyClass,
    /// What to do about it.
    pub(crate) advice: Advice,
    /// How to revoke it: an address or a sentence.
    pub(crate) revoke: &'static str,
}

/// A field of a file and what it opens.
#[derive(Debug)]
pub(crate) struct FieldSpec {
    /// The name, with `*` for any characters, dots included; compared without regard to case.
    pub(crate) name: &'static str,
    /// What it opens.
    pub(crate) grant: &'static Grant,
    /// How the secret is written in the value.
    pub(crate) coding: Coding,
}

/// How a secret is written in the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it is; a scheme in front (`Bearer `) is no part of it.
    Plain,
    /// Base64 of `user:password`, perhaps behind `Basic `.
    Basic,
    /// Base64.
    Base64,
}

macro_rules! grants {
    ($($name:ident = $id:literal, $provider:literal, $class:ident, $advice:ident, $opens:literal, $revoke:literal;)*) => {
        $(pub(crate) static $name: Grant = Grant {
            id: $id,
            provider: $provider,
            opens: $opens,
            class: KeyClass::$class,
            advice: Advice::$advice,
            revoke: $revoke,
        };)*
        /// Every grant, for the tests.
        #[cfg(test)]
        pub(crate) static ALL: &[&Grant] = &[$(&$name),*];
    };
}

grants! {
    AWS_SECRET = "aws-secret-access-key", "Amazon Web Services", User, CloudKey, "an AWS account, together with its key id", "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html";
    AWS_SESSION = "aws-session", "Amazon Web Services", Service, CloudKey, "an AWS account until the session ends", "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html";
    AWS_SSO = "aws-sso-login", "Amazon Web Services", User, CloudKey, "every account and role that the person may sign in to", "aws sso logout";
    GOOGLE_REFRESH = "google-refresh-token", "Google Cloud", User, GoogleKey, "Google Cloud as a person, without an end", "gcloud auth application-default revoke";
    GOOGLE_KEY = "google-service-account", "Google Cloud", Service, GoogleKey, "Google Cloud as a service account, without an end", "https://cloud.google.com/iam/docs/keys-create-delete#deleting";
    AZURE_TOKEN = "azure-login", "Microsoft Azure", User, CloudKey, "Azure as a person", "az logout, then revoke sign-in sessions in Entra ID";
    AZURE_SECRET = "azure-client-secret", "Microsoft Azure", Service, CloudKey, "Azure as an application", "az ad app credential delete";
    CLOUD_TOKEN = "cloud-token", "", User, CloudKey, "the cloud account that the tool was logged in to", "Revoke the token in the provider's console";
    KUBE_TOKEN = "kubernetes-token", "Kubernetes", User, Kubernetes, "a cluster, as the user or service account of the context", "Delete the service account's token, or log the user out at the identity provider";
    KUBE_KEY = "kubernetes-client-key", "Kubernetes", User, Kubernetes, "a cluster, as the certificate's user and groups (system:masters administers it)", "A certificate ends by itself only: rotate the cluster's authority or take away the user's bindings";
    KUBE_PASSWORD = "kubernetes-password", "Kubernetes", User, Kubernetes, "a cluster, as a user", "Change the password";
    KUBE_ACCOUNT = "kubernetes-service-account", "Kubernetes", Service, Kubernetes, "the cluster's interface, as the pod's service account", "Delete the pod, or the service account";
    DOCKER_AUTH = "docker-registry-login", "Docker", User, Containers, "a container registry: pulling, perhaps pushing images", "docker logout, then revoke the token at the registry";
    NPM_TOKEN = "npm-registry-token", "npm", User, Registry, "a registry of packages, publishing perhaps included", "https://docs.npmjs.com/revoking-access-tokens";
    NPM_BASIC = "npm-registry-password", "npm", User, Registry, "a registry of packages, as a person", "Change the password at the registry";
    PYPI_PASSWORD = "pypi-upload-password", "PyPI", User, Registry, "uploading packages as a person or project", "https://pypi.org/help/#token-removal";
    INDEX_PASSWORD = "package-index-password", "", Service, Registry, "a package index", "Change the password at the index";
    CARGO_TOKEN = "cargo-registry-token", "crates.io", User, Registry, "publishing crates as a person", "https://crates.io/settings/tokens";
    GEM_KEY = "rubygems-api-key", "RubyGems", User, Registry, "publishing gems as a person", "https://rubygems.org/profile/api_keys";
    REGISTRY_PASSWORD = "registry-password", "", User, Registry, "a registry of packages", "Change the password or token at the registry";
    GIT_PASSWORD = "git-password", "git", User, Forge, "repositories on the host, as a person", "Revoke the token, or change the password, at the host";
    GIT_HEADER = "git-http-header", "git", Service, Forge, "repositories on the host, by a header that git adds", "Revoke the token at the host; in CI it ends with the job";
    GITHUB_LOGIN = "github-cli-login", "GitHub", User, Forge, "GitHub as a person", "gh auth logout, then https://github.com/settings/applications";
    GITLAB_LOGIN = "gitlab-cli-login", "GitLab", User, Forge, "GitLab as a person", "https://docs.gitlab.com/user/profile/personal_access_tokens/#revoke-a-personal-access-token";
    SSH_KEY = "ssh-private-key", "SSH", User, SshKey, "every host and account that lists its public part", "Take the public key out of every authorized_keys and account that lists it";
    GPG_KEY = "gpg-private-key", "GnuPG", User, PrivateKey, "signing and decrypting as a person", "Publish a revocation certificate";
    PRIVATE_KEY = "private-key-file", "", Service, PrivateKey, "whatever trusts the key", "Make a new key, replace it wherever its public part is trusted";
    KEY_STORE = "key-store-file", "", Service, PrivateKey, "the private keys inside, to those who know or guess its password", "Make new keys, replace them wherever their public parts are trusted";
    NETRC_PASSWORD = "netrc-password", "", User, Forge, "the host that the line names, as the login of the line", "Change the password, or revoke the token, at the host";
    TERRAFORM_TOKEN = "terraform-token", "HashiCorp", User, State, "HCP Terraform or Terraform Enterprise: states and variables of the organisation", "https://app.terraform.io/app/settings/tokens";
    STATE_VALUE = "state-value", "", Service, State, "what the infrastructure tool keeps in its state", "Rotate the value where it is used";
    PULUMI_TOKEN = "pulumi-token", "Pulumi", User, State, "stacks and their secrets as a person", "https://app.pulumi.com/account/tokens";
    VAULT_TOKEN = "vault-token", "HashiCorp Vault", User, Vault, "the secrets that the token's policies allow", "vault token revoke -self";
    MANAGER_LOGIN = "secret-manager-login", "", User, Vault, "a secret manager: everything that its login may read", "Sign out of the manager and end its sessions";
    AGE_KEY = "sops-age-key", "age", User, Vault, "every file that was encrypted to its recipient", "Make a new key and encrypt anew; what was encrypted to the old one is lost to whoever has it";
    DATABASE_PASSWORD = "database-password", "", Service, Database, "a database, as the user of the line", "Change the password on the server";
    WAREHOUSE_TOKEN = "warehouse-token", "", User, Database, "a data warehouse as a person", "Revoke the token in the warehouse's console";
    HUGGING_FACE = "hugging-face-token", "Hugging Face", User, AiService, "models, data sets and spaces as a person", "https://huggingface.co/settings/tokens";
    KAGGLE_KEY = "kaggle-key", "Kaggle", User, AiService, "Kaggle as a person", "https://www.kaggle.com/settings";
    CLAUDE_LOGIN = "claude-login", "Anthropic", User, Agent, "Claude as the person who signed in: usage and account", "claude, then /logout; or end sessions at https://claude.ai/settings/account";
    CODEX_LOGIN = "codex-login", "OpenAI", User, Agent, "ChatGPT and Codex as the person who signed in", "codex logout";
    CODEX_KEY = "codex-api-key", "OpenAI", User, Agent, "the OpenAI API", "https://platform.openai.com/api-keys";
    GEMINI_LOGIN = "gemini-login", "Google", User, Agent, "Gemini and the Google account's granted scopes", "https://myaccount.google.com/connections";
    COPILOT_LOGIN = "copilot-login", "GitHub", User, Agent, "Copilot and GitHub as a person", "https://github.com/settings/applications";
    AGENT_KEY = "agent-provider-key", "", User, Agent, "an AI service, as the agent's login", "Revoke the key at the service";
    MCP_VALUE = "mcp-server-credential", "", Service, Mcp, "the service behind an MCP server", "Revoke the credential at the service";
    CI_VALUE = "ci-literal", "", Service, Ci, "what the job uses it for", "Revoke it, and replace it by a named secret of the CI system";
    PROJECT_VALUE = "project-value", "", Service, DotEnv, "what the name of the field says", "Revoke it where it was issued";
    PASSWORD_HASHES = "password-hashes", "", Admin, Other, "logging in as any user whose password is guessed from its hash", "Change the passwords; take read access away";
    JUPYTER_TOKEN = "jupyter-token", "Jupyter", User, Other, "running programs in the person's notebooks", "Restart the server";
    ENVIRONMENT_VALUE = "environment-value", "", Service, Environment, "what the name of the variable says", "Revoke it where it was issued";
    ARGUMENT_VALUE = "argument-value", "", Service, Environment, "what the name of the option says", "Revoke it where it was issued, and pass it in a file or a variable";
    TYPED_VALUE = "typed-value", "", Service, History, "what the command used it for", "Revoke it where it was issued";
    BROWSER_STORE = "browser-store", "", User, Keyring, "every site that the person is logged in to", "Sign out of all sessions at the sites";
    KEYRING_FILE = "keyring-file", "", User, Keyring, "the passwords inside, to those who know or guess the login password", "Change the keyring's password";
    REMOTE_LOGIN = "remote-storage-login", "", User, CloudKey, "the remote storage of the entry (the password is only obscured)", "Revoke the login at the storage's provider";
}
