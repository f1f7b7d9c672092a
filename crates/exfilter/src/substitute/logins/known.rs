//! The token endpoints that are built in.

use super::url::SecretUrl;

/// A provider's endpoints: those for tokens (`*` is any one segment), and the hosts of its APIs. Hosts at which customers' own programs answer are none.
pub(super) struct Known {
    pub(super) tokens: &'static [&'static str],
    pub(super) method: Option<&'static str>,
    pub(super) members: &'static [&'static str],
    pub(super) hosts: &'static [&'static str],
    pub(super) slots: &'static [&'static str],
    pub(super) urls: &'static [SecretUrl],
}

/// The names of tokens in answers ([RFC 6749](https://www.rfc-editor.org/rfc/rfc6749), section 5.1; OpenID Connect Core, section 3.1.3.3).
pub(super) const MEMBERS: &[&str] = &["access_token", "refresh_token", "id_token"];

const SLACK: &[&str] = &["access_token", "refresh_token", "id_token", "bot_access_token"];

pub(super) const BEARER: &[&str] = &["header:authorization:bearer"];

/// Also as the password of git, package managers and registries.
pub(super) const BASIC: &[&str] = &["header:authorization:bearer", "header:authorization:basic.password"];

/// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
pub(super) const WEBHOOK: SecretUrl = SecretUrl {
    pointer: "/incoming_webhook/url",
    name: "incoming_webhook.url",
    host: "hooks.slack.com",
    before: &["services", "*", "*"],
};

