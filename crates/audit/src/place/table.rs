//! The table: where tools keep credentials, and which of their fields are some.
//!
//! `~/` is the home of the audited user, `/` the root of the audited view; anything else stands in a project, wherever the walk meets it.
//! `*` stands for any characters of one part, `**` for any number of parts. Whatever begins with `~/` is recognised under any other folder
//! too: backups and second homes leak as well.

use super::{Kind, Place};
use crate::advice::Advice;
use crate::format::Format;
use crate::grant::*;

macro_rules! places {
    ($($tool:literal, $kind:ident, $format:ident, $advice:ident, [$($path:literal),* $(,)?] $(, { $($name:literal => $grant:ident $(/ $coding:ident)?),* $(,)? })?;)*) => {
        &[$(Place {
            tool: $tool,
            kind: Kind::$kind,
            format: Format::$format,
            advice: Advice::$advice,
            paths: &[$($path),*],
            fields: &[$($(FieldSpec { name: $name, grant: &$grant, coding: places!(@coding $($coding)?) }),*)?],
        }),*]
    };
    (@coding) => { Coding::Plain };
    (@coding $coding:ident) => { Coding::$coding };
}

/// Every place, in order of precedence: the first whose path fits a file describes it.
pub(crate) static PLACES: &[Place] = places! {
    // Clouds
    "AWS CLI", Credentials, Assign, CloudKey, ["~/.aws/credentials", "~/.aws/config"], {
        "*aws_secret_access_key" => AWS_SECRET, "*aws_session_token" => AWS_SESSION, "*aws_security_token" => AWS_SESSION,
    };
    "AWS CLI", Credentials, Json, CloudKey, ["~/.aws/sso/cache/*.json", "~/.aws/cli/cache/*.json", "~/.aws/login/cache/*.json"], {
        "accessToken" => AWS_SSO, "refreshToken" => AWS_SSO, "clientSecret" => AWS_SSO,
        "Credentials.SecretAccessKey" => AWS_SESSION, "Credentials.SessionToken" => AWS_SESSION,
    };
    "Google Cloud CLI", Credentials, Json, GoogleKey, ["~/.config/gcloud/application_default_credentials.json", "~/.config/gcloud/legacy_credentials/*/adc.json"], {
        "refresh_token" => GOOGLE_REFRESH, "private_key" => GOOGLE_KEY,
    };
    "Google Cloud CLI", Credentials, Text, GoogleKey, ["~/.config/gcloud/credentials.db", "~/.config/gcloud/access_tokens.db"];
    "Azure CLI", Credentials, Json, CloudKey, ["~/.azure/msal_token_cache.json", "~/.azure/accessTokens.json", "~/.azd/auth/*.json"], {
        "*.secret" => AZURE_TOKEN, "*refreshToken" => AZURE_TOKEN, "*accessToken" => AZURE_TOKEN,
    };
    "Azure CLI", Credentials, Json, CloudKey, ["~/.azure/service_principal_entries.json"], {
        "*client_secret" => AZURE_SECRET, "*certificate" => AZURE_SECRET,
    };
    "Kubernetes", Credentials, Yaml, Kubernetes, ["~/.kube/config", "kubeconfig", "kubeconfig.yaml", "kubeconfig.yml", "/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf", "/etc/rancher/k3s/k3s.yaml"], {
        "users.*.user.token" => KUBE_TOKEN, "users.*.user.client-key-data" => KUBE_KEY / Base64, "users.*.user.password" => KUBE_PASSWORD,
        "*.auth-provider.config.*token" => KUBE_TOKEN,
    };
    "Kubernetes", Credentials, Whole, Kubernetes, ["/var/run/secrets/kubernetes.io/serviceaccount/token", "/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"], {
        "" => KUBE_ACCOUNT,
    };
    "DigitalOcean CLI", Credentials, Yaml, CloudKey, ["~/.config/doctl/config.yaml"], { "access-token" => CLOUD_TOKEN, "auth-contexts.*" => CLOUD_TOKEN };
    "Hetzner CLI", Credentials, Toml, CloudKey, ["~/.config/hcloud/cli.toml"], { "contexts.*.token" => CLOUD_TOKEN };
    "Cloudflare Wrangler", Credentials, Toml, CloudKey, ["~/.config/.wrangler/config/default.toml", "~/.wrangler/config/default.toml"], {
        "oauth_token" => CLOUD_TOKEN, "refresh_token" => CLOUD_TOKEN, "api_token" => CLOUD_TOKEN,
    };
    "Stripe CLI", Credentials, Toml, CloudKey, ["~/.config/stripe/config.toml"], { "*live_mode_api_key" => CLOUD_TOKEN, "*test_mode_api_key" => CLOUD_TOKEN };
    "rclone", Credentials, Assign, CloudKey, ["~/.config/rclone/rclone.conf", "~/.rclone.conf"], {
        "*.pass" => REMOTE_LOGIN, "*.password" => REMOTE_LOGIN, "*.token" => REMOTE_LOGIN, "*.secret_access_key" => AWS_SECRET, "*.client_secret" => REMOTE_LOGIN, "*.key" => REMOTE_LOGIN,
    };
    "Firebase CLI", Credentials, Json, GoogleKey, ["~/.config/configstore/firebase-tools.json"], { "*tokens.refresh_token" => GOOGLE_REFRESH, "*tokens.access_token" => GOOGLE_REFRESH };
    "Netlify CLI", Credentials, Json, CloudKey, ["~/.netlify/config.json", "~/.config/netlify/config.json"], { "users.*.auth.token" => CLOUD_TOKEN };
    "Vercel CLI", Credentials, Json, CloudKey, ["~/.vercel/auth.json", "~/.local/share/com.vercel.cli/auth.json"], { "token" => CLOUD_TOKEN, "*refreshToken" => CLOUD_TOKEN };
    "Fly.io CLI", Credentials, Yaml, CloudKey, ["~/.fly/config.yml"], { "access_token" => CLOUD_TOKEN };
    "Sentry CLI", Credentials, Assign, CloudKey, ["~/.sentryclirc", ".sentryclirc"], { "auth.token" => CLOUD_TOKEN };
    "s3cmd", Credentials, Assign, CloudKey, ["~/.s3cfg"], { "*secret_key" => AWS_SECRET, "*access_token" => AWS_SESSION };
    "boto", Credentials, Assign, CloudKey, ["~/.boto", "/etc/boto.cfg"], { "*aws_secret_access_key" => AWS_SECRET, "*gs_oauth2_refresh_token" => GOOGLE_REFRESH };
    "Oracle Cloud CLI", Credentials, Assign, CloudKey, ["~/.oci/config"], { "*pass_phrase" => CLOUD_TOKEN };
    "Linode CLI", Credentials, Assign, CloudKey, ["~/.config/linode-cli"], { "*.token" => CLOUD_TOKEN };
    "Railway CLI", Credentials, Json, CloudKey, ["~/.railway/config.json"], { "user.token" => CLOUD_TOKEN, "user.accessToken" => CLOUD_TOKEN };
    "Supabase CLI", Credentials, Whole, CloudKey, ["~/.supabase/access-token"], { "" => CLOUD_TOKEN };

    // Registries
    "Docker", Credentials, Json, Containers, ["~/.docker/config.json", "~/.config/containers/auth.json", "$XDG_RUNTIME_DIR/containers/auth.json", "/kaniko/.docker/config.json"], {
        "auths.*.auth" => DOCKER_AUTH / Basic, "auths.*.identitytoken" => DOCKER_AUTH, "auths.*.registrytoken" => DOCKER_AUTH, "auths.*.password" => DOCKER_AUTH,
        "HttpHeaders.Authorization" => DOCKER_AUTH,
    };
    "npm", Credentials, Assign, Registry, ["~/.npmrc", ".npmrc", "/etc/npmrc", "/usr/local/etc/npmrc", "~/.config/pnpm/rc", "~/.config/pnpm/auth.ini", "~/Library/Preferences/pnpm/rc", "~/Library/Preferences/pnpm/auth.ini"], {
        "*_authToken" => NPM_TOKEN, "*_auth" => NPM_BASIC / Basic, "*_password" => NPM_BASIC / Base64,
    };
    "Yarn", Credentials, Yaml, Registry, ["~/.yarnrc.yml", ".yarnrc.yml"], { "*npmAuthToken" => NPM_TOKEN, "*npmAuthIdent" => NPM_BASIC };
    "bun", Credentials, Toml, Registry, ["~/.bunfig.toml", "bunfig.toml"], { "*.token" => NPM_TOKEN, "*.password" => NPM_BASIC };
    "twine", Credentials, Assign, Registry, ["~/.pypirc", ".pypirc"], { "*.password" => PYPI_PASSWORD };
    "pip", Credentials, Assign, Registry, ["~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf", "pip.conf"];
    "Poetry", Credentials, Toml, Registry, ["~/.config/pypoetry/auth.toml"], { "http-basic.*.password" => INDEX_PASSWORD, "pypi-token.*" => PYPI_PASSWORD };
    "uv", Credentials, Toml, Registry, ["~/.local/share/uv/credentials/*.toml"], { "*password" => INDEX_PASSWORD, "*token" => INDEX_PASSWORD };
    "cargo", Credentials, Toml, Registry, ["~/.cargo/credentials.toml", "~/.cargo/credentials"], { "registry.token" => CARGO_TOKEN, "registries.*.token" => CARGO_TOKEN };
    "RubyGems", Credentials, Yaml, Registry, ["~/.gem/credentials", "~/.local/share/gem/credentials"], { ":*api_key" => GEM_KEY, ":*" => GEM_KEY };
    "Bundler", Credentials, Yaml, Registry, ["~/.bundle/config", ".bundle/config"];
    "NuGet", Credentials, Xml, Registry, ["~/.nuget/NuGet/NuGet.Config", "~/.config/NuGet/NuGet.Config", "NuGet.Config", "nuget.config"], {
        "*.ClearTextPassword" => REGISTRY_PASSWORD, "*packageSourceCredentials*.Password" => REGISTRY_PASSWORD, "*apikeys.*" => REGISTRY_PASSWORD,
    };
    "Maven", Credentials, Xml, Registry, ["~/.m2/settings.xml", "settings.xml"], { "*servers.server.password" => REGISTRY_PASSWORD, "*servers.server.passphrase" => REGISTRY_PASSWORD, "*proxies.proxy.password" => REGISTRY_PASSWORD };
    "Maven", Credentials, Xml, Registry, ["~/.m2/settings-security.xml"], { "*master" => REGISTRY_PASSWORD };
    "Gradle", Credentials, Assign, Registry, ["~/.gradle/gradle.properties", "gradle.properties"];
    "Composer", Credentials, Json, Registry, ["~/.composer/auth.json", "~/.config/composer/auth.json"], {
        "http-basic.*.password" => REGISTRY_PASSWORD, "github-oauth.*" => GITHUB_LOGIN, "gitlab-token.*" => GITLAB_LOGIN, "bearer.*" => REGISTRY_PASSWORD,
    };
    "Hex", Credentials, Text, Registry, ["~/.hex/hex.config"];
    "Helm", Credentials, Yaml, Containers, ["~/.config/helm/repositories.yaml"], { "repositories.*.password" => REGISTRY_PASSWORD };
    "Terraform provider registry", Credentials, Assign, State, ["~/.terraformrc"], { "*token" => TERRAFORM_TOKEN };

    // git and forges
    "git", Credentials, Urls, Forge, ["~/.git-credentials", "~/.config/git/credentials"], { "*" => GIT_PASSWORD };
    "git", Credentials, Assign, Forge, ["~/.gitconfig", "~/.config/git/config", "/etc/gitconfig", ".git/config", ".git/modules/**/config"], {
        "http*.extraheader" => GIT_HEADER / Basic, "*.password" => GIT_PASSWORD, "*.token" => GIT_PASSWORD, "*.oauthtoken" => GIT_PASSWORD,
    };
    "git", History, Text, Forge, [".git/logs/**/*", ".git/COMMIT_EDITMSG", ".git/MERGE_MSG", ".git/FETCH_HEAD", ".git/packed-refs", ".git/hooks/*"];
    "GitHub CLI", Credentials, Yaml, Forge, ["~/.config/gh/hosts.yml"], { "*oauth_token" => GITHUB_LOGIN };
    "GitLab CLI", Credentials, Yaml, Forge, ["~/.config/glab-cli/config.yml"], { "hosts.*.token" => GITLAB_LOGIN, "hosts.*.oauth2_refresh_token" => GITLAB_LOGIN };
    "hub", Credentials, Yaml, Forge, ["~/.config/hub"], { "*oauth_token" => GITHUB_LOGIN };
    "Gitea tea", Credentials, Yaml, Forge, ["~/.config/tea/config.yml"], { "logins.*.token" => GIT_PASSWORD };
    "Subversion", Credentials, HashDump, Forge, ["~/.subversion/auth/svn.simple/*", "~/.subversion/auth/svn.ssl.client-passphrase/*"], {
        "password" => GIT_PASSWORD, "passphrase" => GIT_PASSWORD,
    };
    "netrc", Credentials, Netrc, Forge, ["~/.netrc", "~/_netrc", "~/.authinfo"], { "*.password" => NETRC_PASSWORD, "*.passwd" => NETRC_PASSWORD };

    // Keys
    "SSH", Keys, Text, SshKey, ["~/.ssh/*", "/etc/ssh/ssh_host_*_key"];
    "GnuPG", Keys, Text, PrivateKey, ["~/.gnupg/private-keys-v1.d/*.key", "~/.gnupg/secring.gpg"];
    "Rails", Project, Whole, DotEnv, ["config/master.key", "config/credentials/*.key"], { "" => PROJECT_VALUE };
    "key file", Keys, Text, PrivateKey, ["*.pem", "*.key", "*.ppk", "id_rsa", "id_ed25519", "id_ecdsa", "id_dsa"];
    "key store", Keys, Presence, PrivateKey, ["*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"], { "" => KEY_STORE };

    // Infrastructure and secret managers
    "Terraform", Credentials, Json, State, ["~/.terraform.d/credentials.tfrc.json"], { "credentials.*.token" => TERRAFORM_TOKEN };
    "Terraform state", Project, Json, State, ["*.tfstate", "*.tfstate.backup", "*.tfstate.*.backup"];
    "Terraform variables", Project, Assign, State, ["*.tfvars"];
    "Terraform variables", Project, Json, State, ["*.tfvars.json"];
    "Pulumi", Credentials, Json, State, ["~/.pulumi/credentials.json"], { "accessTokens.*" => PULUMI_TOKEN, "accounts.*.accessToken" => PULUMI_TOKEN };
    "Vault", Credentials, Whole, Vault, ["~/.vault-token"], { "" => VAULT_TOKEN };
    "1Password CLI", Credentials, Json, Vault, ["~/.config/op/config", "~/.op/config"], { "*userAuth*" => MANAGER_LOGIN, "*accountKey" => MANAGER_LOGIN };
    "Bitwarden CLI", Credentials, Json, Vault, ["~/.config/Bitwarden CLI/data.json"], { "*accessToken" => MANAGER_LOGIN, "*refreshToken" => MANAGER_LOGIN, "*_accessToken" => MANAGER_LOGIN };
    "Doppler", Credentials, Yaml, Vault, ["~/.doppler/.doppler.yaml"], { "*token" => MANAGER_LOGIN };
    "Infisical", Credentials, Json, Vault, ["~/.infisical/infisical-config.json"];
    "sops", Credentials, Whole, Vault, ["~/.config/sops/age/keys.txt"], { "" => AGE_KEY };
    "age", Credentials, Whole, Vault, ["~/.config/age/key.txt", "~/.age/key.txt"], { "" => AGE_KEY };
    "Ansible", Credentials, Whole, Vault, ["~/.vault_pass", "~/.vault_pass.txt", ".vault_pass", ".vault_pass.txt"], { "" => MANAGER_LOGIN };

    // Databases
    "PostgreSQL", Credentials, Pgpass, Database, ["~/.pgpass"], { "*" => DATABASE_PASSWORD };
    "PostgreSQL", Credentials, Assign, Database, ["~/.pg_service.conf"], { "*.password" => DATABASE_PASSWORD };
    "MySQL", Credentials, Assign, Database, ["~/.my.cnf", "/etc/mysql/debian.cnf"], { "*.password" => DATABASE_PASSWORD };
    "MySQL", Credentials, Presence, Database, ["~/.mylogin.cnf"], { "" => DATABASE_PASSWORD };
    "MongoDB", Credentials, Text, Database, ["~/.mongorc.js", "~/.mongoshrc.js"];
    "Redis", Credentials, Whole, Database, ["~/.rediscli_auth"], { "" => DATABASE_PASSWORD };
    "Snowflake", Credentials, Toml, Database, ["~/.snowflake/config.toml", "~/.snowflake/connections.toml", "~/.config/snowflake/config.toml"], { "*password" => DATABASE_PASSWORD, "*token" => WAREHOUSE_TOKEN };
    "Snowflake", Credentials, Assign, Database, ["~/.snowsql/config"], { "*password" => DATABASE_PASSWORD };
    "dbt", Credentials, Yaml, Database, ["~/.dbt/profiles.yml", "profiles.yml"], { "*.outputs.*.password" => DATABASE_PASSWORD, "*.outputs.*.pass" => DATABASE_PASSWORD, "*.outputs.*.token" => WAREHOUSE_TOKEN, "*.outputs.*.private_key" => WAREHOUSE_TOKEN };
    "Databricks", Credentials, Assign, Database, ["~/.databrickscfg"], { "*.token" => WAREHOUSE_TOKEN, "*.password" => WAREHOUSE_TOKEN, "*.client_secret" => WAREHOUSE_TOKEN };
    "DBeaver", Credentials, Presence, Database, ["~/.local/share/DBeaverData/**/credentials-config.json"], { "" => DATABASE_PASSWORD };
    "JetBrains data sources", Project, Xml, Database, [".idea/**/dataSources*.xml"];

    // AI services and agents
    "Hugging Face", Credentials, Whole, AiService, ["~/.cache/huggingface/token", "~/.huggingface/token"], { "" => HUGGING_FACE };
    "Hugging Face", Credentials, Assign, AiService, ["~/.cache/huggingface/stored_tokens"], { "*hf_token" => HUGGING_FACE };
    "Kaggle", Credentials, Json, AiService, ["~/.kaggle/kaggle.json"], { "key" => KAGGLE_KEY };
    "Claude Code", Credentials, Json, Agent, ["~/.claude/.credentials.json"], {
        "claudeAiOauth.accessToken" => CLAUDE_LOGIN, "claudeAiOauth.refreshToken" => CLAUDE_LOGIN, "mcpOAuth.*accessToken" => MCP_VALUE, "mcpOAuth.*refreshToken" => MCP_VALUE, "mcpOAuth.*clientSecret" => MCP_VALUE,
    };
    "Claude Code", Credentials, Json, Mcp, ["~/.claude.json", "~/.claude/settings.json", "~/.claude/settings.local.json", ".claude/settings.json", ".claude/settings.local.json"], {
        "primaryApiKey" => AGENT_KEY, "*mcpServers.*.env.*" => MCP_VALUE, "*mcpServers.*.headers.*" => MCP_VALUE,
    };
    "Claude Code transcript", History, Text, History, ["~/.claude/projects/**/*.jsonl", "~/.claude/history.jsonl", "~/.claude/todos/*.json", "~/.claude/shell-snapshots/*", "~/.claude/file-history/**/*", "~/.claude/paste-cache/*"];
    "Claude Desktop", Credentials, Json, Mcp, ["~/.config/Claude/claude_desktop_config.json", "~/Library/Application Support/Claude/claude_desktop_config.json"], {
        "mcpServers.*.env.*" => MCP_VALUE, "mcpServers.*.headers.*" => MCP_VALUE,
    };
    "MCP servers", Project, Json, Mcp, [".mcp.json", "mcp.json", "~/.cursor/mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", "~/.codeium/windsurf/mcp_config.json", "cline_mcp_settings.json", "mcp_settings.json", "~/.copilot/mcp-config.json"], {
        "*mcpServers.*.env.*" => MCP_VALUE, "*mcpServers.*.headers.*" => MCP_VALUE, "*servers.*.env.*" => MCP_VALUE, "*servers.*.headers.*" => MCP_VALUE,
    };
    "Codex", Credentials, Json, Agent, ["~/.codex/auth.json"], {
        "OPENAI_API_KEY" => CODEX_KEY, "tokens.access_token" => CODEX_LOGIN, "tokens.refresh_token" => CODEX_LOGIN, "tokens.id_token" => CODEX_LOGIN,
    };
    "Codex", Credentials, Json, Mcp, ["~/.codex/.credentials.json"], { "*access_token" => MCP_VALUE, "*refresh_token" => MCP_VALUE };
    "Codex", Credentials, Toml, Mcp, ["~/.codex/config.toml"], { "mcp_servers.*.env.*" => MCP_VALUE, "mcp_servers.*.http_headers.*" => MCP_VALUE, "mcp_servers.*.bearer_token" => MCP_VALUE };
    "Codex transcript", History, Text, History, ["~/.codex/sessions/**/*.jsonl", "~/.codex/history.jsonl", "~/.codex/log/*"];
    "Gemini CLI", Credentials, Json, Agent, ["~/.gemini/oauth_creds.json", "~/.gemini/mcp-oauth-tokens.json"], {
        "*access_token" => GEMINI_LOGIN, "*refresh_token" => GEMINI_LOGIN, "*id_token" => GEMINI_LOGIN, "*accessToken" => MCP_VALUE, "*refreshToken" => MCP_VALUE,
    };
    "Gemini CLI", Credentials, Json, Mcp, ["~/.gemini/settings.json", ".gemini/settings.json"], { "mcpServers.*.env.*" => MCP_VALUE, "mcpServers.*.headers.*" => MCP_VALUE };
    "Gemini CLI transcript", History, Text, History, ["~/.gemini/tmp/**/*.json"];
    "Copilot", Credentials, Json, Agent, ["~/.config/github-copilot/apps.json", "~/.config/github-copilot/hosts.json", "~/.copilot/config.json"], { "*oauth_token" => COPILOT_LOGIN, "*token" => COPILOT_LOGIN };
    "Cursor", Credentials, Text, Agent, ["~/.config/Cursor/User/globalStorage/state.vscdb", "~/.config/Cursor/auth.json", "~/Library/Application Support/Cursor/User/globalStorage/state.vscdb"];
    "VS Code", Credentials, Text, Agent, ["~/.config/Code/User/globalStorage/state.vscdb", "~/.vscode-server/data/User/globalStorage/state.vscdb"];
    "OpenCode", Credentials, Json, Agent, ["~/.local/share/opencode/auth.json"], { "*.key" => AGENT_KEY, "*.access" => AGENT_KEY, "*.refresh" => AGENT_KEY };
    "aider", Project, Yaml, Agent, ["~/.aider.conf.yml", ".aider.conf.yml"], { "*api-key" => AGENT_KEY, "api-key.*" => AGENT_KEY };
    "aider transcript", History, Text, History, [".aider.chat.history.md", ".aider.input.history"];
    "Continue", Credentials, Json, Agent, ["~/.continue/config.json"], { "*apiKey" => AGENT_KEY };
    "Continue", Credentials, Yaml, Agent, ["~/.continue/config.yaml"], { "*apiKey" => AGENT_KEY };
    "llm", Credentials, Json, AiService, ["~/.config/io.datasette.llm/keys.json"], { "*" => AGENT_KEY };
    "editor settings", Project, Json, Agent, [".vscode/settings.json", "~/.config/Code/User/settings.json", "~/.config/Cursor/User/settings.json", "~/.config/zed/settings.json"];
    "JetBrains HTTP client", Project, Json, DotEnv, ["http-client.private.env.json", "http-client.env.json"];
    "Postman", Project, Json, DotEnv, ["*.postman_environment.json", "*.postman_collection.json"];

    // Histories
    "shell history", History, Commands, History, ["~/.bash_history", "~/.zsh_history", "~/.sh_history", "~/.ash_history", "~/.local/share/fish/fish_history", "~/.histfile", "~/.local/share/powershell/PSReadLine/ConsoleHost_history.txt"];
    "program history", History, Assign, History, ["~/.python_history", "~/.psql_history", "~/.mysql_history", "~/.node_repl_history", "~/.irb_history", "~/.pry_history", "~/.rediscli_history", "~/.sqlite_history", "~/.lesshst", "~/.viminfo", "~/.wget-hsts", "~/.dbshell", "~/.mongodb/mongosh/*_repl_history"];
    "IPython history", History, Text, History, ["~/.ipython/profile_*/history.sqlite"];
    "shell start-up file", Project, Assign, Environment, ["~/.bashrc", "~/.bash_profile", "~/.bash_aliases", "~/.profile", "~/.zshrc", "~/.zshenv", "~/.zprofile", "~/.config/fish/config.fish", "~/.config/fish/fish_variables", "~/.pam_environment", "/etc/environment", "/etc/profile.d/*.sh", "~/.config/environment.d/*.conf"];

    // Projects
    "variables file", Project, Assign, DotEnv, [".env", ".env.*", "*.env", ".envrc", ".dev.vars", ".flaskenv", "*.secrets", "secrets.env", "env.local"];
    "Docker Compose", Project, Yaml, DotEnv, ["docker-compose*.yml", "docker-compose*.yaml", "compose.yml", "compose.yaml", "compose.*.yml", "compose.*.yaml"];
    "Dockerfile", Project, Assign, DotEnv, ["Dockerfile", "Dockerfile.*", "*.Dockerfile", "Containerfile"];
    "service account key", Project, Json, GoogleKey, ["service-account*.json", "service_account*.json", "*-service-account.json", "gcp-key*.json", "credentials.json", "client_secret*.json"], {
        "private_key" => GOOGLE_KEY, "refresh_token" => GOOGLE_REFRESH, "*client_secret" => GOOGLE_REFRESH,
    };
    "application settings", Project, Json, DotEnv, ["appsettings.json", "appsettings.*.json", "local.settings.json", "secrets.json", "config/*.json", "settings.local.json"];
    "application settings", Project, Yaml, DotEnv, ["secrets.yml", "secrets.yaml", "*.secrets.yaml", "*-secret.yaml", "*-secrets.yaml", "application.yml", "application.yaml", "application-*.yml", "application-*.yaml", "config/database.yml", "values.yaml", "values-*.yaml", "config.yml", "config.yaml", "credentials.yml"];
    "application settings", Project, Assign, DotEnv, ["application.properties", "application-*.properties", "local.properties", "config.ini", "settings.ini", "alembic.ini", "database.ini"];
    "application settings", Project, Toml, DotEnv, [".streamlit/secrets.toml", "secrets.toml", "config.local.toml"];
    "WordPress", Project, Text, DotEnv, ["wp-config.php"];
    "GitHub Actions", Project, Yaml, Ci, [".github/workflows/*.yml", ".github/workflows/*.yaml", ".github/actions/**/action.yml"];
    "CI configuration", Project, Yaml, Ci, [".gitlab-ci.yml", ".circleci/config.yml", ".travis.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml", ".drone.yml", "appveyor.yml", ".woodpecker.yml", ".buildkite/pipeline.yml", "cloudbuild.yaml", "buildspec.yml"];
    "notebook", History, Text, History, ["*.ipynb"];
    "HTTP archive", History, Text, History, ["*.har"];

    // The system
    "Jupyter", Credentials, Json, Other, ["~/.jupyter/jupyter_server_config.json", "~/.jupyter/jupyter_notebook_config.json", "~/.local/share/jupyter/runtime/*.json"], { "*token" => JUPYTER_TOKEN, "key" => JUPYTER_TOKEN, "*password" => JUPYTER_TOKEN };
    "Jupyter", Credentials, Assign, Other, ["~/.jupyter/jupyter_server_config.py", "~/.jupyter/jupyter_notebook_config.py"], { "*token" => JUPYTER_TOKEN };
    "mounted secret", Credentials, Whole, Other, ["/run/secrets/*", "/var/run/secrets/*", "/run/credentials/*/*"], { "" => PROJECT_VALUE };
    "cloud-init", Project, Yaml, Other, ["/var/lib/cloud/instance/user-data.txt", "/var/lib/cloud/instances/*/user-data.txt", "/etc/cloud/cloud.cfg.d/*.cfg"];
    "systemd unit", Project, Assign, Environment, ["/etc/systemd/system/*.service", "/etc/systemd/system/*.service.d/*.conf", "~/.config/systemd/user/*.service"];
    "crontab", Project, Assign, Environment, ["/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/*"];
    "password hashes", Credentials, Presence, Other, ["/etc/shadow", "/etc/gshadow"], { "" => PASSWORD_HASHES };
    "Wi-Fi passwords", Credentials, Assign, Other, ["/etc/NetworkManager/system-connections/*", "/etc/wpa_supplicant/*.conf"], { "*psk" => PROJECT_VALUE };
    "keyring", Credentials, Presence, Keyring, ["~/.local/share/keyrings/*.keyring", "~/.local/share/kwalletd/*.kwl", "~/Library/Keychains/*.keychain-db"], { "" => KEYRING_FILE };
    "browser", Credentials, Presence, Keyring, ["~/.config/google-chrome/**/Login Data", "~/.config/google-chrome/**/Cookies", "~/.config/chromium/**/Login Data", "~/.config/chromium/**/Cookies", "~/.config/BraveSoftware/**/Login Data", "~/.config/BraveSoftware/**/Cookies", "~/.config/microsoft-edge/**/Login Data", "~/.config/microsoft-edge/**/Cookies", "~/.mozilla/firefox/*/logins.json", "~/.mozilla/firefox/*/cookies.sqlite"], { "" => BROWSER_STORE };
};
