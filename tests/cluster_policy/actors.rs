//! Everybody who acts, as Kubernetes knows them and as the policy does.
//!
//! Must not know what they do.

use std::time::Duration;

use pasee::domain::directory::{Holding, Standing};
use pasee::domain::policy::{self, Actor, Grant, Login};
use pasee::domain::time::Timestamp;
use pasee::domain::user::UserId;

use super::client::Asker;
use super::stage::Stage;

/// Who somebody is to the policy.
pub enum Standpoint {
    /// May do everything.
    Operator,
    /// A user on rosters.
    User { id: UserId, actor: Actor },
    /// Nobody, who may do nothing.
    Nobody,
}

pub struct Somebody<'a> {
    pub label: String,
    pub standpoint: Standpoint,
    pub asker: Asker<'a>,
}

/// Ids of users of the realm, and the groups in their tokens.
const USERS: &[(&str, &[&str])] = &[
    ("kisee-root", &["staff"]),
    ("kisee-both", &["staff", "team", "team.staff"]),
    ("kisee-a", &["team.staff"]),
    ("kisee-b", &["team.dev.staff"]),
    ("kisee-c", &["team.dev.core.staff"]),
    ("kisee-d", &["other.staff"]),
    ("kisee-e", &["my_team.staff"]),
    ("kisee-f", &["my_team.sub_group.staff"]),
    ("kisee-g", &["my-team.staff"]),
    ("kisee-h", &["team"]),
    ("kisee-i", &["team.dev", "team", "other"]),
    ("kisee-j", &["team.dev.core", "my_team", "staffing", "my-staff"]),
    ("kisee-k", &["team", "team.dev.staff", "other"]),
    ("kisee-l", &["team.dev.staff", "other.staff", "my_team.staff"]),
    ("kisee-none", &[]),
    ("k8s-ci:deployer", &["team.staff"]),
    ("externals-internals-ada", &["team.dev.staff"]),
    (r#"kisee-it's "a" \ + 'x' || true é日"#, &["team.staff"]),
    ("kisee-') || (true", &["team.dev"]),
    // Groups that are none of this realm's, whatever they look like.
    ("kisee-m", &["my--team.staff", "Staff", "STAFF", "team.Staff", " staff", "staff "]),
    ("kisee-n", &["team.staff.staff", "staff.staff", ".staff", "x:staff", "x:team.staff", "*"]),
    ("kisee-o", &["teams.staff", "eam.staff", "team.de.staff", "dev.staff", "staff.team"]),
];

/// Names that are no user's of the realm.
const STRANGERS: &[&str] = &[
    "alice",
    "pasee:",
    "pasee:nobody",
    "pasee:-x",
    "pasee:Kisee-x",
    "pasee:kisee-",
    "pasee:kisee- x",
    "pasee:ki.see-x",
    "pasee:x:kisee-root",
    "pasee::kisee-root",
    "Pasee:kisee-root",
    " pasee:kisee-root",
    "xpasee:kisee-root",
    "pasee",
    "kisee-root",
    "other:kisee-root",
    "system:serviceaccount:elsewhere:pasee-server",
    "system:serviceaccount:kube-system:default",
    "system:kube-scheduler",
];

/// All groups there could be a point in having.
const POWERFUL: &[&str] = &["pasee:staff", "pasee:team.staff", "pasee:team.dev.staff", "staff"];

pub fn everybody<'a>(stage: &'a Stage<'_>) -> Vec<Somebody<'a>> {
    let operator = |label: &str, asker| Somebody {
        label: label.to_owned(),
        standpoint: Standpoint::Operator,
        asker,
    };
    let gitops = stage.cluster.user("gitops", &["ci"]);
    let resources = "groups.pasee.meltylab.fr,memberships.pasee.meltylab.fr,users.pasee.meltylab.fr,oauthclients.pasee.meltylab.fr";
    stage.grant("bypass", "bypass-policy", resources, "--user=gitops");
    let mut all = vec![
        operator("cluster-admin", stage.admin()),
        operator("who bypasses", stage.asker(&gitops)),
        operator("pasee-server", stage.as_account("pasee-server")),
        operator("pasee-controller", stage.as_account("pasee-controller")),
    ];
    all.extend(USERS.iter().map(|(id, groups)| user(stage, id, groups)));
    // In another realm's groups only, or in Pasee's without the prefix.
    for groups in [["other:staff", "staff"], ["pasee:x:staff", "pasee/staff"]] {
        let known = stage.cluster.user("pasee:kisee-mixed", &groups);
        let (_, standpoint) = standing("kisee-mixed", &[]);
        let label = format!("kisee-mixed in {groups:?}");
        all.push(Somebody { label, standpoint, asker: stage.asker(&known) });
    }
    let robot = stage.cluster.service_account(&stage.namespace, "robot");
    let strangers = STRANGERS.iter().map(|name| stage.cluster.user(name, POWERFUL));
    for stranger in strangers.chain([robot]) {
        all.push(Somebody {
            label: format!("stranger {:?}", stranger.name),
            standpoint: Standpoint::Nobody,
            asker: stage.asker(&stranger),
        });
    }
    all
}

fn user<'a>(stage: &'a Stage<'_>, id: &str, groups: &[&str]) -> Somebody<'a> {
    let (label, standpoint) = standing(id, groups);
    Somebody { label, standpoint, asker: stage.as_user(id, groups) }
}

/// How the policy sees a user whose token names these groups: as one on the rosters of those that are groups.
fn standing(id: &str, groups: &[&str]) -> (String, Standpoint) {
    let id: UserId = id.parse().unwrap();
    let rosters = groups.iter().filter_map(|group| group.parse().ok());
    let holdings = rosters.map(|roster| Holding { roster, expires_at: None }).collect();
    let now = Timestamp::from_unix(1_800_000_000).unwrap();
    let grant = Grant::Login(Login::of(id.clone()));
    let session = Duration::from_secs(60);
    let admission = policy::admit(grant, Standing::default(), session, now).unwrap();
    let actor = Actor::user(&admission, holdings);
    (format!("{id} in {groups:?}"), Standpoint::User { id, actor })
}
