//! Help, versions, and arguments that are no right ones: clap's style and exit code everywhere.

use super::support::machine::{Machine, SETTINGS};

#[test]
fn every_command_has_help() {
    let machine = Machine::new("");
    for (arguments, lines) in [
        (
            "--help",
            &[
                "Identity providers in, groups out: logs users in and gives them short-lived JWTs with their groups.",
                "Without a command, serves the HTTP API.",
                "Usage: pasee [OPTIONS] [COMMAND]",
                "  serve          Serves the HTTP API; the default",
                "      --append",
                "          Puts users in groups; the older spelling of `pasee append`",
                "          [env: PASEE_SETTINGS_FILE=]",
            ][..],
        ),
        ("serve --help", &["Usage: pasee serve [OPTIONS]"]),
        (
            "append --help",
            &[
                "Puts users in groups, as the operator of this machine: how the first root staff comes to be",
                "Usage: pasee append [OPTIONS] --groups <GROUP> <USER>...",
                "  <USER>...  The users, such as kisee-ada",
                "  pasee append --groups staff kisee-ada                      makes Ada root staff",
            ],
        ),
        (
            "check --help",
            &[
                "Says what is wrong with the settings file and the files it names, or what it means; changes nothing",
                "Usage: pasee check [OPTIONS]",
            ],
        ),
        (
            "keygen --help",
            &[
                "Usage: pasee keygen [OPTIONS]",
                "          - ES256:  ECDSA on P-256, understood everywhere",
                "          - RS256:  RSA with 2048 bits, understood everywhere; slow to sign",
                "          - ES256K: ECDSA on secp256k1, as Kisee signs; few understand it",
                "          [default: ES256]",
            ],
        ),
        ("hash-password --help", &["Usage: pasee hash-password [OPTIONS]"]),
        (
            "crd --help",
            &[
                "Prints the custom resource definitions, for `kubectl apply -f -`",
                "Usage: pasee crd [OPTIONS]",
            ],
        ),
        (
            "policy --help",
            &[
                "Prints the policy, roles and accounts of a realm on Kubernetes, for `kubectl apply -f -`",
                "Usage: pasee policy [OPTIONS] --namespace <NAMESPACE>",
            ],
        ),
        (
            "controller --help",
            &[
                "Brings the custom resources of a Kubernetes namespace to what they ask for, and says how they stand",
                "Usage: pasee controller [OPTIONS]",
            ],
        ),
        (
            "apply --help",
            &[
                "Reads manifests, as `kubectl apply -f` takes them, into the file that the settings name",
                "Usage: pasee apply [OPTIONS] --filename <FILE>",
                "  kubectl get pasee -o yaml | pasee apply -f -",
            ],
        ),
        (
            "export --help",
            &[
                "Writes all groups as manifests, which `kubectl apply -f` and `pasee apply -f` take",
                "Usage: pasee export [OPTIONS]",
                "  pasee export --hand-over | kubectl apply -f -      moves all groups to a cluster",
            ],
        ),
        ("completions --help", &["Usage: pasee completions [OPTIONS] <SHELL>"]),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let help = machine.run(&arguments).done();
        for line in lines {
            assert!(help.lines().any(|found| found == *line), "{line:?} in\n{help}");
        }
        let option = "./settings.toml, ~/settings.toml and /etc/pasee/settings.toml";
        assert!(help.contains(option), "{help}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let version = Machine::new("").run(&["--version"]).done();
    assert_eq!(version, format!("pasee {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_unknown_command_is_told_as_clap_tells_it() {
    let machine = Machine::new(SETTINGS);
    let told = machine.run(&["srve"]).refused(2);
    // What clap says of an unknown command below one of its own making.
    let of_clap = machine.run(&["help", "srve"]).refused(2);
    assert_eq!(
        told,
        "error: unrecognized subcommand 'srve'\n\n  tip: a similar subcommand exists: 'serve'\n\n\
         Usage: pasee [OPTIONS] [COMMAND]\n\nFor more information, try '--help'.\n"
    );
    assert_eq!(told.lines().next(), of_clap.lines().next());
    let told = machine.run(&["qqqq"]).refused(2);
    assert!(told.starts_with("error: unrecognized subcommand 'qqqq'\n\nUsage:"), "{told}");
}

#[test]
fn wrong_arguments_end_with_2() {
    let machine = Machine::new(SETTINGS);
    for (arguments, says) in [
        ("--append", "--groups <GROUP>"),
        ("--append local-ada", "--groups <GROUP>"),
        ("--append --groups staff", "<USER>..."),
        ("--groups staff local-ada", "--append"),
        ("append local-ada", "--groups <GROUP>"),
        ("append --groups staff", "<USER>..."),
        ("append --groups Admin local-ada", "a group name is made of segments of a-z and 0-9"),
        ("append --groups staff,, local-ada", "a group name"),
        ("append --groups staff.admin local-ada", "staff"),
        ("keygen --algorithm PS256", "[possible values: ES256, RS256, ES256K]"),
        ("apply", "--filename <FILE>"),
        ("apply x.yaml", "unexpected argument 'x.yaml'"),
        ("export x.yaml", "unexpected argument 'x.yaml'"),
        ("completions tcsh", "[possible values: bash, elvish, fish, powershell, zsh]"),
        ("check --file x", "unexpected argument '--file'"),
        ("serve now", "unexpected argument 'now'"),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let told = machine.run(&arguments).refused(2);
        assert!(told.starts_with("error: ") && told.contains(says), "{arguments:?}: {told}");
        assert!(told.ends_with("For more information, try '--help'.\n"), "{told}");
    }
    assert!(!machine.path("data").exists(), "nothing was made");
}
