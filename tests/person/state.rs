//! What is kept of a login: closed to others, and refused when it is not.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::support::pasee::{Pasee, Setup};
use super::support::person::Person;

async fn logged_in() -> (Pasee, Person) {
    let pasee = Setup::default().start().await;
    let ada = Person::of(&pasee.url);
    ada.log_in("ada");
    (pasee, ada)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_read_it() {
    let (_pasee, ada) = logged_in().await;
    assert_eq!(mode(&ada.state()), 0o700);
    for entry in fs::read_dir(ada.state()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    ada.age();
    ada.run(&["token"]).done();
    assert_eq!(mode(&ada.only_kept()), 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_may_have_touched_is_refused() {
    let (_pasee, ada) = logged_in().await;
    let file = ada.only_kept();
    let secrets = fs::read_to_string(&file).unwrap();
    let secrets: serde_json::Value = serde_json::from_str(&secrets).unwrap();
    let refused = |says: &str| {
        for command in [&["token"][..], &["groups"], &["whoami"]] {
            let told = ada.run(command).refused(1);
            assert!(told.contains(says), "{told}");
            for name in ["access", "refresh"] {
                let secret = &secrets["session"][name];
                let secret = secret["token"].as_str().or(secret.as_str()).unwrap();
                assert!(!told.contains(secret), "{told}");
            }
        }
    };
    for open in [0o644, 0o640, 0o602] {
        set_mode(&file, open);
        refused("open to other users");
    }
    set_mode(&file, 0o600);
    set_mode(&ada.state(), 0o755);
    refused("chmod 700");
    set_mode(&ada.state(), 0o700);
    ada.run(&["token"]).done();

    let elsewhere = ada.home().join("elsewhere.json");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    refused("is a link");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg("-m600").arg(&file).status().unwrap().success());
    refused("is no file");
    fs::remove_file(&file).unwrap();
    for nonsense in ["", "{}", "{\"version\":1}", "\u{0}", "[]"] {
        fs::write(&file, nonsense).unwrap();
        set_mode(&file, 0o600);
        refused("remove it and log in again");
    }
    fs::remove_file(&file).unwrap();
    ada.log_in("ada");
}

/// The lock is not taken from a place that leads elsewhere, and nothing there is changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_leads_elsewhere() {
    let (_pasee, ada) = logged_in().await;
    let lock = ada.only_kept().with_extension("lock");
    let target = ada.home().join("target");
    fs::write(&target, "untouched").unwrap();
    fs::remove_file(&lock).unwrap();
    symlink(&target, &lock).unwrap();
    ada.age();
    assert!(ada.run(&["token"]).refused(1).contains("is a link"));
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    fs::remove_file(&lock).unwrap();
    // What is in the way of the new file is no way out either.
    let new = ada.only_kept().with_extension("new");
    symlink(&target, &new).unwrap();
    ada.run(&["token"]).done();
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    assert!(fs::symlink_metadata(&new).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_home_no_login() {
    let (pasee, _) = logged_in().await;
    let ada = Person::of(&pasee.url).with("HOME", "").with("XDG_STATE_HOME", "");
    let told = ada.run(&["token"]).refused(1);
    assert!(told.contains("XDG_STATE_HOME"), "{told}");
}