pub(super) const KNOWN: &[Known] = &[
    // https://code.claude.com/docs/en/authentication; the addresses are those that the client asks.
    Known {
        tokens: &[
            "https://platform.claude.com/v1/oauth/token",
            "https://console.anthropic.com/v1/oauth/token",
            "https://api.anthropic.com/v1/oauth/token",
            "https://claude.ai/v1/oauth/token",
        ],
        method: None,
        members: MEMBERS,
        hosts: &[
            "api.anthropic.com",
            "platform.claude.com",
            "console.anthropic.com",
            "claude.ai",
            "mcp-proxy.anthropic.com",
        ],
        slots: BEARER,
        urls: &[],
    },
    // The same client makes a key of the API with such a token.
    Known {
        tokens: &["https://api.anthropic.com/api/oauth/claude_cli/create_api_key"],
        method: Some("POST"),
        members: &["raw_key"],
        hosts: &["api.anthropic.com"],
        slots: &["header:x-api-key", "header:authorization:bearer"],
        urls: &[],
    },
    // https://developers.openai.com/codex/auth
    Known {
        tokens: &["https://auth.openai.com/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.openai.com", "chatgpt.com", "auth.openai.com"],
        slots: BEARER,
        urls: &[],
    },
    // https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
    Known {
        tokens: &["https://github.com/login/oauth/access_token"],
        method: None,
        members: MEMBERS,
        hosts: &[
            "api.github.com",
            "github.com",
            "uploads.github.com",
            "gist.github.com",
            "*.githubcopilot.com",
            "ghcr.io",
            "*.pkg.github.com",
        ],
        slots: BASIC,
        urls: &[],
    },
    // https://developers.google.com/identity/protocols/oauth2/native-app, https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token, https://docs.cloud.google.com/iam/docs/cloud-oauth-api-overview
    Known {
        tokens: &[
            "https://oauth2.googleapis.com/token",
            "https://www.googleapis.com/oauth2/v4/token",
            "https://accounts.google.com/o/oauth2/token",
            "https://sts.googleapis.com/v1/token",
            "https://sts.googleapis.com/v1/oauthtoken",
            "https://cloudoauth.googleapis.com/v1/organizations/*/token",
            "https://cloudoauth.googleapis.com/v1/common/token",
        ],
        method: None,
        members: MEMBERS,
        hosts: &["*.googleapis.com", "*.pkg.dev", "gcr.io", "*.gcr.io"],
        // Not in the address, as `access_token`: that is in the access log of a bucket, which belongs to whoever has made it.
        slots: BASIC,
        urls: &[],
    },
    // https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
    Known {
        tokens: &[
            "https://login.microsoftonline.com/*/oauth2/v2.0/token",
            "https://login.microsoftonline.com/*/oauth2/token",
            // Its older name.
            "https://login.windows.net/*/oauth2/token",
        ],
        method: None,
        members: MEMBERS,
        hosts: &[
            "graph.microsoft.com",
            "management.azure.com",
            "management.core.windows.net",
            "*.vault.azure.net",
            "*.blob.core.windows.net",
            "*.dfs.core.windows.net",
            "*.queue.core.windows.net",
            "*.table.core.windows.net",
            "*.azurecr.io",
            "dev.azure.com",
            "*.dev.azure.com",
            "*.visualstudio.com",
        ],
        slots: BASIC,
        urls: &[],
    },
    // https://docs.gitlab.com/api/oauth2/
    Known {
        tokens: &["https://gitlab.com/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["gitlab.com", "registry.gitlab.com"],
        slots: BASIC,
        urls: &[],
    },
    // https://github.com/npm/registry/blob/main/docs/user/authentication.md; npm's web login asks `doneUrl` until it has a token.
    Known {
        tokens: &["https://registry.npmjs.org/-/v1/done"],
        method: None,
        members: &["token"],
        hosts: &["registry.npmjs.org"],
        slots: BASIC,
        urls: &[],
    },
    Known {
        tokens: &["https://registry.npmjs.org/-/user/*", "https://registry.npmjs.org/-/user/*/-rev/*"],
        method: Some("PUT"),
        members: &["token"],
        hosts: &["registry.npmjs.org"],
        slots: BASIC,
        urls: &[],
    },
    Known {
        tokens: &["https://registry.npmjs.org/-/npm/v1/tokens"],
        method: Some("POST"),
        members: &["token"],
        hosts: &["registry.npmjs.org"],
        slots: BASIC,
        urls: &[],
    },
    // The name by which Yarn asks npm's registry. What is given there is not put in at the other name.
    Known {
        tokens: &["https://registry.yarnpkg.com/-/v1/done"],
        method: None,
        members: &["token"],
        hosts: &["registry.yarnpkg.com"],
        slots: BASIC,
        urls: &[],
    },
    Known {
        tokens: &["https://registry.yarnpkg.com/-/user/*", "https://registry.yarnpkg.com/-/user/*/-rev/*"],
        method: Some("PUT"),
        members: &["token"],
        hosts: &["registry.yarnpkg.com"],
        slots: BASIC,
        urls: &[],
    },
    Known {
        tokens: &["https://registry.yarnpkg.com/-/npm/v1/tokens"],
        method: Some("POST"),
        members: &["token"],
        hosts: &["registry.yarnpkg.com"],
        slots: BASIC,
        urls: &[],
    },
    // https://huggingface.co/docs/hub/oauth
    Known {
        tokens: &["https://huggingface.co/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["huggingface.co"],
        slots: BASIC,
        urls: &[],
    },
    // https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/
    Known {
        tokens: &["https://auth.atlassian.com/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.atlassian.com"],
        slots: BEARER,
        urls: &[],
    },
    // https://developer.atlassian.com/cloud/bitbucket/oauth-2/
    Known {
        tokens: &["https://bitbucket.org/site/oauth2/access_token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.bitbucket.org", "bitbucket.org"],
        slots: BASIC,
        urls: &[],
    },
    // https://docs.slack.dev/authentication/installing-with-oauth, https://docs.slack.dev/authentication/using-token-rotation, https://docs.slack.dev/ai/slack-mcp-server/
    Known {
        tokens: &[
            "https://slack.com/api/oauth.v2.access",
            "https://slack.com/api/oauth.v2.user.access",
            "https://slack.com/api/oauth.v2.exchange",
            "https://slack.com/api/openid.connect.token",
            // The older one, whose answers have a token of the bot beside that of the user.
            "https://slack.com/api/oauth.access",
        ],
        method: None,
        members: SLACK,
        hosts: &["slack.com", "mcp.slack.com"],
        slots: BEARER,
        urls: &[WEBHOOK],
    },
    // https://linear.app/developers/oauth-2-0-authentication
    Known {
        tokens: &["https://api.linear.app/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.linear.app", "mcp.linear.app"],
        slots: BEARER,
        urls: &[],
    },
    // https://developers.notion.com/reference/create-a-token
    Known {
        tokens: &["https://api.notion.com/v1/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.notion.com"],
        slots: BEARER,
        urls: &[],
    },
];
