//! No secret shows in errors, warnings, explanations or `Debug`.

use std::path::Path;

use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::settings::{SettingsError, parse};

use crate::SEED;

const CANARY: &str = "Canary7f3a";
const JWT: &str = "[jwt]\niss = \"pasee.example.com\"\n";

/// All that can be said of a file.
fn said(file: &Path, text: &str) -> String {
    match parse(file, text) {
        Ok(settings) => format!("{settings:?} {settings:#?} {}", settings.explain()),
        Err(error) => said_of(&error),
    }
}

fn said_of(error: &SettingsError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error} {error:?} {source:?}")
}

#[test]
fn secrets_in_wrong_places_stay_unsaid() {
    let provider = |rest: &str| format!("{JWT}[[identity_providers]]\nname = \"a\"\n{rest}\n");
    let block = format!("-----BEGIN PRIVATE KEY-----{CANARY}-----END PRIVATE KEY-----");
    for text in [
        format!("private_key = \"{CANARY}\"\n{JWT}"),
        format!("private_key = \"{block}\"\n{JWT}"),
        format!("private_key = [\"{block}\"]\n{JWT}"),
        format!("private_key = {{ pem = \"{block}\" }}\n{JWT}"),
        format!("private_key = \"{block}\"\nprivate_key_file = \"x\"\n{JWT}"),
        format!("private_keys = \"{block}\"\n{JWT}"),
        format!("public_key = \"{block}\"\n{JWT}"),
        format!("retired_public_keys = [\"{block}\"]\n{JWT}"),
        format!("algorithm = \"{CANARY}\"\n{JWT}"),
        // Broken in the middle of a secret.
        format!("private_key = \"{CANARY}\n{JWT}"),
        format!("private_key = {CANARY}\n{JWT}"),
        format!("private_key = {block}\n{JWT}"),
        format!("private_key = \"\"\"{CANARY}\n{JWT}"),
        format!("private_key = \"{CANARY}\\q\"\n{JWT}"),
        format!("private_key = \"{CANARY}\"\nprivate_key = \"{CANARY}\"\n{JWT}"),
        format!("private_key = '''\n'''{CANARY}'''\n{JWT}"),
        format!("hostname = \"https://ada:{CANARY}@pasee.example.com\"\n{JWT}"),
        format!(
            "{JWT}[storage_backend]\nclass = \"PostgresStorage\"\noptions.password = \"{CANARY}\""
        ),
        format!(
            "{JWT}[storage_backend]\nclass = \"DemoSqliteStorage\"\noptions.password = \"{CANARY}\""
        ),
        format!("{JWT}[cors]\nallowed_origins = [\"https://a:{CANARY}@b.example\"]"),
        provider(&format!("protocol = \"oauth2\"\nsettings.app_secret = \"{CANARY}\"")),
        provider(&format!("protocol = \"oauth2\"\nsettings.app_secret = [\"{CANARY}\"]")),
        provider(&format!("protocol = \"oauth2\"\napp_secret = \"{CANARY}\"")),
        provider(&format!("protocol = \"oauth9\"\nsettings.app_secret = \"{CANARY}\"")),
        provider(&format!("settings.app_secret = \"{CANARY}\"")),
        provider(&format!("protocol = \"oidc\"\nsettings.client_secret = \"{CANARY}\"")),
        provider(&format!("protocol = \"oidc\"\nsettings.client_secret = [\"{CANARY}\"]")),
        provider(&format!("protocol = \"oidc\"\nclient_secret = \"{CANARY}\"")),
        provider(&format!("protocol = \"oidc\"\nsettings.issuer = \"https://a:{CANARY}@b\"")),
        provider(&format!(
            "protocol = \"oidc\"\nsettings = {{ issuer = \"https://a\", client_id = \"b\", client_secret = \"{CANARY}\" }}"
        )),
        provider(&format!("protocol = \"kisee\"\nendpoint = \"http://a:{CANARY}@b/\"")),
        provider(&format!("protocol = \"kisee\"\nhost = \"a:{CANARY}@b\"")),
        provider(&format!("protocol = \"kisee\"\nendpoint = \"http://a/?{CANARY}\"")),
        provider(&format!(
            "protocol = \"kisee\"\nendpoint = \"http://a/\"\nsettings.public_keys = [\"{block}\"]"
        )),
        provider(&format!(
            "protocol = \"local\"\nsettings.users = [{{ username = \"a\", password_hash = \"{CANARY}\" }}]"
        )),
        provider(&format!(
            "protocol = \"local\"\nsettings.users = [{{ username = \"a\", password = \"{CANARY}\" }}]"
        )),
        provider(&format!(
            "protocol = \"local\"\nsettings.users = [{{ username = \"a\", password_hash = [\"{CANARY}\"] }}]"
        )),
        provider(&format!("protocol = \"local\"\nsettings.users = [\"{CANARY}\"]")),
        provider(&format!(
            "protocol = \"local\"\nsettings.users = [{{ username = \"a\", password_hash = \
             \"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ${CANARY}\" }}]"
        )),
    ] {
        let said = said(Path::new("f.toml"), &text);
        assert!(said.contains("f.toml"), "{said}");
        assert!(!said.contains(CANARY), "{text}\nsays\n{said}");
    }
}

#[test]
fn right_secrets_stay_unsaid() {
    for algorithm in [Algorithm::Es256, Algorithm::Es256k] {
        let pem = PrivateKey::generate(algorithm).unwrap().to_pem();
        let hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$Q2FuYXJ5N2YzYUNhbmFyeTdmM2E";
        let text = format!(
            "private_key = '''{}'''\n{JWT}[[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\n\
             settings.users = [{{ username = \"ada\", password_hash = \"{hash}\" }}]\n\
             [[identity_providers]]\nname = \"twitter\"\nprotocol = \"oauth2\"\nhost = \"x.com\"\nsettings.app_id = \"a\"\nsettings.app_secret = \"{CANARY}\"\n",
            &*pem
        );
        let settings = parse(Path::new("f.toml"), &text).unwrap();
        assert_eq!(settings.warnings.len(), 1, "a cheap hash is warned about");
        let said = said(Path::new("f.toml"), &text);
        assert!(said.contains("Users local-…"), "{said}");
        for secret in
            pem.lines().filter(|line| !line.starts_with("--")).chain([CANARY, &hash[30..]])
        {
            assert!(!said.contains(secret), "{secret} in\n{said}");
        }
    }
}

#[test]
fn secrets_in_files_of_their_own_stay_unsaid() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("f.toml");
    let text = format!("private_key_file = \"key.pem\"\n{JWT}");
    let block = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n");
    for content in [CANARY.as_bytes(), block.as_bytes(), &[CANARY.as_bytes(), b"\xff"].concat()] {
        std::fs::write(dir.path().join("key.pem"), content).unwrap();
        let said = said(&settings, &text);
        assert!(said.contains("f.toml:1: private_key_file: "), "{said}");
        assert!(!said.contains(CANARY), "{said}");
    }
}

#[test]
fn a_secret_cut_off_anywhere_stays_unsaid() {
    let file = SEED.replace("app_secret = \"...\"", &format!("app_secret = \"{CANARY}\""));
    let body = SEED.lines().find(|line| line.starts_with("MHcC")).unwrap();
    for end in (0..file.len()).filter(|end| file.is_char_boundary(*end)) {
        let said = said(Path::new("f.toml"), &file[..end]);
        assert!(!said.contains(CANARY) && !said.contains(&body[..20]), "cut at {end}: {said}");
    }
}
