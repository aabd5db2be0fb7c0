//! `pasee whoami`: as whom somebody is logged in, and in which groups.

use clap::Args;
use serde_json::{Map, Value, json};

use super::person::desk::Desk;
use super::person::issuer::IssuerOption;
use super::person::table::{OutputOption, end, lines, text};
use super::person::wait_for;
use crate::relying::IssuerUrl;

#[derive(Args, Debug)]
pub(super) struct Whoami {
    #[command(flatten)]
    issuer: IssuerOption,

    #[command(flatten)]
    output: OutputOption,
}

impl Whoami {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        let (me, groups) = wait_for(async { desk.api().await?.list("/users/me", "groups").await })?;
        let issuer = place.issuer();
        self.output.print(&document(issuer, &me, &groups), || person(issuer, &me, &groups))
    }
}

fn document(issuer: &IssuerUrl, me: &Map<String, Value>, groups: &[Value]) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|group| json!({ "group": group["group"], "expires_at": group["expires_at"] }))
        .collect();
    json!({
        "issuer": issuer.as_str(), "username": me.get("username"), "names": me.get("names"),
        "session": me.get("session"), "groups": groups,
    })
}

fn person(issuer: &IssuerUrl, me: &Map<String, Value>, groups: &[Value]) -> String {
    let me = Value::Object(me.clone());
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![row("user", text(&me, "username")), row("issuer", issuer.to_string())];
    for name in ["name", "email"] {
        let value = text(&me["names"], name);
        if !value.is_empty() {
            rows.push(row(name, value));
        }
    }
    rows.push(row("logged in", text(&me["session"], "authenticated_at")));
    for group in groups {
        let name = format!("{} {}", text(group, "group"), end(group));
        rows.push(row("group", name.trim_end().to_owned()));
    }
    lines(&rows)
}
