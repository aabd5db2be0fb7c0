//! Help, versions, and arguments that are no right ones: clap's style and exit code everywhere.

use super::support::machine::{Machine, SETTINGS, wait};

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
                "  serve               Serves the HTTP API; the default",
                "      --append",
                "          Puts users in groups; the older spelling of `pasee append`",
                "          [alias: --settings]",
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
                "Says whether a server would start with these settings, what they mean and what is unsafe; changes nothing",
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
        ("hash-password --help", &["Usage: pasee hash-password"]),
        ("client-secret --help", &["Usage: pasee client-secret"]),
        (
            "crd --help",
            &[
                "Prints the custom resource definitions, for `kubectl apply -f -`",
                "Usage: pasee crd",
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
        (
            "login --help",
            &[
                "Logs you in to a Pasee, once for all your shells",
                "Usage: pasee login [OPTIONS]",
                "  pasee login --device                                       in a browser elsewhere, by a code that you type there",
            ],
        ),
        ("token --help", &["Usage: pasee token [OPTIONS]"]),
        ("whoami --help", &["Usage: pasee whoami [OPTIONS]"]),
        ("logout --help", &["Usage: pasee logout [OPTIONS]"]),
        ("groups --help", &["Usage: pasee groups [OPTIONS]"]),
        ("members --help", &["Usage: pasee members [OPTIONS] <GROUP>"]),
        (
            "add --help",
            &[
                "Usage: pasee add [OPTIONS] <USER> <GROUP>",
                "  pasee add kisee-ada articles.drafts --staff          Ada runs it: decides who is in it",
            ],
        ),
        ("remove --help", &["Usage: pasee remove [OPTIONS] <USER> <GROUP>"]),
        ("leave --help", &["Usage: pasee leave [OPTIONS] <GROUP>"]),
        (
            "kubeconfig --help",
            &["Usage: pasee kubeconfig [OPTIONS] --server <URL> --audience <AUDIENCE>"],
        ),
        (
            "kubectl-credential --help",
            &["Usage: pasee kubectl-credential [OPTIONS] --audience <AUDIENCE>"],
        ),
        ("completions --help", &["Usage: pasee completions <SHELL>"]),
        ("man --help", &["Usage: pasee man [OPTIONS] [COMMAND]"]),
        ("version --help", &["Usage: pasee version"]),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let help = machine.run(&arguments).done();
        for line in lines {
            assert!(help.lines().any(|found| found == *line), "{line:?} in\n{help}");
        }
        // Commands offer what they read.
        let option = "./settings.toml, ~/settings.toml and /etc/pasee/settings.toml";
        let reads = ["--help", "serve", "append", "check", "apply", "export"];
        assert_eq!(help.contains(option), reads.contains(&arguments[0]), "{help}");
    }
}

#[test]
fn options_stand_with_what_reads_them() {
    let machine = Machine::new(SETTINGS);
    for (arguments, says) in [
        ("keygen --settings-file settings.toml", "unexpected argument '--settings-file'"),
        ("--settings-file settings.toml keygen", "this command reads no settings"),
        ("--settings settings.toml version", "this command reads no settings"),
        ("--port 1 check", "--host and --port say where to serve"),
        ("check --port 1", "unexpected argument '--port'"),
        ("serve --port 0", "invalid value '0' for '--port <PORT>'"),
        ("--host http://localhost", "is no address; right ones are"),
        ("srve --help", "unrecognized subcommand 'srve'"),
        ("--settings-file settings.toml srve --help", "unrecognized subcommand 'srve'"),
        ("srve --version", "unrecognized subcommand 'srve'"),
        ("append srve --hlp", "unexpected argument '--hlp'"),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let told = machine.run(&arguments).refused(2);
        assert!(told.starts_with("error: ") && told.contains(says), "{arguments:?}: {told}");
    }
    // In front of the command or behind it, by either name; behind it wins, and both win over the environment.
    machine.write("other.toml", "prt = 1\n[jwt]\niss = \"i\"\n");
    for arguments in [
        "check --settings-file other.toml",
        "--settings-file other.toml check",
        "--settings other.toml check",
        "--settings-file settings.toml check --settings other.toml",
    ] {
        let mut command = machine.command(&arguments.split(' ').collect::<Vec<_>>());
        command.env("PASEE_SETTINGS_FILE", "settings.toml");
        let told = wait(command).refused(1);
        assert!(told.starts_with("pasee: other.toml cannot be used:"), "{arguments}: {told}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let machine = Machine::new("");
    let version = machine.run(&["version"]).done();
    let lines: Vec<&str> = version.lines().collect();
    assert_eq!(lines[0], format!("pasee {}", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("built for tests on linux "), "{version}");
    assert_eq!(lines.len(), 4, "{version}");
    assert_eq!(machine.run(&["--version"]).done(), version);
    assert_eq!(machine.run(&["-V"]).done(), format!("{}\n", lines[0]));
}

#[test]
fn every_command_has_a_manual_page() {
    let machine = Machine::new("");
    machine.run(&["man", "--output", "share/man1"]).done();
    let page = |name: &str| std::fs::read_to_string(machine.path("share/man1").join(name)).unwrap();
    assert!(page("pasee.1").contains(".SH SUBCOMMANDS"), "{}", page("pasee.1"));
    for command in [
        "serve",
        "append",
        "check",
        "keygen",
        "hash-password",
        "client-secret",
        "apply",
        "export",
        "man",
    ] {
        let page = page(&format!("pasee-{command}.1"));
        assert!(page.contains(&format!(".TH pasee-{command} 1")), "{page}");
        assert_eq!(machine.run(&["man", command]).done(), page);
    }
    assert!(page("pasee-append.1").contains("makes Ada root staff"));
    assert_eq!(machine.run(&["man"]).done(), page("pasee.1"));
    let told = machine.run(&["man", "srve"]).refused(1);
    assert!(
        told.starts_with("pasee: there is no command \"srve\"; those there are: serve,"),
        "{told}"
    );
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
        ("--groups staff local-ada", "unexpected argument '--groups'"),
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
