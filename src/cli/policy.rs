//! `pasee policy`: the policy, roles and accounts of a realm, for `kubectl apply -f -`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::files::read_whole;
use crate::install::{
    self, Accounts, Creator, Namespace, OwnRoles, Prefix, Quota, Realm, Staff, Webhook,
};
use crate::resources::definition;

#[derive(Args, Debug)]
#[command(after_help = "\
The prefixes are those of the API server's AuthenticationConfiguration, which must also put every user of the realm in
the group that is the group prefix followed by :users, as docs/kubernetes.md shows. Of each namespace, apply it once.")]
pub(super) struct Policy {
    /// The namespace with the Groups, Memberships and Users
    #[arg(long, value_name = "NAMESPACE", env = "PASEE_NAMESPACE")]
    namespace: Namespace,

    /// What Kubernetes puts before the names of groups in Pasee's tokens
    #[arg(long, value_name = "PREFIX", default_value = "pasee:")]
    group_prefix: Prefix,

    /// What Kubernetes puts before the user ids in Pasee's tokens
    #[arg(long, value_name = "PREFIX", default_value = "pasee:")]
    username_prefix: Prefix,

    /// Leaves out the webhook, by which the API server asks pasee serve about what users of the realm write: the groups in
    /// their tokens count then, which are up to 15 minutes old
    #[arg(long)]
    no_webhook: bool,

    /// Where servers outside of the cluster answer the webhook, an https URL without a path, which pasee controller sets; else
    /// the Service pasee-webhook in the namespace
    #[arg(long, value_name = "URL", conflicts_with = "no_webhook", value_parser = webhook_url)]
    webhook_url: Option<String>,

    /// A PEM file with the authorities of the servers' certificate, that of cert_file of the webhook in the settings; else the
    /// controller makes one for the Service, and of servers outside of the cluster those count that the API server's system trusts
    #[arg(long, value_name = "FILE", conflicts_with = "no_webhook")]
    webhook_ca_file: Option<PathBuf>,

    /// With --no-webhook: leaves out the MutatingAdmissionPolicy, which Kubernetes has from 1.36 on: users then write themselves into
    /// spec.creator of the Groups that they make
    #[arg(long)]
    no_mutating_policy: bool,

    /// Lets the staff of groups patch objects, too, not only create and delete them: by kubectl apply --server-side, but not
    /// by kubectl patch, edit or plain apply, which read first, and staff may not read. Any user of the realm can
    /// then find out, guess by guess, what an object holds whose name they know: a patch tells whether it fits before
    /// the policy is asked
    #[arg(long)]
    staff_may_patch: bool,

    /// Lets pasee serve ask the API server whose ServiceAccount a token is of, for an identity provider with
    /// protocol = "kubernetes" that is not offline. The one grant beyond the namespace
    #[arg(long)]
    service_accounts_log_in: bool,

    /// Lets whoever holds Kubernetes' own roles view, edit or admin see Pasee's objects there, and ask to write them, of which
    /// the policy allows nothing to who is no user of the realm and holds no bypass-policy. In every namespace of the cluster
    #[arg(long)]
    extend_own_roles: bool,

    /// How many Groups the namespace may hold, whoever writes them; 0 = any number
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000)]
    max_groups: u64,

    /// How many Memberships, each of up to 500 users; 0 = any number
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000)]
    max_memberships: u64,

    /// How many Users: one for each who was ever banned or ended all their sessions, and without room nobody more can be
    /// banned; 0 = any number
    #[arg(long, value_name = "NUMBER", default_value_t = 200_000)]
    max_users: u64,

    /// How many OAuthClients: one for each application that logs people in through Pasee; 0 = any number
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    max_clients: u64,
}

impl Policy {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Self {
            namespace,
            group_prefix,
            username_prefix,
            no_webhook,
            webhook_url,
            webhook_ca_file,
            no_mutating_policy,
            staff_may_patch,
            service_accounts_log_in,
            extend_own_roles,
            max_groups,
            max_memberships,
            max_users,
            max_clients,
        } = self;
        let most = |number: u64| Some(number).filter(|most| *most > 0);
        let quota = Quota {
            groups: most(max_groups),
            memberships: most(max_memberships),
            users: most(max_users),
            clients: most(max_clients),
        };
        let own_roles = if extend_own_roles { OwnRoles::Extended } else { OwnRoles::Untouched };
        let accounts = if service_accounts_log_in { Accounts::LogIn } else { Accounts::StayOut };
        let creator = if no_mutating_policy { Creator::Written } else { Creator::Filled };
        let staff = if staff_may_patch { Staff::PatchToo } else { Staff::CreateAndDelete };
        let authority = webhook_ca_file.as_deref().map(authorities).transpose()?;
        let webhook = match webhook_url {
            None if no_webhook => Webhook::None,
            None => Webhook::Service { authority },
            Some(url) => Webhook::At { url, authority },
        };
        let realm = Realm {
            namespace,
            username_prefix,
            group_prefix,
            creator,
            webhook,
            staff,
            accounts,
            own_roles,
            quota,
        };
        super::print(definition::to_yaml(&install::objects(&realm))?)
    }
}

/// An address as the API server takes it (`WebhookClientConfig.url`).
fn webhook_url(text: &str) -> Result<String, String> {
    let url = text.parse::<url::Url>().ok().filter(|url| {
        url.scheme() == "https"
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    url.map(|url| url.to_string()).ok_or_else(|| {
        "a webhook's address is https, without user, path and query, such as https://pasee.example.com:8443; pasee controller \
         sets the path"
            .to_owned()
    })
}

/// Longest file of authorities, in bytes: more has no room in what the API server takes.
const MAX_AUTHORITIES: u64 = 1024 * 1024;

fn authorities(file: &Path) -> anyhow::Result<Vec<u8>> {
    let pem = read_whole(file, MAX_AUTHORITIES)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let is_pem = pem.windows(27).any(|part| part == b"-----BEGIN CERTIFICATE-----");
    anyhow::ensure!(
        is_pem,
        "{} holds no certificate; a right one is PEM with BEGIN CERTIFICATE",
        file.display()
    );
    Ok(pem)
}
