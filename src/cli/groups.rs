//! `pasee groups`: one's own groups; to root staff, all there are.

use clap::Args;
use serde_json::{Value, json};

use super::person::api::encoded;
use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::table::{OutputOption, end, lines, text};
use super::person::wait_for;
use crate::domain::user::UserId;

#[derive(Args, Debug)]
pub(super) struct Groups {
    #[command(flatten)]
    issuer: IssuerOption,

    /// Those of this user, such as kisee-ada; for root staff
    #[arg(long, value_name = "USER")]
    user: Option<UserId>,

    #[command(flatten)]
    output: OutputOption,
}

impl Groups {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        let path = match &self.user {
            None => "/groups/".to_owned(),
            Some(user) => format!("/groups/?user={}", encoded(user.as_str())),
        };
        let (_, groups) = wait_for(async { desk.api().await?.list(&path, "groups").await })?;
        self.output.print(&document(&groups), || {
            let row =
                |group: &Value| vec![text(group, "group"), end(group), text(group, "description")];
            lines(&groups.iter().map(row).collect::<Vec<_>>())
        })
    }
}

fn document(groups: &[Value]) -> Value {
    let of = |group: &Value| {
        json!({
            "group": group["group"], "description": group["description"], "expires_at": group["expires_at"],
        })
    };
    groups.iter().map(of).collect()
}
