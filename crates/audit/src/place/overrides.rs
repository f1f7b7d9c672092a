//! Variables that move a tool's files.

/// Variables that name a file, or several with colons between them, and the place in the table that the file then is.
pub(crate) static FILES: &[(&str, &str)] = &[
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "~/.config/gcloud/application_default_credentials.json"),
    ("KUBECONFIG", "~/.kube/config"),
    ("NETRC", "~/.netrc"),
    ("NPM_CONFIG_USERCONFIG", "~/.npmrc"),
    ("npm_config_userconfig", "~/.npmrc"),
    ("PIP_CONFIG_FILE", "~/.config/pip/pip.conf"),
    ("PGPASSFILE", "~/.pgpass"),
    ("HISTFILE", "~/.bash_history"),
    ("TF_CLI_CONFIG_FILE", "~/.terraformrc"),
    ("REGISTRY_AUTH_FILE", "~/.config/containers/auth.json"),
    ("BOTO_CONFIG", "~/.boto"),
    ("RCLONE_CONFIG", "~/.config/rclone/rclone.conf"),
    ("SOPS_AGE_KEY_FILE", "~/.config/sops/age/keys.txt"),
    ("GIT_CONFIG_GLOBAL", "~/.gitconfig"),
    ("HF_TOKEN_PATH", "~/.cache/huggingface/token"),
    ("DATABRICKS_CONFIG_FILE", "~/.databrickscfg"),
];

/// Variables that name a folder, and the folder that it stands for.
pub(crate) static FOLDERS: &[(&str, &str)] = &[
    ("CARGO_HOME", "~/.cargo"),
    ("CODEX_HOME", "~/.codex"),
    ("CLAUDE_CONFIG_DIR", "~/.claude"),
    ("DOCKER_CONFIG", "~/.docker"),
    ("GH_CONFIG_DIR", "~/.config/gh"),
    ("CLOUDSDK_CONFIG", "~/.config/gcloud"),
    ("AZURE_CONFIG_DIR", "~/.azure"),
    ("HF_HOME", "~/.cache/huggingface"),
    ("GNUPGHOME", "~/.gnupg"),
    ("KAGGLE_CONFIG_DIR", "~/.kaggle"),
    ("POETRY_CONFIG_DIR", "~/.config/pypoetry"),
    ("JUPYTER_CONFIG_DIR", "~/.jupyter"),
    ("PULUMI_HOME", "~/.pulumi"),
    ("GRADLE_USER_HOME", "~/.gradle"),
    ("COMPOSER_HOME", "~/.composer"),
    ("DBT_PROFILES_DIR", "~/.dbt"),
    ("XDG_CONFIG_HOME", "~/.config"),
    ("XDG_DATA_HOME", "~/.local/share"),
    ("XDG_CACHE_HOME", "~/.cache"),
];
