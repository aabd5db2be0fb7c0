//! From `[[clients]]` to the applications that log people in through us.
//!
//! What a client is, is the domain's business; here are the keys, and where each mistake stands: `fields` reads lists and choices, `secrets`
//! what proves a client. `remarks` says what is odd about a client that is right, and `application` in plain words what one may. Must not
//! know who asks for tokens.

mod application;
mod fields;
mod remarks;
mod secrets;

use std::path::Path;

use self::fields::Fields;
use self::secrets::Secrets;
use super::reader::{Item, Table, quoted};
use super::{FromFile, IdentityProvider};
use crate::domain::client::{
    Client, ClientError, ClientId, ClientMetadata, Consent, Dpop, IdTokenAlg, Pkce, SecretHash,
};
use crate::domain::token::{MAX_SCOPE, Scope, ScopeError};
use crate::domain::user::ProviderName;

pub(super) use application::Application;

/// The files that secrets of clients stand in.
type SecretFiles = Vec<(ClientId, FromFile<Vec<SecretHash>>)>;

/// The clients, and the files of those whose secrets stand in one.
pub(super) fn clients(
    root: &Table<'_>,
    base: &Path,
    providers: &[IdentityProvider],
) -> (Vec<Client>, SecretFiles) {
    let mut secrets = Secrets::new(base);
    let mut clients: Vec<Client> = Vec::new();
    let mut files = SecretFiles::new();
    for table in root.tables("clients") {
        let id = table.needed("id", "\"grafana\"");
        let Some((client, file)) = client(table, id.as_ref(), &mut secrets, providers) else {
            continue;
        };
        match id.filter(|_| clients.iter().any(|other| other.id == client.id)) {
            Some(id) => id.error("stands twice; every client has an id of its own"),
            None => {
                files.extend(file.map(|file| (client.id.clone(), file)));
                clients.push(client);
            }
        }
    }
    (clients, files)
}

fn client(
    table: Table<'_>,
    id: Option<&Item<'_, &str>>,
    secrets: &mut Secrets<'_>,
    providers: &[IdentityProvider],
) -> Option<(Client, Option<FromFile<Vec<SecretHash>>>)> {
    let fields = Fields::new(&table);
    let id = id.and_then(|item| client_id(item, providers));
    let name = table.text("name").map(|item| item.value.to_owned());
    // Whatever is wrong with its id, the rest is looked at.
    let unsaid = ClientMetadata::new(id.clone().unwrap_or_else(unnamed));
    let (secret_hashes, file) = secrets.read(&fields);
    let metadata = ClientMetadata {
        name: name.unwrap_or(unsaid.name),
        secret_hashes,
        redirect_uris: fields.list("redirect_uris"),
        post_logout_redirect_uris: fields.list("post_logout_redirect_uris"),
        allowed_origins: fields.list("allowed_origins"),
        grant_types: match table.get("grant_types") {
            Some(_) => fields.list("grant_types").into_iter().collect(),
            None => unsaid.grant_types,
        },
        audiences: fields.list("audiences"),
        groups: groups(&fields),
        require_groups: fields.list("require_groups"),
        require_amr: fields.list("require_amr"),
        claims: fields.list("claims"),
        id_token_alg: fields
            .choice("id_token_alg", &[("RS256", IdTokenAlg::Rs256), ("ES256", IdTokenAlg::Es256)]),
        exchange_providers: exchange_providers(&fields, providers),
        consent: match table.flag("consent") {
            Some(true) => Consent::Asked,
            Some(false) | None => Consent::Implied,
        },
        dpop: fields.choice("dpop", &[("optional", Dpop::Optional), ("required", Dpop::Required)]),
        pkce: fields.choice("pkce", &[("optional", Pkce::Optional), ("required", Pkce::Required)]),
        enabled: table.flag("enabled").unwrap_or(true),
        id: unsaid.id,
    };
    let client = put_together(&fields, metadata).filter(|_| id.is_some());
    if let Some(client) = &client {
        remarks::remark(&fields, client, providers);
    }
    table.finish();
    client.map(|client| (client, file))
}

/// What does not go together is said where it stands, unless what it rests on is wrong by itself.
fn put_together(fields: &Fields<'_, '_>, metadata: ClientMetadata) -> Option<Client> {
    let errors = match Client::new(metadata) {
        Ok(client) => return Some(client),
        Err(errors) => errors,
    };
    for error in errors {
        let rests_on: &[&str] = match error {
            ClientError::NoRedirect => &["redirect_uris", "grant_types"],
            ClientError::Public(_) => &["secret_hashes", "secret_file", "grant_types"],
            ClientError::TooMany("secret_hashes", _) => &["secret_file"],
            _ => &[error.field()],
        };
        if !rests_on.iter().any(|key| fields.is_wrong(key)) {
            fields.error(error.field(), error);
        }
    }
    None
}

fn unnamed() -> ClientId {
    "unnamed".parse().expect("a client id")
}

fn client_id(item: &Item<'_, &str>, providers: &[IdentityProvider]) -> Option<ClientId> {
    let id = item.parse::<ClientId>()?;
    let like = providers.iter().find(|provider| id.is_like_users_of(&provider.name));
    if let Some(IdentityProvider { name, .. }) = like {
        item.error(format_args!(
            "could be taken for a user of the identity provider {name}, whose ids begin with {name}-; call it otherwise, such as \"app-{id}\""
        ));
        return None;
    }
    Some(id)
}

/// Names of groups, as a limit of groups has them.
fn groups(fields: &Fields<'_, '_>) -> Scope {
    let Some(item) = fields.table().get("groups") else { return Scope::Unlimited };
    let mut rosters = fields.list("groups");
    rosters.sort();
    if rosters.len() > MAX_SCOPE {
        fields.error("groups", ScopeError::TooMany);
    } else if rosters.is_empty() && !fields.is_wrong("groups") {
        item.with("").error(
            "names no group, so that none could reach the tokens; a right one is [\"articles\"], and without this key all groups do",
        );
    }
    Scope::Limited(rosters)
}

fn exchange_providers(
    fields: &Fields<'_, '_>,
    providers: &[IdentityProvider],
) -> Vec<ProviderName> {
    let known = |name: &ProviderName| providers.iter().any(|provider| provider.name == *name);
    for item in fields.table().texts("exchange_providers") {
        if item.value.parse().is_ok_and(|name| !known(&name)) {
            let names = providers.iter().map(|provider| provider.name.as_str());
            let names = quoted(names, "and");
            item.error(format_args!("is no identity provider of this file; those are {names}"));
        }
    }
    fields.list("exchange_providers")
}
