//! A Pasee with a certificate that nobody has heard of.

use std::fs;

use super::support::authority::Authority;
use super::support::pasee::Setup;
use super::support::person::Person;

/// It is not asked for a password, nor is a browser opened, before it is believed; what to do is said.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own() {
    let authority = Authority::new();
    let (folder, file) = authority.file();
    let (certificate, key) = authority.server();
    let [certificate_file, key_file] = ["tls.pem", "tls.key"].map(|name| folder.path().join(name));
    fs::write(&certificate_file, certificate).unwrap();
    fs::write(&key_file, key).unwrap();
    let mut pasee = Setup::default().start().await;
    let url = format!("https://{}", pasee.address);
    let [shown, secret] = [&certificate_file, &key_file].map(|file| file.display());
    pasee
        .restart(|settings| {
            let named =
                settings.replace("iss = \"pasee.example.com\"", &format!("iss = \"{url}\""));
            format!("{named}\n[tls]\ncertificate = \"{shown}\"\nkey = \"{secret}\"\n")
        })
        .await;
    let stranger = Person::of(&url);
    for arguments in
        [&["login"][..], &["login", "--device"], &["login", "--idp", "local", "--username", "ada"]]
    {
        let told = stranger.run_with(arguments, "pw-ada\n").refused(1);
        assert!(told.contains("certificate is not believed"), "{told}");
        assert!(told.contains("SSL_CERT_FILE"), "{told}");
        assert!(stranger.kept().is_empty());
    }
    let ada = Person::of(&url).with("SSL_CERT_FILE", file);
    ada.log_in("ada");
    assert!(ada.run(&["whoami"]).done().contains("local-ada"));
    // Somebody who is away is another matter.
    drop(pasee);
    ada.age();
    let told = ada.run(&["token"]).refused(1);
    assert!(!told.contains("SSL_CERT_FILE") && told.contains("cannot be reached"), "{told}");
}
