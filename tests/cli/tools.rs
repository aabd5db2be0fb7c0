//! The commands that need no settings, and output that nobody reads.

use std::fs::{self, File};
use std::process::Stdio;

use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::domain::client::SecretHash;
use pasee::jose::key::{Algorithm, PrivateKey, PublicKey};

use super::check::settings;
use super::support::machine::{Machine, Ran, wait};

const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----";

#[test]
fn keygen_prints_a_pair() {
    let machine = Machine::new("");
    for (arguments, algorithm) in [
        (&["keygen"][..], Algorithm::Es256),
        (&["keygen", "--algorithm", "ES256"], Algorithm::Es256),
        (&["keygen", "--algorithm", "ES256K"], Algorithm::Es256k),
        (&["keygen", "--algorithm", "RS256"], Algorithm::Rs256),
    ] {
        let printed = machine.run(arguments).done();
        let (private, public) = printed.split_at(printed.find(PUBLIC).unwrap());
        let key = PrivateKey::from_pem(private).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.public(), &PublicKey::from_pem(public).unwrap());
        assert_ne!(machine.run(arguments).done(), printed, "a new one each time");
    }
}

#[test]
fn keygen_keeps_a_key_and_never_writes_over_one() {
    let machine = Machine::new("");
    for name in ["key.pem", "keyk.pem"] {
        let algorithm = if name == "key.pem" { "ES256" } else { "ES256K" };
        let keep = ["keygen", "--algorithm", algorithm, "--output", name];
        let public = machine.run(&keep).done();
        assert!(public.starts_with(PUBLIC) && !public.contains("PRIVATE"), "{public}");
        let kept = fs::read_to_string(machine.path(name)).unwrap();
        assert_eq!(machine.mode(name), 0o600);
        let key = PrivateKey::from_pem(&kept).unwrap();
        assert_eq!(key.public(), &PublicKey::from_pem(&public).unwrap());
        assert_eq!(
            machine.run(&keep).refused(1),
            format!(
                "pasee: {name} exists already and is never written over; name a file that does not\n"
            )
        );
        assert_eq!(fs::read_to_string(machine.path(name)).unwrap(), kept);
    }
    let told = machine.run(&["keygen", "--output", "nowhere/key.pem"]).refused(1);
    assert!(told.starts_with("pasee: nowhere/key.pem cannot be made; a right one is in"), "{told}");
    assert!(told.ends_with("  because: No such file or directory (os error 2)\n"), "{told}");
}

/// Whether a printed hash is one of the password.
fn is_hash_of(ran: Ran, password: &[u8]) -> bool {
    let hash = ran.done();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && hash.ends_with('\n'), "{hash}");
    let parsed = PasswordHash::new(hash.trim_end()).unwrap();
    argon2::Argon2::default().verify_password(password, &parsed).is_ok()
}

#[test]
fn hash_password_takes_the_first_line() {
    let machine = Machine::new("");
    let hash = |input: &[u8]| machine.run_with_input(&["hash-password"], input);
    let long = [b'a'; 1024];
    for (input, password) in [
        (&b"correct horse\n"[..], &b"correct horse"[..]),
        (b"correct horse\r\n", b"correct horse"),
        (b"correct horse", b"correct horse"),
        (b" correct horse \nnext\n", b" correct horse "),
        (b"a\r\r\n", b"a\r"),
        ("pàsswörd\n".as_bytes(), "pàsswörd".as_bytes()),
        (&long, &long),
        (&[&long[..], b"\r\n"].concat(), &long),
    ] {
        assert!(is_hash_of(hash(input), password), "{:?}", input.escape_ascii().to_string());
    }
    assert!(!is_hash_of(hash(b"correct horse\n"), b"correct horse\n"));
    assert_ne!(hash(b"x").done(), hash(b"x").done(), "salted");
}

#[test]
fn hash_password_refuses_what_can_be_no_password() {
    let machine = Machine::new("");
    let empty = "pasee: the password is empty; a right one has 1 to 1024 bytes\n";
    let long = "pasee: the password is too long; a right one has 1 to 1024 bytes\n";
    for (input, says) in [
        (&b""[..], empty),
        (b"\n", empty),
        (b"\r\n", empty),
        (&[b'a'; 1025], long),
        (&[&[b'a'; 1025][..], b"\n"].concat(), long),
        (&[b'a'; 1_000_000], long),
        ("é".repeat(1000).as_bytes(), long),
        (b"\xff\xfe\n", "pasee: the password is not UTF-8, as it has to be to log in\n"),
    ] {
        assert_eq!(machine.run_with_input(&["hash-password"], input).refused(1), says);
    }
}

/// What is printed is taken as it is, and is never the same.
#[test]
fn client_secret_prints_a_secret_and_its_hash() {
    let machine = Machine::new("");
    let printed = || {
        let text = machine.run(&["client-secret"]).done();
        let lines: Vec<&str> = text.lines().collect();
        let [secret, hash] = lines[..] else { panic!("{text}") };
        let secret = secret.strip_prefix("secret: ").unwrap().to_owned();
        (secret, hash.strip_prefix("hash: ").unwrap().parse::<SecretHash>().unwrap())
    };
    let (secret, hash) = printed();
    assert!(hash.fits(&secret), "{secret}");
    assert_eq!(URL_SAFE_NO_PAD.decode(&secret).unwrap().len(), 32, "256 bits");
    assert_ne!(printed(), (secret, hash));
}

#[test]
fn completions_name_every_command() {
    let machine = Machine::new("");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = machine.run(&["completions", shell]).done();
        for command in
            ["serve", "append", "check", "keygen", "hash-password", "crd", "policy", "completions"]
        {
            assert!(script.contains(command), "{command} for {shell}");
        }
        assert!(script.contains("settings-file"), "{shell}");
    }
    machine.write("pasee.bash", machine.run(&["completions", "bash"]).done());
    let bash =
        std::process::Command::new("bash").arg("-n").arg(machine.path("pasee.bash")).status();
    assert!(bash.unwrap().success(), "bash reads it");
}

/// What stands below the options is under a heading that says so.
#[test]
fn manual_pages_have_headings_of_their_own() {
    let machine = Machine::new(&settings());
    for command in ["append", "apply", "man"] {
        let page = machine.run(&["man", command]).done();
        assert!(page.contains("\n.SH NOTES\n") && !page.contains("EXTRA"), "{page}");
    }
}

#[test]
fn output_that_nobody_reads_is_no_mistake() {
    let machine = Machine::new(&settings());
    for arguments in [
        &["check"][..],
        &["version"],
        &["man"],
        &["keygen"],
        &["crd"],
        &["policy", "--namespace", "pasee"],
        &["completions", "zsh"],
        &["append", "--groups", "staff", "local-a", "local-b"],
        &["--version"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = machine.command(arguments);
        command.stdout(writer);
        let ran = wait(command);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    }
    let all_there = machine.run(&["append", "--groups", "staff", "local-a", "local-b"]).done();
    assert_eq!(all_there.matches("already").count(), 2, "{all_there}");
}

#[test]
fn output_that_finds_no_room_is_told() {
    let machine = Machine::new(&settings());
    let mut command = machine.command(&["check"]);
    command.stdout(Stdio::from(File::options().write(true).open("/dev/full").unwrap()));
    assert_eq!(
        wait(command).refused(1),
        "pasee: standard output cannot be written\n  because: No space left on device (os error 28)\n"
    );
}
