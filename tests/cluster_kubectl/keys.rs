//! Another signing key, while people work: the API server refuses nobody for it.

use std::fs;
use std::time::{Duration, Instant};

use pasee::jose::key::Algorithm;
use serde_json::Value;

use super::stage::Stage;
use super::support::forge::{Forger, part};
use super::support::person::Person;

/// How long a key is published before it signs: the API server looks at the keys again where it meets an unknown one at the end of
/// what `Cache-Control` gives the set (60 s), and at no other time.
const PUBLISHED: Duration = Duration::from_secs(65);

#[test]
fn another_key_without_a_refusal() {
    let mut stage = Stage::new();
    let ada = stage.person();
    stage.begin(&ada, "ada");
    let before = kid(&ada);
    let new = Forger::new(Algorithm::Es256);
    let (old, next) = (stage.pasee.forger.key.to_pem().to_string(), new.key.to_pem().to_string());

    // Published, so that whoever verifies has it before the first token comes by it.
    let public = new.key.public().to_pem();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(
        stage.pasee.restart(|settings| {
            format!("retired_public_keys = [\"\"\"\n{public}\"\"\"]\n{settings}")
        }),
    );
    let since = Instant::now();
    while since.elapsed() < PUBLISHED {
        ada.age();
        works(&stage, &ada);
        std::thread::sleep(Duration::from_secs(2));
    }
    assert_eq!(kid(&ada), before, "the old one still signs");
    let copied = fs::read(ada.only_kept()).unwrap();

    runtime.block_on(stage.pasee.restart(|settings| {
        let settings =
            settings.replace(&format!("retired_public_keys = [\"\"\"\n{public}\"\"\"]\n"), "");
        assert!(settings.contains(&old));
        let settings = settings.replace(&old, &next);
        format!("retired_keys = [\"\"\"\n{old}\"\"\"]\n{settings}")
    }));
    // Of a token that the old key signed, and of the first that the new one signs.
    works(&stage, &ada);
    assert_eq!(kid(&ada), before);
    ada.age();
    works(&stage, &ada);
    assert_ne!(kid(&ada), before, "the session went on under the new one");
    let signed_by_new = fs::read(ada.only_kept()).unwrap();
    fs::write(ada.only_kept(), copied).unwrap();
    works(&stage, &ada);
    fs::write(ada.only_kept(), signed_by_new).unwrap();
    works(&stage, &ada);
}

fn works(stage: &Stage, ada: &Person) {
    assert_eq!(stage.whoami(ada)["username"], "pasee:local-ada");
}

/// Which key signed the token that kubectl shows.
fn kid(ada: &Person) -> Value {
    let token = ada.run(&["token", "--audience", "kubernetes"]).done();
    part(token.trim_end(), 0)["kid"].clone()
}
