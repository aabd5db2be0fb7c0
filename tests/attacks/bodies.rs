//! Bodies that are no bodies, and queries that are no queries.

use serde_json::json;

use crate::support::pasee::Setup;

#[tokio::test]
async fn malformed_bodies_are_refused_everywhere() {
    let pasee = Setup::default().members("g", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{{\"login\":{}{}}}", open.repeat(depth), close.repeat(depth))
    };
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" ".to_vec(),
        b"null".to_vec(),
        b"true".to_vec(),
        b"0".to_vec(),
        b"1e999".to_vec(),
        b"\"x\"".to_vec(),
        b"[]".to_vec(),
        b"[{}]".to_vec(),
        b"{".to_vec(),
        b"{}{}".to_vec(),
        b"{} x".to_vec(),
        b"{'group':'x'}".to_vec(),
        b"{group:1}".to_vec(),
        b"{\"group\":\"x\",}".to_vec(),
        b"\0".to_vec(),
        b"{\"group\":\"x\"}\0".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"\xff\xfe{\0}\0".to_vec(),
        b"{\"group\":\"\xff\"}".to_vec(),
        b"{\"group\":\"\xc0\xaf\"}".to_vec(),
        b"{\"group\":\"\xed\xa0\x80\"}".to_vec(),
        b"{\"group\":\"\\ud800\"}".to_vec(),
        b"{\"group\":\"a\nb\"}".to_vec(),
        b"{\"group\":\"x\",\"group\":\"y\"}".to_vec(),
        b"{\"group\":\"x\",\"gr\\u006fup\":\"y\"}".to_vec(),
        b"{\"group\":NaN}".to_vec(),
        b"{\"group\":1e400}".to_vec(),
        b"group=x".to_vec(),
        b"<group>x</group>".to_vec(),
        nested("[", "]", 200).into(),
        nested("{\"a\":", "1}", 200).into(),
        nested("[", "", 30_000).into(),
        "{\"a\":[".repeat(10_000).into(),
    ];
    let places = [
        ("POST", "/tokens/?idp=local"),
        ("POST", "/groups/"),
        ("POST", "/groups/g/"),
        ("PATCH", "/users/local-ada"),
    ];
    for body in bodies {
        for (method, path) in places {
            let ask = pasee.ask(method, path).bearer(&root).body(body.clone());
            let answer = ask.send().await;
            let told = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            assert_eq!(answer.status.as_u16(), 400, "{method} {path} {told:?}");
            assert!(!answer.title().is_empty());
        }
    }
}

#[tokio::test]
async fn wrong_types_and_unknown_fields_are_refused() {
    let pasee = Setup::default().members("g", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5),
        json!(18_446_744_073_709_551_615_u64),
        json!([]),
        json!(["x"]),
        json!({}),
        json!({"$ne": ""}),
    ];
    for value in values {
        for (method, path, body) in [
            ("POST", "/groups/", json!({"group": value})),
            ("POST", "/groups/g/", json!({"username": value})),
            ("POST", "/tokens/?idp=local", json!({"login": value, "password": "x"})),
            ("POST", "/tokens/?idp=local", json!({"login": "ada", "password": value})),
            ("PATCH", "/users/local-ada", json!({"not_before": value})),
        ] {
            let answer = pasee.ask(method, path).bearer(&root).json(&body).await;
            assert_eq!(answer.status.as_u16(), 400, "{method} {path} {body}");
        }
        if !value.is_boolean() {
            let body = json!({"is_banned": value});
            pasee.ask("PATCH", "/users/local-ada").bearer(&root).json(&body).await.is(400);
        }
    }
    for field in ["__proto__", "creator", "role", "expires_at", "is_staff", "GROUP", "group "] {
        for (path, known, value) in
            [("/groups/", "group", "x"), ("/groups/g/", "username", "local-you")]
        {
            let mut body = json!({known: value});
            body[field] = json!("staff");
            if field != known {
                pasee.ask("POST", path).bearer(&root).json(&body).await.is(400);
            }
        }
    }
}

#[tokio::test]
async fn queries_are_read_strictly_and_never_break() {
    let pasee = Setup::default().start().await;
    let login = json!({"login": "ada", "password": "pw-ada"});
    let long = "x".repeat(20_000);
    let table = [
        ("idp=local", 201),
        ("idp=loc%61l", 201),
        ("&&idp=local&", 201),
        ("idp=local&unknown=1", 201),
        ("idp=local&idp=local", 400),
        ("idp=local&idp=", 400),
        ("idp=local&%69dp=x", 400),
        ("idp=local&refresh", 400),
        ("idp=local&refresh=", 400),
        ("refresh&refresh", 400),
        ("", 400),
        ("Idp=local", 400),
        ("idp", 404),
        ("idp=", 404),
        ("idp=local%00", 404),
        ("idp=%ff", 404),
        ("idp=%", 404),
        ("idp=%zz", 404),
        ("idp=LOCAL", 404),
        ("idp=local%20", 404),
        ("idp=local+", 404),
        ("idp=../local", 404),
        ("idp=local%0d%0aX:%20y", 404),
        ("idp[]=local", 400),
        ("idp=local;refresh", 404),
        ("idp=local&scope=", 400),
        ("idp=local&scope=staff&scope=a", 400),
    ];
    for (query, status) in table {
        let answer = pasee.ask("POST", &format!("/tokens/?{query}")).json(&login).await;
        assert_eq!(answer.status.as_u16(), status, "{query}: {answer:?}");
    }
    for query in [
        &format!("idp={long}"),
        &format!("{long}=x&idp=x"),
        &"&".repeat(20_000),
        &"a=b&".repeat(5_000),
    ] {
        let answer = pasee.ask("POST", &format!("/tokens/?{query}")).json(&login).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
    let head = format!("GET /tokens/?{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    let answer = pasee.raw(head).await;
    assert!(
        answer.starts_with("HTTP/1.1 414")
            || answer.starts_with("HTTP/1.1 431")
            || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
}
