//! `pasee policy`: the policy, roles and accounts of a realm, for `kubectl apply -f -`.

use clap::Args;

use crate::install::{self, Accounts, Creator, Namespace, Prefix, Realm, Staff};
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

    /// Leaves out the MutatingAdmissionPolicy, which Kubernetes has from 1.36 on: users then write themselves into
    /// spec.creator of the Groups that they make
    #[arg(long)]
    no_mutating_policy: bool,

    /// Lets the staff of groups patch and apply objects, too, not only create and delete them. Any user of the realm can
    /// then find out, guess by guess, what an object holds whose name they know: a patch tells whether it fits before
    /// the policy is asked
    #[arg(long)]
    staff_may_patch: bool,

    /// Lets pasee serve ask the API server whose ServiceAccount a token is of, for an identity provider with
    /// protocol = "kubernetes" that is not offline. The one grant beyond the namespace
    #[arg(long)]
    service_accounts_log_in: bool,
}

impl Policy {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Self {
            namespace,
            group_prefix,
            username_prefix,
            no_mutating_policy,
            staff_may_patch,
            service_accounts_log_in,
        } = self;
        let accounts = if service_accounts_log_in { Accounts::LogIn } else { Accounts::StayOut };
        let creator = if no_mutating_policy { Creator::Written } else { Creator::Filled };
        let staff = if staff_may_patch { Staff::PatchToo } else { Staff::CreateAndDelete };
        let realm = Realm { namespace, username_prefix, group_prefix, creator, staff, accounts };
        super::print(definition::to_yaml(&install::objects(&realm))?)
    }
}
