//! `pasee check --online`: each provider and the API server are asked, at once and not for long.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::check::settings;
use super::support::machine::Machine;
use super::support::pasee::free_port;

/// Answers every request by its first line; the port.
fn server(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = answered(stream, &answer);
        }
    });
    port
}

fn answered(
    stream: TcpStream,
    answer: &impl Fn(&str) -> (u16, String),
) -> Result<(), std::io::Error> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (status, body) = answer(first.trim());
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    reader.get_mut().write_all((head + &body).as_bytes())
}

fn provider(name: &str, protocol: &str, endpoint: &str, settings: &str) -> String {
    format!(
        "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"{protocol}\"\n{endpoint}[identity_providers.settings]\n{settings}\n\
         timeout = 1\n"
    )
}

#[test]
fn what_providers_say() {
    let home = server(|_| (200, r#"{"resources": {"jwt": {"href": "/jwt/"}}}"#.to_owned()));
    let other = server(|_| (200, r#"{"nothing": "of this kind"}"#.to_owned()));
    // Accepts and never answers.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let hung_port = hung.local_addr().unwrap().port();
    let key = super::support::machine::SETTINGS.split("\"\"\"").nth(1).unwrap();
    let kisee = |name: &str, port: u16| {
        let endpoint = format!("endpoint = \"http://127.0.0.1:{port}/\"\n");
        provider(name, "kisee", &endpoint, &format!("public_keys = [\"\"\"{key}\"\"\"]"))
    };
    let oidc = |name: &str, port: u16| {
        let issuer = format!("issuer = \"http://127.0.0.1:{port}\"\nclient_id = \"a\"");
        provider(name, "oidc", "", &issuer)
    };
    let of = |providers: &[String]| {
        let settings = settings();
        let local = settings.split("[[identity_providers]]\nname = \"kisee\"").next().unwrap();
        Machine::new(&format!("{local}{}", providers.concat()))
    };
    let machine = of(&[kisee("well", home)]);
    let before = machine.everything();
    let ran = machine.run(&["check", "--online"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    for says in [
        "\n- local: its users stand in the settings.\n".to_owned(),
        format!("\n- well: a Kisee answers, and takes logins at http://127.0.0.1:{home}/jwt/.\n"),
    ] {
        assert!(ran.out.contains(&says), "{says} in {}", ran.out);
    }
    assert_eq!(machine.everything(), before);
    // Without --online nobody is asked.
    let machine = of(&[kisee("closed", free_port())]);
    machine.run(&["check"]).done();

    let machine = of(&[
        kisee("closed", free_port()),
        kisee("well", home),
        kisee("other", other),
        oidc("hung", hung_port),
        oidc("stranger", other),
    ]);
    let ran = machine.run(&["check", "--online", "--output", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let findings = report["findings"].as_array().unwrap();
    for (name, code, because) in [
        ("closed", "provider-fails", "cannot be reached"),
        ("other", "provider-fails", "a JSON home document without resources"),
        ("hung", "provider-fails", "cannot be reached"),
        ("stranger", "provider-fails", "invalid"),
        ("well", "provider-answers", ""),
        ("local", "provider-answers", ""),
    ] {
        let of_name: Vec<_> = findings.iter().filter(|it| it["provider"] == name).collect();
        let [found] = of_name[..] else { panic!("{name}: {report}") };
        assert_eq!(found["code"], code, "{found}");
        assert!(found["because"].to_string().contains(because), "{found}");
        assert!(found["line"].as_u64().is_some_and(|line| line > 1), "{found}");
    }
    // Why, says the log.
    assert!(
        ran.err.contains("provider=closed") || ran.err.contains("provider=other"),
        "{}",
        ran.err
    );

    // A mistake comes first.
    let machine =
        of(&[kisee("well", home), "[tls]\ncertificate = \"a\"\nkey = \"b\"\n".to_owned()]);
    let ran = machine.run(&["check", "--online", "--output", "json"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("\"not-asked\"") && !ran.out.contains("provider-answers"),
        "{}",
        ran.out
    );
}

/// An API server that has nothing, one that has everything, and none.
#[test]
fn what_the_api_server_says() {
    let status = |code: u16| {
        format!(
            r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","reason":"NotFound","code":{code}}}"#
        )
    };
    let review = |allowed: bool| {
        format!(
            r#"{{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{{}},"spec":{{}},"status":{{"allowed":{allowed}}}}}"#
        )
    };
    let kinds = ["groups", "memberships", "users", "oauthclients", "sessionrevocations"].map(|name| {
        format!(
            r#"{{"name":"{name}","singularName":"","namespaced":true,"kind":"X","verbs":["get"]}}"#
        )
    });
    let resources = format!(
        r#"{{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"pasee.meltylab.fr/v1","resources":[{}]}}"#,
        kinds.join(",")
    );
    let namespace =
        r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"realm"}}"#.to_owned();
    let empty = server(move |request| {
        if request.contains("selfsubjectaccessreviews") {
            (201, review(false))
        } else {
            (404, status(404))
        }
    });
    let whole = server(move |request| match request.split(' ').nth(1).unwrap() {
        path if path.contains("selfsubjectaccessreviews") => (201, review(true)),
        path if path.contains("/namespaces/realm") => (200, namespace.clone()),
        path if path.contains("/apis/pasee.meltylab.fr/v1") => (200, resources.clone()),
        path => (404, path.to_owned()),
    });
    for (port, code, says) in [
        (
            empty,
            1,
            &[
                "- there is no namespace realm; kubectl create namespace realm makes it\n",
                "- the cluster has no groups, memberships, users, oauthclients, sessionrevocations of pasee.meltylab.fr/v1; pasee crd |",
                "- in the namespace realm this account may not: create groups, delete groups,",
                "get leases/",
            ][..],
        ),
        (
            whole,
            0,
            &["\n- The Kubernetes API server has the namespace realm and Pasee's definitions"],
        ),
        (free_port(), 1, &["the Kubernetes API server with the groups cannot be asked"]),
    ] {
        let kubernetes = "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nnamespace = \"realm\"\n\
                          kubeconfig = \"kubeconfig\"\n";
        let settings = settings();
        let local = settings.split("[[identity_providers]]\nname = \"kisee\"").next().unwrap();
        let machine = Machine::new(&format!("private_key_file = \"key.pem\"\n{local}{kubernetes}"));
        machine.run(&["keygen", "--output", "key.pem"]).done();
        let server = super::check::KUBECONFIG
            .replace("http://127.0.0.1:9", &format!("http://127.0.0.1:{port}"));
        machine.write("kubeconfig", server);
        let ran = machine.run(&["check", "--online"]);
        let told = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, code, "{told}");
        for says in says {
            assert!(told.contains(says), "{says:?} in {told}");
        }
    }
}
